"""The text of a plan's errors is a user interface: every one is a file, as with policies."""

import os
from pathlib import Path

import pytest

from moderation.assembly import compile_review_plan, signal_specs
from moderation.domain.errors import PolicyError
from moderation.domain.verdict import Verdict
from moderation.policy.compile import compile_policy
from moderation.review.compile_plan import compile_plan
from moderation.review.plan import Budget, Plan, ReviewQueue
from tests.policy.signals import SPECS
from tests.review.plans import SHIPPED, rule, small, small_text

FOLDER = Path(__file__).parent / "errors"


@pytest.fixture(scope="module")
def shipped() -> Plan:
    return compile_review_plan(SHIPPED.read_text(encoding="utf-8"), SHIPPED.name)


@pytest.mark.parametrize("name", ["plan_document", "plan_meaning"])
def test_every_problem_is_shown_at_its_place_with_a_hint(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    expected = FOLDER / f"{name}.txt"
    with pytest.raises(PolicyError) as caught:
        compile_plan(text, SPECS, source=f"{name}.yaml")
    if os.environ.get("MODERATION_WRITE_EXPECTED"):
        expected.write_text(caught.value.message + "\n", encoding="utf-8")
    assert caught.value.message + "\n" == expected.read_text(encoding="utf-8")


def test_the_shipped_plan_names_every_queue_and_category_of_the_policy(shipped: Plan) -> None:
    policy = compile_policy((SHIPPED.parent / "feed.yaml").read_text(encoding="utf-8"), signal_specs(), source="feed")
    queues = {rule.queue for rule in policy.rules if rule.verdict is Verdict.HOLD} | set(policy.failure_queues.values())
    assert queues - set(shipped.queues) == set()
    assert {rule.category for rule in policy.rules} - {""} - set(shipped.categories) == set()


def test_the_shipped_plan_is_usable_by_keyboard_and_careful(shipped: Plan) -> None:
    assert len(shipped.rejections) == 9
    assert all(category.reasons for category in shipped.rejections)
    assert set(shipped.exposure.budgets) <= set(shipped.categories)
    gravest = [category for category in shipped.categories.values() if category.gravest]
    assert gravest
    for category in gravest:
        assert category.double
        assert category.warn
        assert category.carry_seconds == 0
        assert shipped.queue(category.appeals_queue).restricted
        assert shipped.appeal_queue("", category.name) == category.appeals_queue


def test_nothing_restricted_leads_out(shipped: Plan) -> None:
    for name in (*shipped.restricted_queues, "a-queue-that-was-dropped"):
        targets = {
            shipped.escalation_queue(name),
            shipped.disagreement_queue(name),
            shipped.appeal_queue(name, "spam"),
            *shipped.escalation_targets(name),
        }
        assert all(shipped.queue(target).restricted for target in targets - {""})


def test_ordinary_ways() -> None:
    plan = small()
    assert plan.escalation_queue("spam") == ReviewQueue.ESCALATIONS
    assert plan.escalation_targets("spam") == ("escalations", "closed", "vault")
    assert plan.escalation_queue("closed") == "vault"
    assert plan.escalation_targets("escalations") == ("closed", "vault")
    assert plan.escalation_queue("escalations") == plan.escalation_queue("vault") == ""
    assert plan.disagreement_queue("spam") == ReviewQueue.DISAGREEMENTS
    assert plan.disagreement_queue("closed") == "vault"
    assert plan.disagreement_queue("vault") == "vault"
    assert plan.appeal_queue("spam", "spam") == plan.appeal_queue("", "spam") == ReviewQueue.APPEALS
    assert plan.appeal_queue("vault", "spam") == "vault"


def test_unknown_names_are_taken_for_the_worst() -> None:
    plan = small()
    assert plan.queue("gone").restricted
    assert plan.category("gone").severity > 50
    assert plan.category("").severity == 50
    for name in ("gone", ""):
        category = plan.category(name)
        assert not category.known
        assert not category.offered
        assert category.carry_seconds == 0


def test_minutes_become_seconds(shipped: Plan) -> None:
    assert shipped.queue("spam").service_seconds == 240 * 60
    assert shipped.category("spam").carry_seconds == 4320 * 60
    assert shipped.exposure.budgets["minors"] == Budget(items=40, seconds=1200)
    assert shipped.exposure.break_after_seconds == 3000


def test_conditions_read_signals_and_job_facts() -> None:
    plan = small(rule("young", "job_rule = 'scam_links' AND caption_script <> 'latin'", language="ru"))
    assert plan.routing[0].language == "ru"


def test_the_text_is_kept_as_it_is() -> None:
    text = small_text() + "# a comment at the end\n"
    plan = compile_plan(text, SPECS, source="x", number=7)
    assert (plan.text, plan.number) == (text, 7)
