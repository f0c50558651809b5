"""Whether a submission may decide a job: who sends it, and whether it fits."""

import math
import re
from collections.abc import Sequence

from sqlalchemy import Connection, select

from moderation.domain.decision import Action, Submission
from moderation.domain.errors import ConflictError, ForbiddenError, InvalidInputError
from moderation.domain.ids import PostId
from moderation.domain.job import JobKind
from moderation.domain.people import Capability, Person, Role
from moderation.storage.review.decision_rows import deciders
from moderation.storage.review.terms import Terms
from moderation.storage.rows import AnyRow
from moderation.storage.tables import job_exclusions

MAX_NOTE_CHARS = 4_000
MAX_REASONS = 20
MAX_SECONDS = 86_400.0
BATCH = re.compile(r"[0-9A-Za-z-]{8,36}")
_APPEAL_ACTIONS = frozenset({Action.UPHOLD, Action.OVERTURN, Action.ESCALATE})
_OTHER_ACTIONS = frozenset({Action.APPROVE, Action.REJECT, Action.ESCALATE})
BY_OTHERS = frozenset({JobKind.SECOND, JobKind.DISAGREEMENT, JobKind.APPEAL, JobKind.AUDIT})
"""Kinds that nobody decides who decided the same post before."""


def is_storable(text: str) -> bool:
    """Whether both databases can keep the text: no NUL, no half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def check_form(submission: Submission) -> None:
    """Raise `InvalidInputError` for what no job would take."""
    if not BATCH.fullmatch(submission.batch):
        raise InvalidInputError("The submission's id must be 8 to 36 letters, digits and hyphens.")
    if len(submission.note) > MAX_NOTE_CHARS:
        raise InvalidInputError(f"A note has up to {MAX_NOTE_CHARS:,} characters.")
    texts = (submission.note, submission.category, submission.queue, *submission.reasons)
    if not all(is_storable(text) for text in texts):
        raise InvalidInputError("The text has characters that cannot be stored.")
    if len(submission.reasons) > MAX_REASONS or not all(submission.reasons):
        raise InvalidInputError(f"A decision has up to {MAX_REASONS} reasons, none of them empty.")
    if not math.isfinite(submission.seconds):
        raise InvalidInputError("The handling time is not a number.")
    if submission.action is Action.REJECT and not (submission.category and submission.reasons):
        raise InvalidInputError("A rejection needs a category and a reason.")


def check_fits(row: AnyRow, submission: Submission, members: Sequence[PostId], terms: Terms) -> None:
    """Raise `InvalidInputError` for an action that the job does not know, or exceptions that are not of it."""
    allowed = _APPEAL_ACTIONS if row.kind is JobKind.APPEAL else _OTHER_ACTIONS
    if submission.action not in allowed:
        raise InvalidInputError(f"This job is not decided with {submission.action}.")
    if submission.action is Action.ESCALATE and terms.escalate is None:
        raise InvalidInputError("There is nobody to escalate this job to.")
    if not submission.exceptions <= set(members):
        raise InvalidInputError("An exception is not one of the job's posts.")
    if submission.exceptions == set(members):
        raise InvalidInputError("Every post is an exception; then there is nothing to decide.")


def check_person(connection: Connection, row: AnyRow, person: Person, members: Sequence[PostId]) -> None:
    """Raise `ForbiddenError` unless the person may decide this job, whatever lease they have."""
    if not person.may(Capability.DECIDE) or person.disabled_at is not None:
        raise ForbiddenError("Your role does not decide.")
    if row.queue not in person.queues:
        raise ForbiddenError("This job is in a queue that you were not let into.")
    if row.kind is JobKind.DISAGREEMENT and person.role is not Role.SENIOR:
        raise ForbiddenError("A disagreement is decided by a senior moderator.")
    query = select(job_exclusions.c.job_id)
    query = query.where(job_exclusions.c.job_id == row.id, job_exclusions.c.account_id == person.id)
    if connection.execute(query).first() is not None:
        raise ForbiddenError("This job is for somebody else.")
    if row.kind in BY_OTHERS and person.id in deciders(connection, members):
        raise ForbiddenError("You decided this before; somebody else must look at it.")


def check_batch(submission: Submission, person: Person, *, account: str, job_id: str, action: Action) -> None:
    """Raise `ConflictError` when the id was used for something else than this submission."""
    if (account, job_id, action) != (person.id, submission.job_id, submission.action):
        raise ConflictError("This submission's id was used before for another decision.")


def handling_seconds(submission: Submission) -> float:
    """How long the person had the job, as the browser says, within a day."""
    return min(MAX_SECONDS, max(0.0, submission.seconds))
