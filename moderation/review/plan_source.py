"""The review plan in force: the newest stored one, else the file; a plan that is broken never stops anybody's work."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from moderation.domain.errors import ModerationError, PolicyError
from moderation.review.plan import Plan

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0
LOOK_BACK = 20
"""How many stored versions are tried, newest first, until one can be read."""


class StoredVersion(Protocol):
    """One version of the plan in the database."""

    @property
    def number(self) -> int:
        """Its version."""
        ...

    @property
    def text(self) -> str:
        """The document."""
        ...


class StoredPlans(Protocol):
    """What the database knows of plans."""

    def newest(self) -> int:
        """The number of the newest version, 0 when there is none; cheap."""
        ...

    def history(self, limit: int) -> Sequence[StoredVersion]:
        """Up to `limit` versions, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What was looked at (the newest version's number, or the file's text) and the plan that came of it."""

    seen: int | str
    plan: Plan


class PlanSource:
    """Gives the plan in force. `compile_text(text, source, number)` raises `PolicyError` for a broken document.

    Construction reads the file or the database once; it raises `PolicyError` only when nothing at all can be read.
    """

    def __init__(
        self,
        stored: StoredPlans,
        path: Path,
        *,
        compile_text: Callable[[str, str, int], Plan],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stored = stored
        self._path = path
        self._compile = compile_text
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self.problem = ""
        """Why the newest version is not in force; empty when it is."""
        self._loaded = self._first()
        self._checked = monotonic()

    @property
    def loaded(self) -> Plan:
        """The plan that was in force when somebody last asked for the current one; reads nothing."""
        return self._loaded.plan

    def current(self) -> Plan:
        """The plan in force; looks for a newer one at most once a second. Never raises."""
        with self._lock:
            if self._monotonic() - self._checked >= CHECK_SECONDS:
                self._look()
                self._checked = self._monotonic()
            return self._loaded.plan

    def refresh(self) -> Plan:
        """The plan in force, looked for now: after a version was saved."""
        with self._lock:
            self._look()
            self._checked = self._monotonic()
            return self._loaded.plan

    def _look(self) -> None:
        try:
            number = self._stored.newest()
            if number:
                if number != self._loaded.seen:
                    self._loaded = _Loaded(number, self._newest_good() or self._loaded.plan)
            else:
                self._look_at_file()
        except ModerationError as error:
            self._refuse(error)

    def _look_at_file(self) -> None:
        text = self._read()
        if text == self._loaded.seen:
            return
        try:
            self._loaded = _Loaded(text, self._compile(text, self._path.name, 0))
            self.problem = ""
        except PolicyError as error:
            self._loaded = _Loaded(text, self._loaded.plan)
            self._refuse(error)

    def _newest_good(self) -> Plan | None:
        """The newest stored version that can be read; says so when that is not the newest."""
        self.problem = ""
        for version in self._stored.history(LOOK_BACK):
            try:
                return self._compile(version.text, f"plan {version.number}", version.number)
            except PolicyError as error:
                self._refuse(error)
        return None

    def _first(self) -> _Loaded:
        try:
            number = self._stored.newest()
            plan = self._newest_good() if number else None
            if plan is not None:
                return _Loaded(number, plan)
        except ModerationError as error:
            self._refuse(error)
            number = 0
        text = self._read()
        return _Loaded(number or text, self._compile(text, self._path.name, 0))

    def _refuse(self, error: ModerationError) -> None:
        if error.message != self.problem:
            log.error("review_plan_refused", reason=error.message)
        self.problem = error.message

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError(f"The review plan {self._path} cannot be read: {error}.") from error
