"""Gold items: posts whose right answer is known, mixed into people's work to measure it."""

from collections.abc import Sequence
from datetime import datetime

from moderation.domain.decision import Action
from moderation.domain.ids import AccountId, PostId
from moderation.domain.job import Job
from moderation.domain.people import Person
from moderation.domain.quality import GoldItem, GoldResult
from moderation.domain.worker import Worker
from moderation.storage.engine import Database


class GoldStore:
    """The gold items of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, post_id: PostId, *, queue: str, action: Action, category: str, note: str, person: Person, now: datetime
    ) -> GoldItem:
        """Make a post whose story is over a gold item of a queue; `action` is approve or reject.

        Raises `NotFoundError` for no such post, `ConflictError` when it still waits for a decision or is a gold item
        already, `InvalidInputError` for an answer that cannot be given.
        """
        raise NotImplementedError

    def retire(self, gold_id: str, *, person: Person, now: datetime) -> None:
        """Ask nobody about it any more; twice is once. Raises `NotFoundError`."""
        raise NotImplementedError

    def offer(self, worker: Worker, *, now: datetime) -> Job | None:
        """Open a job for a gold item that the person never saw, for that person alone; None when there is none.

        It looks as the post's own job did. A person has one open gold job at most.
        """
        raise NotImplementedError

    def results(self, account: AccountId | None, *, since: datetime, limit: int = 1_000) -> Sequence[GoldResult]:
        """Final answers, newest first; of everybody when `account` is None."""
        raise NotImplementedError

    def list(self, *, retired: bool = False, limit: int = 200) -> list[GoldItem]:
        """Gold items, newest first; retired ones only when asked for."""
        raise NotImplementedError
