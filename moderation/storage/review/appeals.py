"""Appeals: an author asks again, and somebody who did not decide before answers."""

from datetime import datetime

from moderation.domain.appeal import Appeal
from moderation.domain.ids import AppealId, PostId
from moderation.domain.job import Route
from moderation.storage.engine import Database

APPEALS_QUEUE = "appeals"


class AppealStore:
    """The appeals of one database; decisions on their jobs resolve them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, post_id: PostId, *, client: str, text: str, now: datetime, route: Route | None = None) -> Appeal:
        """Appeal against the newest rejection of a post. `route` says where it waits (None: the queue `appeals`).

        Raises `NotFoundError` for no such post, `ConflictError` when the post is not rejected or withdrawn, an appeal
        is open, or this rejection was appealed before, `InvalidInputError` for an empty or too long text.
        """
        raise NotImplementedError

    def get(self, appeal_id: AppealId) -> Appeal | None:
        """The appeal, or None."""
        raise NotImplementedError

    def of_post(self, post_id: PostId) -> list[Appeal]:
        """A post's appeals, oldest first."""
        raise NotImplementedError
