"""Previews of sweeps: each in a thread of its own, one at a time and for so long at the most, and kept for a while.

A preview is what a sweep is confirmed from, and becomes one sweep at the most: a form that is sent twice makes one.
"""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from moderation.domain.errors import ConflictError, ModerationError, NotFoundError, UnavailableError
from moderation.domain.ids import AccountId, PostId
from moderation.domain.retroaction import Case, Cause, Preview, SweepTerms
from moderation.screening.retroaction import Progress
from moderation.storage.engine import Database
from moderation.storage.retroaction_cases import SweptPosts
from review_ui.console.sweep_asked import Asked

log = structlog.get_logger(__name__)

PREVIEW_SECONDS = 60.0
"""A preview that takes longer is ended, and told to be made on the command line."""
KEPT = 20
JOIN_SECONDS = 2.0
Check = Callable[[], None]
Look = Callable[[Progress, Check], Preview]
"""What previews. It calls the check at least once for every few posts."""


class TooLongError(ModerationError):
    """A preview was ended because it took too long."""

    code = "preview_too_long"
    status = 422


class StoppedError(ConflictError):
    """A preview was ended because somebody said so, or the server ends."""

    code = "preview_stopped"


@dataclass(frozen=True, slots=True)
class Trial:
    """One preview. `found` is None while it runs and where `problem` says why there is nothing; `text` is the policy
    that judges, "" for a stored one; `posts` is about how many there are; `sweep` is what was made of it.
    """

    id: str
    owner: AccountId
    asked: Asked
    cause: Cause
    terms: SweepTerms
    text: str = field(repr=False)
    started_at: datetime
    posts: int = 0
    scanned: int = 0
    finished_at: datetime | None = None
    found: Preview | None = None
    problem: ModerationError | None = None
    sweep: str = ""

    @property
    def running(self) -> bool:
        """Whether it is not over yet."""
        return self.finished_at is None


class CheckedPosts(SweptPosts):
    """The posts of a database, with a check before any is judged."""

    def __init__(self, database: Database, check: Check) -> None:
        super().__init__(database)
        self._check = check

    def cases(self, post_ids: Sequence[PostId]) -> list[Case]:
        """As `SweptPosts.cases`. Raises what the check raises."""
        self._check()
        return super().cases(post_ids)


class Trials:
    """The newest previews of this process."""

    def __init__(self, *, seconds: float = PREVIEW_SECONDS) -> None:
        self._seconds = seconds
        self._kept: OrderedDict[str, Trial] = OrderedDict()
        self._turn = threading.Lock()
        self._making = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def begin(self, trial: Trial, look: Look, clock: Callable[[], datetime]) -> Trial:
        """Preview in another thread. What the same person asked for and still runs is not begun again.

        Raises `UnavailableError` while another preview runs.
        """
        with self._turn:
            running = next((one for one in self._kept.values() if one.running), None)
            if running is not None:
                if (running.owner, running.asked) == (trial.owner, trial.asked):
                    return running
                raise UnavailableError(
                    "Another preview runs, and one at a time is enough.",
                    hint=f"It ends by itself within {self._seconds:.0f} seconds. Try again then.",
                )
            if self._closed:
                raise UnavailableError("The server is about to end.")
            self._stop.clear()
            self._kept[trial.id] = trial
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            self._thread = threading.Thread(target=self._run, args=(trial, look, clock), name="preview", daemon=True)
            self._thread.start()
        return trial

    def get(self, trial_id: str, owner: AccountId) -> Trial:
        """The person's preview. Raises `NotFoundError` for one that is not kept, or is not theirs."""
        with self._turn:
            found = self._kept.get(trial_id)
        if found is None or found.owner != owner:
            raise NotFoundError("There is no such preview.", hint="It may be too old. Look again, from the form.")
        return found

    def stop(self, trial_id: str, owner: AccountId) -> None:
        """End a preview that runs. Raises `NotFoundError`."""
        if self.get(trial_id, owner).running:
            self._stop.set()

    def make(self, trial_id: str, owner: AccountId, create: Callable[[Trial], str]) -> str:
        """The id of the sweep that was made of a preview, or is made of it now: one, however often it is asked for.

        Raises `NotFoundError`, and what `create` raises: nothing is made then, and it may be tried again.
        """
        with self._making:
            trial = self.get(trial_id, owner)
            if trial.sweep:
                return trial.sweep
            made = create(trial)
            self._change(trial_id, sweep=made)
            return made

    def close(self) -> None:
        """End what runs."""
        with self._turn:
            self._closed, thread = True, self._thread
        self._stop.set()
        if thread is not None:
            thread.join(JOIN_SECONDS)

    def _run(self, trial: Trial, look: Look, clock: Callable[[], datetime]) -> None:
        until = time.monotonic() + self._seconds

        def check() -> None:
            if self._stop.is_set():
                raise StoppedError("The preview was stopped.")
            if time.monotonic() > until:
                raise TooLongError(f"The preview took more than {self._seconds:.0f} seconds, and was ended.")

        def progress(scanned: int) -> None:
            self._change(trial.id, scanned=scanned)
            check()

        try:
            found = look(progress, check)
        except ModerationError as error:
            self._change(trial.id, problem=error, finished_at=clock())
        except Exception:
            log.exception("sweep_preview_failed")
            problem = UnavailableError("The preview ended with an error; see the log.")
            self._change(trial.id, problem=problem, finished_at=clock())
        else:
            self._change(trial.id, found=found, scanned=found.scanned, finished_at=clock())

    def _change(self, trial_id: str, **facts: object) -> None:
        with self._turn:
            kept = self._kept.get(trial_id)
            if kept is not None:
                self._kept[trial_id] = replace(kept, **facts)  # type: ignore[arg-type]  # fields of a trial


def new_trial_id() -> str:
    """A name that nobody guesses."""
    return secrets.token_urlsafe(12)
