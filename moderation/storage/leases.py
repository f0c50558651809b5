"""Leases on posts: at any moment at most one lane holds a post."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select, update

from moderation.domain.ids import PostId
from moderation.domain.post import PENDING, Claim, PostState, check_transition
from moderation.storage.rows import POST_COLUMNS, AnyRow, AnySelect, claim_of
from moderation.storage.tables import FRESH_SQL, PENDING_SQL, RETRIED_SQL, posts


def available(now: datetime) -> AnySelect:
    """Posts that a lane may take, oldest first: received ones, and those whose lease has expired.

    Never one whose rejection was overturned: no automatic rule acts on it again.
    """
    return (
        select(*POST_COLUMNS, posts.c.attempts)
        .where(PENDING_SQL, posts.c.overturned_at.is_(None))
        .where(or_(posts.c.state == PostState.RECEIVED, posts.c.lease_expires_at <= now))
        .order_by(posts.c.received_at, posts.c.id)
    )


def claim(connection: Connection, lane: str, *, limit: int, lease_seconds: float, now: datetime) -> list[Claim]:
    """Take up to `limit` posts; rows that another transaction is taking at this moment are passed over.

    Only one of them, the oldest, may have been claimed before: a lane screens such a post by itself, and however many
    there are, new posts do not wait behind them.
    """
    rows = _take(connection, available(now).where(RETRIED_SQL), 1) if limit > 1 else []
    rows += _take(connection, available(now).where(FRESH_SQL) if limit > 1 else available(now), limit - len(rows))
    if not rows:
        return []
    token, expires_at = secrets.token_hex(16), now + timedelta(seconds=lease_seconds)
    for row in rows:
        if row.state is not PostState.SCREENING:
            check_transition(row.state, PostState.SCREENING)
    taken = connection.execute(
        update(posts)
        .where(posts.c.id.in_([row.id for row in rows]), posts.c.state.in_(PENDING))
        .values(
            state=PostState.SCREENING,
            attempts=posts.c.attempts + 1,
            lease_token=token,
            lease_lane=lane,
            lease_expires_at=expires_at,
        )
    ).rowcount
    if taken != len(rows):
        raise RuntimeError(f"claimed {taken} of {len(rows)} locked posts")
    return [claim_of(row, token=token, lane=lane, expires_at=expires_at) for row in rows]


def _take(connection: Connection, query: AnySelect, limit: int) -> list[AnyRow]:
    return list(connection.execute(query.limit(limit).with_for_update(skip_locked=True)))


def held(connection: Connection, claims: Sequence[Claim]) -> dict[PostId, AnyRow]:
    """The claims that still hold, as locked rows by post id; locked in id order, so that nobody waits in a circle."""
    if not claims:
        return {}
    tokens = {claim.post.id: claim.token for claim in claims}
    query = (
        select(*POST_COLUMNS, posts.c.lease_token)
        .where(posts.c.id.in_(tokens), posts.c.lease_token.in_(set(tokens.values())))
        .where(posts.c.state == PostState.SCREENING, posts.c.overturned_at.is_(None))
        .order_by(posts.c.id)
        .with_for_update()
    )
    return {PostId(row.id): row for row in connection.execute(query) if row.lease_token == tokens[PostId(row.id)]}


def renew(connection: Connection, claims: Sequence[Claim], *, lease_seconds: float, now: datetime) -> list[Claim]:
    """Extend the leases that still hold."""
    rows = held(connection, claims)
    expires_at = now + timedelta(seconds=lease_seconds)
    connection.execute(update(posts).where(posts.c.id.in_(rows)).values(lease_expires_at=expires_at))
    return [
        replace(claim, expires_at=expires_at)
        for claim in claims
        if claim.post.id in rows and rows[claim.post.id].lease_token == claim.token
    ]


def release(connection: Connection, claims: Sequence[Claim]) -> None:
    """Give back the posts whose leases still hold. What an outage ended does not count as an attempt."""
    rows = held(connection, claims)
    check_transition(PostState.SCREENING, PostState.RECEIVED)
    connection.execute(
        update(posts)
        .where(posts.c.id.in_(rows), posts.c.state == PostState.SCREENING)
        .values(
            state=PostState.RECEIVED,
            attempts=posts.c.attempts - 1,
            lease_token=None,
            lease_lane=None,
            lease_expires_at=None,
        )
    )
