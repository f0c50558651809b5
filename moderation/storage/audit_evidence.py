"""What must have an audit event and has none: the rows that the chain should account for."""

import json

from sqlalchemy import Connection, Select, exists, literal, or_, select

from moderation.domain.audit import ChainBreak
from moderation.domain.post import PostState
from moderation.domain.verdict import Verdict
from moderation.storage.approval import approval
from moderation.storage.decision_evidence import decision_without_event, event_without_decision, fate_without_event
from moderation.storage.role_evidence import event_without_role, role_without_event
from moderation.storage.tables import audit_events, posts, verdicts

PAGE = 1_000
LET_IN = (PostState.APPROVED, PostState.PUBLISHED)


def missing_evidence(connection: Connection, head: int) -> ChainBreak | None:
    """The first verdict, decision, publication, change of a model or post state that the (intact) chain up to event
    `head` does not tell of, or that lacks what has to stand behind it.

    A post that no event explains is reported at `head` + 1, where that event should have come at the latest.
    """
    return (
        _verdict_without_event(connection)
        or _event_without_verdict(connection)
        or decision_without_event(connection)
        or event_without_decision(connection)
        or fate_without_event(connection)
        or role_without_event(connection)
        or event_without_role(connection)
        or _unexplained_post(connection, head + 1)
    )


def _verdict_without_event(connection: Connection) -> ChainBreak | None:
    """A verdict row whose event is missing or says something else."""
    query = (
        select(
            verdicts.c.number, verdicts.c.post_id, verdicts.c.verdict, audit_events.c.subject, audit_events.c.payload
        )
        .join_from(verdicts, audit_events, audit_events.c.number == verdicts.c.number, isouter=True)
        .order_by(verdicts.c.number)
        .limit(PAGE)
    )
    after = 0
    while rows := connection.execute(query.where(verdicts.c.number > after)).all():
        for row in rows:
            said = json.loads(row.payload).get("verdict") if row.payload is not None else None
            if row.subject != f"post:{row.post_id}" or said != row.verdict.value:
                return ChainBreak(row.number, f"the verdict on post {row.post_id} is not the one that was audited")
        after = rows[-1].number
    return None


def _event_without_verdict(connection: Connection) -> ChainBreak | None:
    """An event that tells of a verdict which is not there any more."""
    query = (
        select(audit_events.c.number, audit_events.c.subject)
        .where(audit_events.c.kind.in_(("post.verdict", "post.held", "post.retroaction")))
        .where(~exists().where(verdicts.c.number == audit_events.c.number))
    )
    row = connection.execute(query.order_by(audit_events.c.number).limit(1)).one_or_none()
    return None if row is None else ChainBreak(row.number, f"the verdict on {row.subject} was audited and is gone")


def _unexplained_post(connection: Connection, number: int) -> ChainBreak | None:
    """A post past its verdict, or published, without the event that says so."""
    checks: tuple[tuple[Select[str], str], ...] = (
        (_posts_without(("post.received",), tuple(PostState)), "was never received"),
        (
            _posts_without(("post.verdict", "post.held"), (PostState.APPROVED, PostState.HELD, PostState.REJECTED)),
            "has no audited verdict",
        ),
        (_posts_without(("post.published",), (PostState.PUBLISHED,)), "is published without an event"),
        (_withdrawn_by_nobody(), "was withdrawn without an event"),
        (select(posts.c.id).where(posts.c.state.in_(LET_IN), ~approval()).limit(1), "is let in without an approval"),
    )
    for query, problem in checks:
        post_id = connection.execute(query).scalars().first()
        if post_id is not None:
            return ChainBreak(number, f"post {post_id} {problem}")
    return None


def _withdrawn_by_nobody() -> Select[str]:
    """A sweep that only asked a person about a post withdrew nothing: its verdict has to be a rejection."""
    subject = audit_events.c.subject == literal("post:") + posts.c.id
    swept = exists().where(
        subject,
        audit_events.c.kind == "post.retroaction",
        verdicts.c.number == audit_events.c.number,
        verdicts.c.verdict == Verdict.REJECT,
    )
    return _posts_without(("post.decided",), (PostState.WITHDRAWN,)).where(~swept)


def _posts_without(kinds: tuple[str, ...], states: tuple[PostState, ...]) -> Select[str]:
    told = exists().where(
        audit_events.c.subject == literal("post:") + posts.c.id, or_(*(audit_events.c.kind == kind for kind in kinds))
    )
    return select(posts.c.id).where(posts.c.state.in_(states), ~told).limit(1)
