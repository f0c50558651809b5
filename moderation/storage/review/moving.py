"""Acts by which a person puts a job somewhere else: back, to others, aside, to somebody by name. All are audited."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import AccountId
from moderation.domain.job import JobKind, JobState
from moderation.domain.people import CAPABILITIES, Capability, Role
from moderation.storage.audit import append
from moderation.storage.review import leasing
from moderation.storage.rows import AnyRow
from moderation.storage.tables import accounts, job_exclusions, queue_grants

MAX_HOLD = timedelta(days=14)
WOKEN_ALONE = timedelta(hours=1)
"""How long a woken job waits for its holder before it is everybody's."""
HANDED_OVER = timedelta(days=1)
"""How long a job waits for the person it was handed to: if they never come, somebody else decides."""
MAX_NOTE_CHARS = 2_000


def release(connection: Connection, row: AnyRow, account: AccountId, *, now: datetime) -> None:
    """End the lease; what waits for a person by name still does."""
    leasing.end(connection, [row.id])
    _tell(connection, row, "job.released", account, {}, now)


def skip(connection: Connection, row: AnyRow, account: AccountId, *, reason: str, now: datetime) -> None:
    """Never offer the job to this person again. A gold item was theirs alone, and is closed."""
    _check_note(reason, "reason")
    changes: dict[str, object] = {"assigned_to": None, "assigned_until": None}
    if row.kind is JobKind.GOLD:
        changes = {"state": JobState.CLOSED, "closed_at": now}
    leasing.end(connection, [row.id], **changes)
    exclude(connection, row.id, account, reason=f"skipped: {reason}", now=now)
    _tell(connection, row, "job.skipped", account, {"reason": reason}, now)


def hold(
    connection: Connection, row: AnyRow, account: AccountId, *, wake_at: datetime, note: str, now: datetime
) -> None:
    """Offer the job to nobody until `wake_at`, and then to this person first."""
    _check_note(note, "note")
    if not now < wake_at <= now + MAX_HOLD:
        raise InvalidInputError(f"A job can be put aside for up to {MAX_HOLD.days} days.")
    leasing.end(
        connection,
        [row.id],
        available_at=wake_at,
        wake_at=wake_at,
        held_by=account,
        assigned_to=account,
        assigned_until=_until(row, wake_at + WOKEN_ALONE),
    )
    _tell(connection, row, "job.held", account, {"wake_at": wake_at.isoformat(), "note": note}, now)


def hand_over(
    connection: Connection, row: AnyRow, account: AccountId, *, to: AccountId, note: str, now: datetime
) -> None:
    """Give the job to a named person."""
    _check_note(note, "note")
    if to == account:
        raise InvalidInputError("You have this job already.")
    name = _check_recipient(connection, row, to)
    _assign(connection, row, to, now)
    _tell(connection, row, "job.handed_over", account, {"to": name, "note": note}, now)


def assign(connection: Connection, row: AnyRow, to: AccountId | None, *, actor: str, now: datetime) -> None:
    """Take the job from whoever has it, and give it to a named person, or to everybody."""
    name = "" if to is None else _check_recipient(connection, row, to)
    _assign(connection, row, to, now)
    payload: dict[str, Json] = {"to": name, "from": row.lease_holder or row.held_by or ""}
    append(connection, [AuditDraft(now, "job.assigned", f"job:{row.id}", actor, payload)])


def exclude(connection: Connection, job_id: str, account: AccountId, *, reason: str, now: datetime) -> None:
    """Never offer the job to the person (again); the newest reason is kept."""
    key = (job_exclusions.c.job_id == job_id, job_exclusions.c.account_id == account)
    connection.execute(delete(job_exclusions).where(*key))
    connection.execute(
        insert(job_exclusions).values(job_id=job_id, account_id=account, reason=reason, at=now),
    )


def _assign(connection: Connection, row: AnyRow, to: AccountId | None, now: datetime) -> None:
    until = None if to is None else _until(row, now + HANDED_OVER)
    leasing.end(connection, [row.id], wake_at=None, held_by=None, assigned_to=to, assigned_until=until)


def _until(row: AnyRow, moment: datetime) -> datetime | None:
    """Until when nobody else is offered the job. A gold item is never anybody else's."""
    return None if row.kind is JobKind.GOLD else moment


def _check_recipient(connection: Connection, row: AnyRow, to: AccountId) -> str:
    """The person's name. Raises `InvalidInputError` unless they may decide the job; not why, for that may be secret."""
    granted = select(queue_grants.c.queue).where(queue_grants.c.account_id == to, queue_grants.c.queue == row.queue)
    left = select(job_exclusions.c.job_id).where(job_exclusions.c.job_id == row.id, job_exclusions.c.account_id == to)
    query = select(accounts.c.name, accounts.c.role, granted.exists().label("granted"), left.exists().label("left"))
    person = connection.execute(query.where(accounts.c.id == to, accounts.c.disabled_at.is_(None))).one_or_none()
    able = person is not None and Capability.DECIDE in CAPABILITIES[person.role] and person.granted and not person.left
    senior = person is not None and (person.role is Role.SENIOR or row.kind is not JobKind.DISAGREEMENT)
    if person is None or not able or not senior:
        raise InvalidInputError(
            "That person cannot decide this job.", hint="Choose somebody who works in this queue and has not left it."
        )
    return str(person.name)


def _check_note(text: str, what: str) -> None:
    if len(text) > MAX_NOTE_CHARS or "\0" in text:
        raise InvalidInputError(f"A {what} has up to {MAX_NOTE_CHARS} characters.")


def _tell(
    connection: Connection, row: AnyRow, kind: str, account: AccountId, payload: dict[str, Json], now: datetime
) -> None:
    actor = leasing.actor_of(connection, account)
    append(connection, [AuditDraft(now, kind, f"job:{row.id}", actor, {"queue": row.queue, **payload})])
