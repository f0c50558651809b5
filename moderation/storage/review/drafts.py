"""What people are typing about a job, so that a closed browser or a restarted server loses nothing."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from moderation.domain.errors import TooLargeError
from moderation.domain.ids import AccountId, JobId
from moderation.storage.engine import Database
from moderation.storage.tables import job_drafts

MAX_NOTE_CHARS = 4_000


class DraftStore:
    """The drafts of one database: one note for each person and job."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, account: AccountId, job: JobId) -> str:
        """What the person typed about the job, "" if nothing."""
        query = select(job_drafts.c.note).where(job_drafts.c.account_id == account, job_drafts.c.job_id == job)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none() or ""

    def keep(self, account: AccountId, job: JobId, note: str, *, now: datetime) -> None:
        """Keep `note` in place of what there was; "" forgets it. Raises `TooLargeError` over `MAX_NOTE_CHARS`."""
        if len(note) > MAX_NOTE_CHARS:
            raise TooLargeError(f"A note has at most {MAX_NOTE_CHARS} characters.")
        if not note:
            self.forget(account, job)
            return
        try:
            self._write(account, job, note.replace("\0", ""), now=now)
        except IntegrityError:  # the other of two first drafts at once: now there is one to replace
            self._write(account, job, note.replace("\0", ""), now=now)

    def forget(self, account: AccountId, job: JobId) -> None:
        """The note was sent, or is not wanted."""
        with self._database.write() as connection:
            connection.execute(delete(job_drafts).where(job_drafts.c.account_id == account, job_drafts.c.job_id == job))

    def _write(self, account: AccountId, job: JobId, note: str, *, now: datetime) -> None:
        mine = (job_drafts.c.account_id == account) & (job_drafts.c.job_id == job)
        with self._database.write() as connection:
            if connection.execute(update(job_drafts).where(mine).values(note=note, at=now)).rowcount == 0:
                connection.execute(insert(job_drafts).values(account_id=account, job_id=job, note=note, at=now))
