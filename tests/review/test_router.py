from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from moderation.domain.job import Route
from moderation.domain.signal import FailureReason, SignalFailure, SignalResult
from moderation.domain.verdict import Judgement, Verdict
from moderation.review import router
from moderation.review.job_facts import Grounds, job_facts
from moderation.review.plan import Plan
from moderation.review.router import PlanRouter, Waiting, first_rules, route_by
from tests.factories import a_hit, a_hold, a_post, a_score
from tests.policy.signals import SPECS
from tests.review.plans import rule, small


def nsfw(score: float) -> tuple[SignalResult, ...]:
    return (a_score("image_nsfw", {"image_nsfw": score}),)


def held(queue: str = "spam", category: str = "spam") -> Judgement:
    return Judgement(Verdict.HOLD, complete=True, queue=queue, category=category, reason="Look.", hits=(a_hit(),))


def routed(plan: Plan, judgement: Judgement, results: Sequence[SignalResult] = (), caption: str = "a lake") -> Route:
    return PlanRouter(lambda: plan, SPECS).route(a_post(caption=caption), results, judgement)


def test_without_a_rule_the_policy_and_the_category_say_where() -> None:
    assert routed(small(), held()) == Route("spam", 20, 3600.0)


def test_the_first_rule_that_is_true_counts() -> None:
    plan = small(
        rule("certain", "image_nsfw >= 0.9", queue="adult", severity=70, skill="adult-images")
        + rule("likely", "image_nsfw >= 0.5", severity=60, language="en")
        + rule("any", "job_queue = 'spam'", severity=5)
    )
    assert routed(plan, held(), nsfw(0.95)) == Route("adult", 70, 1800.0, skill="adult-images", rule="certain")
    assert routed(plan, held(), nsfw(0.6)) == Route("spam", 60, 3600.0, language="en", rule="likely")
    assert routed(plan, held(), nsfw(0.1)) == Route("spam", 5, 3600.0, rule="any")
    assert routed(plan, held("adult", ""), nsfw(0.1)) == Route("adult", 50, 1800.0)


@pytest.mark.parametrize(
    "results", [(), (SignalFailure("image_nsfw", FailureReason.ERROR),), (a_score("image_nsfw", {"image_nsfw": 7.0}),)]
)
def test_a_rule_that_cannot_be_decided_is_passed_over(results: tuple[SignalResult, ...]) -> None:
    plan = small(rule("low", "image_nsfw < 0.1", severity=1) + rule("script", "caption_script = 'latin'", severity=33))
    assert routed(plan, held(), results).rule == "script"


def test_job_facts_are_read() -> None:
    plan = small(
        rule("cyrillic", "caption_script = 'cyrillic'", language="ru")
        + rule("failed", "NOT job_complete AND job_rule = '' AND job_category = ''", severity=77)
    )
    assert routed(plan, held(), caption="Тихое озеро").language == "ru"
    undecided = Judgement(Verdict.HOLD, complete=False, queue="signal-failure", category="", reason="", hits=())
    assert routed(plan, undecided).severity == 77


def test_nothing_leaves_a_restricted_queue_and_nothing_gravest_becomes_less_severe() -> None:
    plan = small(rule("out", "job_queue <> 'adult'", queue="spam", severity=3))
    assert routed(plan, held("closed", "minors")) == Route("closed", 100, 600.0, rule="out")
    assert routed(plan, held("gone", "spam")) == Route("gone", 3, 3600.0, rule="out")
    assert routed(plan, held("spam", "spam")) == Route("spam", 3, 3600.0, rule="out")
    assert routed(small(rule("up", "job_queue = 'closed'", queue="vault")), held("closed", "")).queue == "vault"


def test_rules_that_cannot_be_evaluated_at_all_route_as_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise pl.exceptions.ComputeError("broken")

    monkeypatch.setattr(router, "first_rules", fails)
    with capture_logs() as logs:
        found = routed(small(rule("any", "job_queue = 'spam'", severity=5)), held())
    assert found == Route("spam", 20, 3600.0)
    assert [entry["event"] for entry in logs] == ["routing_failed"]


@settings(deadline=None)
@given(
    st.sampled_from(["spam", "adult", "closed", "vault", "gone", "appeals"]),
    st.sampled_from(["", "spam", "minors", "gone"]),
    st.sampled_from(["", "spam", "adult", "closed", "vault"]),
    st.one_of(st.none(), st.integers(0, 100)),
)
def test_whatever_a_rule_says_a_route_is_safe(queue: str, category: str, target: str, severity: int | None) -> None:
    effects = {} if severity is None else {"severity": severity}
    plan = small(rule("it", "job_complete", skill="any", **effects, **({"queue": target} if target else {})))
    for taken in (None, plan.routing[0]):
        found = route_by(plan, Grounds(queue, category, "", complete=True), taken)
        assert plan.may_move(queue, found.queue)
        assert found.queue in {queue, target}
        assert 0 <= found.severity <= 100
        assert found.service_seconds == plan.queue(found.queue).service_seconds > 0
        if plan.category(category).gravest:
            assert found.severity >= plan.category(category).severity


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["lake", "озеро", ""]), st.booleans()), max_size=12))
def test_a_batch_routes_as_its_posts_one_by_one(cases: list[tuple[float, str, bool]]) -> None:
    plan = small(
        rule("high", "image_nsfw >= 0.7 AND caption_script <> 'none'", severity=1)
        + rule("quiet", "caption_script = 'none'", severity=2)
        + rule("incomplete", "NOT job_complete", severity=3)
    )
    waiting = [
        Waiting(a_post(caption=caption), nsfw(score), Grounds("spam", "", "", complete=complete))
        for score, caption, complete in cases
    ]
    together = first_rules(plan.routing, waiting, SPECS)
    assert together == [first_rules(plan.routing, [one], SPECS)[0] for one in waiting]
    for (score, caption, complete), found in zip(cases, together, strict=True):
        expected = "high" if score >= 0.7 and caption else "quiet" if not caption else "" if complete else "incomplete"
        assert (found.name if found else "") == expected


def test_facts_of_the_post_do_not_hide_its_signals() -> None:
    assert job_facts(a_post(), Grounds("q", "c", "r", complete=True)).signal not in {spec.name for spec in SPECS}


def test_the_judgement_of_a_verdict_routes_with_its_first_rule() -> None:
    plan = small(rule("by_rule", "job_rule = 'adult-image'", severity=9))
    assert routed(plan, a_hold("adult")).severity == 9
