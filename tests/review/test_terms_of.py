"""What the shipped plan says about decisions."""

from dataclasses import replace

import pytest

from moderation.assembly import signal_specs
from moderation.domain.decision import Action, Submission
from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import BatchId, JobId, PostId
from moderation.domain.job import Job, JobKind
from moderation.review.compile_plan import compile_plan
from moderation.review.plan import Plan
from moderation.review.terms_of import check_submission, terms_of
from moderation.storage.review.terms import Terms
from tests.factories import after
from tests.review.plans import SHIPPED

ADULT = Job(
    JobId("job"), PostId("post"), "adult", "adult", "It looks adult.", after(0), after(60), severity=50, language="de"
)
MINORS = replace(ADULT, queue="child-safety", category="minors", severity=100)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return compile_plan(SHIPPED.read_text(), signal_specs(), source=SHIPPED.name)


def a_submission(action: Action, *, category: str = "", queue: str = "", reason: str = "nudity") -> Submission:
    reasons = (reason,) if action is Action.REJECT else ()
    return Submission(BatchId("batch-01"), JobId("job"), "token", action, category, reasons, queue=queue)


def terms(plan: Plan, job: Job, submission: Submission, *, drawn: float = 0.99) -> Terms:
    return terms_of(plan, job, submission, chance=lambda: drawn)


def test_an_ordinary_decision_is_carried_and_now_and_then_audited(plan: Plan) -> None:
    found = terms(plan, ADULT, a_submission(Action.APPROVE))
    assert (found.undo_seconds, found.double, found.second) == (8, False, False)
    assert (found.carry_seconds, found.audit_rate) == (1440 * 60, plan.category("adult").audit_rate)
    assert found.audit_rate > 0
    assert (found.second_route.queue, found.second_route.language) == ("adult", "de")
    assert found.disagreement_route.queue == "disagreements"
    assert found.escalate is not None
    assert found.escalate.queue == "escalations"


@pytest.mark.parametrize(("drawn", "second"), [(0.0, True), (0.0499, True), (0.05, False), (0.9, False)])
def test_a_share_of_decisions_is_looked_at_again(plan: Plan, drawn: float, second: bool) -> None:
    assert terms(plan, ADULT, a_submission(Action.APPROVE), drawn=drawn).second is second
    assert not terms(plan, ADULT, a_submission(Action.ESCALATE), drawn=drawn).second
    for kind in set(JobKind) - {JobKind.REVIEW}:
        assert not terms(plan, replace(ADULT, kind=kind), a_submission(Action.APPROVE), drawn=drawn).second


@pytest.mark.parametrize(
    ("job", "submission"),
    [
        (MINORS, a_submission(Action.APPROVE)),
        (MINORS, a_submission(Action.REJECT, category="adult")),
        (ADULT, a_submission(Action.REJECT, category="minors")),
        (replace(ADULT, category="minors"), a_submission(Action.APPROVE)),
    ],
)
def test_the_gravest_harm_takes_two_people_and_is_never_carried(plan: Plan, job: Job, submission: Submission) -> None:
    found = terms(plan, job, submission)
    assert found.double
    assert found.carry_seconds == 0
    assert found.disagreement_route.severity == 100


@pytest.mark.parametrize(
    ("job", "submission"),
    [
        (ADULT, a_submission(Action.REJECT, category="minors")),
        (replace(ADULT, category="minors", skill="law"), a_submission(Action.APPROVE)),
    ],
)
def test_the_gravest_harm_leaves_an_ordinary_queue_for_those_who_may_see_it(
    plan: Plan, job: Job, submission: Submission
) -> None:
    found = terms(plan, job, submission)
    assert (found.second_route.queue, found.second_route.skill) == ("child-safety", "")
    assert found.disagreement_route.queue == "child-safety-leads"


@pytest.mark.parametrize(
    "job", [replace(ADULT, category=""), replace(ADULT, category="dropped"), replace(ADULT, queue="dropped")]
)
def test_what_the_plan_does_not_know_is_not_carried(plan: Plan, job: Job) -> None:
    assert terms(plan, job, a_submission(Action.APPROVE)).carry_seconds == 0


def test_of_two_categories_the_stricter_one_counts(plan: Plan) -> None:
    found = terms(plan, ADULT, a_submission(Action.REJECT, category="hate"), drawn=0.07)
    assert found.second
    assert found.carry_seconds == 720 * 60
    assert found.disagreement_route.severity == 65


@pytest.mark.parametrize(("reason", "for_words"), [("nudity", False), ("sexual_text", True)])
def test_a_rejection_for_words_says_so(plan: Plan, reason: str, for_words: bool) -> None:
    assert terms(plan, ADULT, a_submission(Action.REJECT, category="adult", reason=reason)).for_words is for_words
    assert not terms(plan, ADULT, a_submission(Action.APPROVE)).for_words


def test_restricted_jobs_stay_restricted(plan: Plan) -> None:
    found = terms(plan, MINORS, a_submission(Action.ESCALATE))
    assert found.escalate is not None
    assert (found.escalate.queue, found.escalate.severity) == ("child-safety-leads", 100)
    assert (found.second_route.queue, found.disagreement_route.queue) == ("child-safety", "child-safety-leads")
    with pytest.raises(InvalidInputError):
        terms(plan, MINORS, a_submission(Action.ESCALATE, queue="escalations"))


def test_an_escalation_goes_where_the_plan_lets_it(plan: Plan) -> None:
    found = terms(plan, ADULT, a_submission(Action.ESCALATE, queue="child-safety"))
    assert found.escalate is not None
    assert found.escalate.queue == "child-safety"
    for queue in ("spam", "none", "adult"):
        with pytest.raises(InvalidInputError):
            terms(plan, ADULT, a_submission(Action.ESCALATE, queue=queue))


def test_a_rejection_names_a_category_and_reasons_of_the_plan(plan: Plan) -> None:
    check_submission(plan, a_submission(Action.APPROVE))
    check_submission(plan, a_submission(Action.REJECT, category="adult"))
    for bad in (
        a_submission(Action.REJECT, category="none"),
        a_submission(Action.REJECT, category=""),
        a_submission(Action.REJECT, category="adult", reason="scam"),
        replace(a_submission(Action.REJECT, category="adult"), reasons=()),
    ):
        with pytest.raises(InvalidInputError):
            check_submission(plan, bad)
