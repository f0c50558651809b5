"""The contents of the banks as a process sees them: loaded once, followed change by change, moved to newer index files.

Whoever searches gets contents that are complete and of one checkpoint, or an error. What a published file holds is
mapped, and shared by all processes: only what is newer is read from the database, and held by each. A file that is
missing or damaged is an error until the same contents were read from the database instead, which begins at once.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from moderation.domain.bank import BankChange
from moderation.domain.errors import BanksUnreadableError, CorruptIndexError, UnavailableError
from moderation.matching.entries.known_entries import PAGE, BankSource, KnownEntries
from moderation.matching.hits import IndexStatus
from moderation.matching.multi_index.folder import CURRENT, current

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
"""How often a look is taken whether another index file was published."""
RETRY_SECONDS = 5.0
"""How long contents that cannot be read are not read again."""


class Contents:
    """Thread-safe. Searches and changes take turns, but nobody waits for a file or for the database."""

    def __init__(
        self, banks: BankSource, *, index: Path | None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._banks = banks
        self._folder = index
        self._monotonic = monotonic
        self._refreshing = threading.Lock()
        self._changing = threading.Lock()
        self._known: KnownEntries | None = None
        self._ready: KnownEntries | None = None
        self._error: UnavailableError | None = None
        self._failed_at = -RETRY_SECONDS
        self._seen_at: float | None = None
        self._looked_at = -LOOK_SECONDS
        self._stamp: object = None
        self._history = 0
        self._file_problem = ""
        self._background: threading.Thread | None = None

    @contextmanager
    def reading(self) -> Iterator[KnownEntries]:
        """The contents, unchanged while the context lasts. Raises `UnavailableError` when there are none to trust."""
        if self._known is None and self._error is None:
            self.refresh()
        with self._changing:
            if self._error is not None:
                raise _again(self._error)
            if self._known is None:
                raise UnavailableError("The banks have not been read.")
            yield self._known

    def refresh(self) -> None:
        """See `Matcher.refresh`."""
        with self._refreshing:
            try:
                self._refresh()
            except UnavailableError as error:
                self._error = error
                raise
            self._error = None
            self._seen_at = self._monotonic()

    def status(self) -> IndexStatus:
        """See `Matcher.status`."""
        known, error = self._known, self._error
        stale = None if self._seen_at is None else self._monotonic() - self._seen_at
        problem = error.message if error is not None else self._file_problem
        if known is None:
            return IndexStatus("", 0, 0, 0, 0, stale, problem or "The banks have not been read.")
        delta, tombstones = known.index.overlay
        return IndexStatus(str(known.checkpoint), known.built_to, len(known.facts), delta, tombstones, stale, problem)

    def _refresh(self) -> None:
        if self._ready is not None:
            self._take(self._ready)
        elif self._known is None:
            self._begin()
        if self._known is not None:
            self._follow(self._known)
            self._look(self._known)

    def _take(self, ready: KnownEntries) -> None:
        """Go over to what was loaded in the background, once it has seen every change: nothing is unknown again."""
        self._follow(ready)
        if self._known is None or not self._known.is_of(self._banks):
            self._history += 1
        ready.history = self._history
        self._known, self._ready = ready, None
        if ready.built_to:
            self._file_problem = ""
            log.info("index_rebased", checkpoint=ready.built_to, entries=len(ready.facts))
        else:
            log.warning("banks_rebuilt", entries=len(ready.facts), checkpoint=ready.checkpoint)

    def _begin(self) -> None:
        """Load everything. While a bad file is being replaced from the database, or just failed: the same error."""
        if self._error is not None and (self._busy() or self._monotonic() - self._failed_at < RETRY_SECONDS):
            raise _again(self._error)
        try:
            self._stamp = None if self._folder is None else _stamp(self._folder)
            base = None if self._folder is None else current(self._folder)
            with self._sense():
                known = KnownEntries.load(self._banks, base)
            self._history += 1
            known.history = self._history
            self._known = known
            self._file_problem = ""
        except CorruptIndexError as error:
            self._alarm(error)
            self._failed_at = self._monotonic()
            self._start(self._rebuild)
            raise

    def _follow(self, known: KnownEntries) -> None:
        """Apply what changed since."""
        with self._sense():
            while True:
                changes = self._banks.changes(known.checkpoint, limit=PAGE)
                if changes:
                    self._apply(known, changes)
                if len(changes) < PAGE:
                    return

    def _apply(self, known: KnownEntries, changes: Sequence[BankChange]) -> None:
        """What could be followed in part only is gone before anybody else can search it."""
        with self._changing:
            try:
                known.apply(changes)
            except Exception:
                self._known = self._ready = None
                raise

    @contextmanager
    def _sense(self) -> Iterator[None]:
        """Contents that make no sense are thrown away, to be read again after a while."""
        try:
            yield
        except UnavailableError:
            raise
        except Exception as error:
            log.exception("banks_unreadable")
            self._known, self._ready, self._failed_at = None, None, self._monotonic()
            raise BanksUnreadableError("The banks cannot be read: their contents make no sense.") from error

    def _look(self, known: KnownEntries) -> None:
        """Go over to another published file, in the background."""
        now = self._monotonic()
        if self._folder is None or self._busy() or now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        seen = _stamp(self._folder)
        if seen != self._stamp:
            self._stamp = seen
            folder = self._folder
            self._start(lambda: self._rebase(known, folder))

    def _rebase(self, known: KnownEntries, folder: Path) -> None:
        """A file that cannot be used is an alarm; what is in memory goes on being complete, and being searched."""
        try:
            base = current(folder)
            if base is None or base.checkpoint > known.checkpoint:
                self._stamp = None
                return
            self._ready = KnownEntries.load(self._banks, base)
        except CorruptIndexError as error:
            self._alarm(error)
        except UnavailableError:
            self._stamp = None

    def _rebuild(self) -> None:
        """Read everything from the database, since the published file cannot be used."""
        self._ready = KnownEntries.load(self._banks)

    def _alarm(self, error: CorruptIndexError) -> None:
        self._file_problem = error.message
        log.error("index_file_corrupt", reason=error.message, folder=str(self._folder))

    def _busy(self) -> bool:
        return self._background is not None and self._background.is_alive()

    def _start(self, work: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                work()
            except Exception:
                log.exception("banks_background_failed")

        self._background = threading.Thread(target=guarded, name="bank-index", daemon=True)
        self._background.start()


def _stamp(folder: Path) -> tuple[int, int, int] | None:
    """What changes when another file is published; None where none ever was."""
    try:
        found = (folder / CURRENT).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _again(error: UnavailableError) -> UnavailableError:
    """The same error, without the traceback of the first time."""
    return type(error)(error.message, hint=error.hint)
