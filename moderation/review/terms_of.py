"""What the review plan says about one decision: whether it fits, and on what terms it is taken. Pure but for chance."""

from collections.abc import Callable

from moderation.domain.decision import Action, Submission
from moderation.domain.errors import InvalidInputError
from moderation.domain.job import Job, JobKind, Route
from moderation.review.plan import CategoryPlan, Plan
from moderation.storage.review.terms import Terms


def check_submission(plan: Plan, submission: Submission) -> None:
    """Raise `InvalidInputError` for a rejection under a category or for a reason that the plan does not offer."""
    if submission.action is not Action.REJECT:
        return
    category = plan.category(submission.category)
    if not category.offered:
        raise InvalidInputError(
            f"The plan has no category “{submission.category}” to reject under.", hint="The plan may have changed."
        )
    unknown = sorted(set(submission.reasons) - {reason.code for reason in category.reasons})
    if unknown or not submission.reasons:
        raise InvalidInputError("A rejection needs reasons of its category.", hint="The plan may have changed.")


def terms_of(plan: Plan, job: Job, submission: Submission, *, chance: Callable[[], float]) -> Terms:
    """The terms for a decision on `job`. Where job and decision name two categories, the stricter one counts.

    `chance` gives a number in [0, 1) and decides whether a second person looks. Raises `InvalidInputError` for an
    escalation to where the plan does not let it go.
    """
    concerned = _concerned(plan, job, submission)
    double = any(category.double for category in concerned)
    restricted = plan.queue(job.queue).restricted
    carries = not restricted and not double and not any(category.gravest for category in concerned)
    severity = max(job.severity, *(category.severity for category in concerned if category.known), 0)
    place = _next_place(plan, job, concerned)
    return Terms(
        undo_seconds=plan.undo_seconds,
        double=double,
        second=_is_drawn(job, submission, concerned, chance),
        carry_seconds=min(category.carry_seconds for category in concerned) if carries else 0.0,
        audit_rate=max(category.audit_rate for category in concerned),
        escalate=_escalation(plan, job, submission),
        for_words=_for_words(concerned, submission),
        second_route=_route(plan, place, job, job.severity, skill=job.skill if place == job.queue else ""),
        disagreement_route=_route(plan, plan.disagreement_queue(place), job, severity),
    )


def _concerned(plan: Plan, job: Job, submission: Submission) -> tuple[CategoryPlan, ...]:
    """The harm that was suspected, and the one that the person names."""
    suspected = plan.category(job.category)
    named = submission.category if submission.action is Action.REJECT else ""
    return (suspected, plan.category(named)) if named and named != job.category else (suspected,)


def _for_words(concerned: tuple[CategoryPlan, ...], submission: Submission) -> bool:
    """Whether one of the reasons lies in caption or prompt."""
    reasons = (reason for category in concerned for reason in category.reasons if category.name == submission.category)
    return any(reason.words and reason.code in submission.reasons for reason in reasons)


def _next_place(plan: Plan, job: Job, concerned: tuple[CategoryPlan, ...]) -> str:
    """In which queue somebody else looks. What is suspected of the gravest harm is only for people named for it, who
    alone may see it: it leaves an ordinary queue for the restricted one that answers for its category.
    """
    gravest = next((category for category in concerned if category.gravest), None)
    if gravest is None or plan.queue(job.queue).restricted:
        return job.queue
    return gravest.appeals_queue


def _is_drawn(
    job: Job, submission: Submission, concerned: tuple[CategoryPlan, ...], chance: Callable[[], float]
) -> bool:
    if job.kind is not JobKind.REVIEW or submission.action is Action.ESCALATE:
        return False
    return chance() < max(category.second_rate for category in concerned)


def _escalation(plan: Plan, job: Job, submission: Submission) -> Route | None:
    usual = plan.escalation_queue(job.queue)
    target = submission.queue or usual
    if submission.action is not Action.ESCALATE:
        target = usual
    elif submission.queue and submission.queue not in plan.escalation_targets(job.queue):
        raise InvalidInputError("This job cannot be escalated to that queue.", hint="The plan may have changed.")
    return _route(plan, target, job, job.severity) if target else None


def _route(plan: Plan, queue: str, job: Job, severity: int, *, skill: str = "") -> Route:
    return Route(queue, severity, plan.queue(queue).service_seconds, language=job.language, skill=skill)
