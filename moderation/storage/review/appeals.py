"""Appeals: an author asks again, and somebody who did not decide before answers."""

import hashlib
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, insert, select

from moderation.domain.appeal import MAX_APPEAL_CHARS, Appeal, AppealState
from moderation.domain.audit import AuditDraft
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import AppealId, JobId, PostId, new_id
from moderation.domain.job import DEFAULT_SEVERITY, JobKind, Route
from moderation.domain.post import PostState
from moderation.storage.audit import append
from moderation.storage.engine import Database
from moderation.storage.review.decision_rows import deciders
from moderation.storage.review.grounds import Rejection, look_of, newest_rejection
from moderation.storage.review.opening import Opening, open_jobs
from moderation.storage.review.submissions import is_storable
from moderation.storage.rows import POST_COLUMNS, AnyRow, post_of
from moderation.storage.tables import appeals, posts

APPEALS_QUEUE = "appeals"
SERVICE_SECONDS = 86_400.0
_REFUSED = frozenset({PostState.REJECTED, PostState.WITHDRAWN})


class AppealStore:
    """The appeals of one database; decisions on their jobs resolve them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, post_id: PostId, *, client: str, text: str, now: datetime, route: Route | None = None) -> Appeal:
        """Appeal against the newest rejection of a post. `route` says where it waits (None: the queue `appeals`).

        Raises `NotFoundError` when the client sent no such post, `ConflictError` when the post is not rejected or
        withdrawn, its picture is kept no longer, an appeal is open, or this rejection was appealed before,
        `InvalidInputError` for an empty or too long text.
        """
        said = _checked(text)
        where = route or Route(APPEALS_QUEUE, DEFAULT_SEVERITY, SERVICE_SECONDS)
        with self._database.write() as connection:
            row = _locked_post(connection, post_id, client)
            rejection = _appealable(connection, row)
            appeal = Appeal(AppealId(new_id(now)), post_id, JobId(""), client, said, AppealState.OPEN, opened_at=now)
            return _open(connection, appeal, row, rejection, where)

    def grounds(self, post_id: PostId) -> tuple[str, str]:
        """The queue in which the post was reviewed ("": in none) and the category under which it was rejected."""
        with self._database.read() as connection:
            rejection = newest_rejection(connection, post_id)
            look = look_of(connection, post_id)
        return look.queue, look.category if rejection is None else rejection.category

    def get(self, appeal_id: AppealId) -> Appeal | None:
        """The appeal, or None."""
        with self._database.read() as connection:
            row = connection.execute(select(appeals).where(appeals.c.id == appeal_id)).one_or_none()
        return None if row is None else _appeal_of(row)

    def of_post(self, post_id: PostId) -> list[Appeal]:
        """A post's appeals, oldest first."""
        query = select(appeals).where(appeals.c.post_id == post_id).order_by(appeals.c.opened_at, appeals.c.id)
        with self._database.read() as connection:
            return [_appeal_of(row) for row in connection.execute(query)]


def _checked(text: str) -> str:
    said = text.strip()
    if not said:
        raise InvalidInputError("An appeal needs a text.")
    if len(said) > MAX_APPEAL_CHARS:
        raise InvalidInputError(f"An appeal has up to {MAX_APPEAL_CHARS:,} characters.")
    if not is_storable(said):
        raise InvalidInputError("The text has characters that cannot be stored.")
    return said


def _locked_post(connection: Connection, post_id: PostId, client: str) -> AnyRow:
    query = select(*POST_COLUMNS, posts.c.image_deleted_at).where(posts.c.id == post_id, posts.c.client == client)
    row = connection.execute(query.with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise NotFoundError("There is no such post.")
    return row


def _appealable(connection: Connection, row: AnyRow) -> Rejection:
    rejection = newest_rejection(connection, row.id)
    if row.state not in _REFUSED or rejection is None:
        raise ConflictError("Only a post that was rejected or withdrawn can be appealed.")
    if row.image_deleted_at is not None:
        raise ConflictError("The picture is kept no longer, so nobody can look at it again.")
    query = select(appeals.c.state, appeals.c.opened_at).where(appeals.c.post_id == row.id)
    latest = connection.execute(query.order_by(appeals.c.opened_at.desc()).limit(1)).one_or_none()
    if latest is not None and latest.state == AppealState.OPEN.value:
        raise ConflictError("An appeal of this post is open already.")
    if latest is not None and latest.opened_at >= rejection.at:
        raise ConflictError("This rejection was appealed before, and stays.")
    return rejection


def _open(connection: Connection, appeal: Appeal, row: AnyRow, rejection: Rejection, route: Route) -> Appeal:
    exclude, look = tuple(deciders(connection, [row.id])), look_of(connection, row.id)
    digest = hashlib.sha256(appeal.text.encode()).hexdigest()
    payload = {"appeal": appeal.id, "category": rejection.category, "text_sha256": digest}
    draft = AuditDraft(appeal.opened_at, "appeal.opened", f"post:{row.id}", f"client:{appeal.client}", payload)
    append(connection, [draft])
    opening = Opening(
        post=post_of(row),
        queue=route.queue,
        category=rejection.category,
        reason=look.reason,
        route=route,
        kind=JobKind.APPEAL,
        origin=appeal.id,
        exclude=exclude,
    )
    (job_id,) = open_jobs(connection, [opening], now=appeal.opened_at)
    opened = replace(appeal, job_id=job_id)
    connection.execute(
        insert(appeals).values(
            id=opened.id,
            post_id=opened.post_id,
            job_id=opened.job_id,
            client=opened.client,
            text=opened.text,
            state=opened.state.value,
            opened_at=opened.opened_at,
        )
    )
    return opened


def _appeal_of(row: AnyRow) -> Appeal:
    return Appeal(
        id=AppealId(row.id),
        post_id=PostId(row.post_id),
        job_id=JobId(row.job_id),
        client=row.client,
        text=row.text,
        state=AppealState(row.state),
        opened_at=row.opened_at,
        resolved_at=row.resolved_at,
    )
