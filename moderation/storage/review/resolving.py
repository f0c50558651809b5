"""How an appeal ends: with a binding answer, or with the senior decision where two answers differed."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from moderation.domain.appeal import AppealState
from moderation.domain.audit import AuditDraft
from moderation.domain.decision import Decision
from moderation.domain.ids import MessageId, PostId, new_id
from moderation.domain.job import JobKind
from moderation.domain.outbox import Message
from moderation.domain.post import PostState
from moderation.storage.audit import append
from moderation.storage.messages import send
from moderation.storage.review.asking import Settled
from moderation.storage.rows import AnyRow
from moderation.storage.tables import appeals, decisions, jobs

ACTOR = "system:settlement"


def resolve(connection: Connection, row: AnyRow, due: Sequence[Settled], *, now: datetime) -> str:
    """Resolve the appeal that the job in `row` is about; returns `upheld`, `overturned`, or "" when none was.

    What counts is whether the post is in the feed now: another decision may have let it in meanwhile. The author learns
    of it by a message of its own.
    """
    one = next((one for one in due if one.outcome is not None), None)
    appeal_id = "" if one is None else _appeal_of(connection, row)
    if one is None or one.outcome is None or not appeal_id:
        return ""
    stays_out = (one.outcome.state or one.post.state) in {PostState.REJECTED, PostState.WITHDRAWN}
    state = AppealState.UPHELD if stays_out else AppealState.OVERTURNED
    still_open = (appeals.c.id == appeal_id, appeals.c.state == AppealState.OPEN.value)
    ended = connection.execute(update(appeals).where(*still_open).values(state=state.value, resolved_at=now))
    if ended.rowcount == 0:
        return ""
    _tell(connection, appeal_id, one.decision, state, now)
    return state.value


def _appeal_of(connection: Connection, row: AnyRow) -> str:
    """The appeal's id: the job's origin, or that of the appeal job whose two answers differed."""
    if row.kind is JobKind.APPEAL:
        return str(row.origin)
    if row.kind is not JobKind.DISAGREEMENT:
        return ""
    query = (
        select(jobs.c.origin)
        .join_from(jobs, decisions, decisions.c.job_id == jobs.c.id)
        .where(decisions.c.batch == row.origin, jobs.c.kind == JobKind.APPEAL)
        .limit(1)
    )
    return connection.execute(query).scalar() or ""


def _tell(connection: Connection, appeal_id: str, decision: Decision, state: AppealState, now: datetime) -> None:
    kind, post_id = f"appeal.{state.value}", PostId(decision.post_id)
    draft = AuditDraft(
        now, kind, f"post:{post_id}", ACTOR, {"appeal": appeal_id, "decision": decision.id, "batch": decision.batch}
    )
    event = append(connection, [draft])[0]
    payload = {"post_id": post_id, "appeal": appeal_id, "outcome": state.value}
    send(connection, [(event, Message(MessageId(new_id(now)), kind, post_id, payload, now))], now=now)
