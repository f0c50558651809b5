"""What a decision means for its job: whether it binds, and whom it is put before next."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, exists

from moderation.domain.decision import Action, Decision, Fate, Submission
from moderation.domain.job import JobKind
from moderation.domain.quality import label_of
from moderation.storage.review.decision_rows import by_person, of_batch, read, undone
from moderation.storage.review.follow_up import Back, FollowUp
from moderation.storage.review.terms import Terms
from moderation.storage.rows import AnyRow
from moderation.storage.tables import decisions, gold_items, jobs

_COMPARED = frozenset({JobKind.SECOND, JobKind.AUDIT})


@dataclass(frozen=True, slots=True)
class Ruling:
    """`binding`: it moves the posts when it settles. `follow_up` is what settlement does beside that."""

    binding: bool
    follow_up: FollowUp = field(default_factory=FollowUp)


def ruling(connection: Connection, row: AnyRow, submission: Submission, terms: Terms) -> Ruling:
    """How `submission` counts for the job in `row`, as its kind and the plan's terms say.

    Where what it is compared with cannot be found, it binds nobody and goes to a senior person. An audit of a decision
    that was undone is a first look like any other: there is nothing to compare it with.
    """
    if row.kind is JobKind.GOLD:
        return Ruling(binding=False, follow_up=FollowUp(agreed=_is_right(connection, row, submission)))
    if submission.action is Action.ESCALATE:
        target = "" if terms.escalate is None else terms.escalate.queue
        return Ruling(binding=False, follow_up=FollowUp(back=Back.of(row), target=target))
    if row.kind is JobKind.REVIEW:
        return _first(terms)
    if row.kind is JobKind.APPEAL:
        return _answer_to_appeal(connection, row, submission, terms)
    return _second(connection, row, submission, terms) if row.kind in _COMPARED else Ruling(binding=True)


def _second(connection: Connection, row: AnyRow, submission: Submission, terms: Terms) -> Ruling:
    earlier = by_person(of_batch(connection, row.origin))
    if row.kind is JobKind.AUDIT and earlier and all(one.fate is Fate.UNDONE for one in earlier):
        return _first(terms)
    if not earlier or label_of(earlier[0].action, earlier[0].category) != _label(submission):
        return _disagreement(terms)
    waits = row.kind is JobKind.AUDIT or not earlier[0].binding
    return Ruling(binding=waits, follow_up=FollowUp(agreed=True))


def _first(terms: Terms) -> Ruling:
    if terms.double:
        return Ruling(binding=False, follow_up=FollowUp(opens=JobKind.SECOND, route=terms.second_route))
    if terms.second:
        return Ruling(binding=True, follow_up=FollowUp(opens=JobKind.SECOND, route=terms.second_route))
    return Ruling(binding=True)


def _answer_to_appeal(connection: Connection, row: AnyRow, submission: Submission, terms: Terms) -> Ruling:
    """Where two people must agree, no single one overturns: a second one answers the same appeal."""
    earlier = _answers_to_appeal(connection, row)
    if earlier:
        if earlier[-1].action is submission.action:
            return Ruling(binding=True, follow_up=FollowUp(agreed=True))
        return _disagreement(terms)
    if terms.double and submission.action is Action.OVERTURN:
        return Ruling(binding=False, follow_up=FollowUp(opens=JobKind.APPEAL, route=terms.second_route))
    return Ruling(binding=True)


def _answers_to_appeal(connection: Connection, row: AnyRow) -> list[Decision]:
    """Answers that others gave to the same appeal and that wait for a second one, oldest first."""
    same_appeal = exists().where(jobs.c.id == decisions.c.job_id, jobs.c.origin == row.origin, jobs.c.id != row.id)
    return read(
        connection,
        decisions.c.post_id == row.post_id,
        decisions.c.kind == JobKind.APPEAL,
        decisions.c.action != Action.ESCALATE,
        decisions.c.binding.is_(False),
        ~undone(),
        same_appeal,
    )


def _disagreement(terms: Terms) -> Ruling:
    follow_up = FollowUp(opens=JobKind.DISAGREEMENT, route=terms.disagreement_route, agreed=False)
    return Ruling(binding=False, follow_up=follow_up)


def _label(submission: Submission) -> str:
    return label_of(submission.action, submission.category)


def _is_right(connection: Connection, row: AnyRow, submission: Submission) -> bool:
    query = gold_items.select().where(gold_items.c.id == row.origin)
    item = connection.execute(query).one()
    return label_of(item.action, item.category) == _label(submission)
