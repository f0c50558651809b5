"""The policy in force, read again whenever its file changes."""

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from moderation.domain.errors import ModerationError, PolicyError
from moderation.domain.ids import Digest
from moderation.screening.ports import Judge

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0


class PolicySource:
    """Gives the newest valid policy. A file that became invalid or unreadable changes nothing but `problem`.

    `remember(digest, text)` keeps the text for replay before the first verdict rests on it; if that fails, the policy
    before it stays in force. Construction raises `PolicyError` when the first policy is not valid.
    """

    def __init__(
        self,
        path: Path,
        *,
        compile_text: Callable[[str], Judge],
        remember: Callable[[Digest, str], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._compile = compile_text
        self._remember = remember
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._judge = self._load(self._read())
        self._refused: Digest | None = None
        self._checked = monotonic()
        self.problem = ""
        """Why the file as it is now is not in force; empty when it is."""

    def current(self) -> Judge:
        """The policy in force; looks at the file at most once a second."""
        with self._lock:
            if self._monotonic() - self._checked >= CHECK_SECONDS:
                self._checked = self._monotonic()
                self._reload()
            return self._judge

    def _reload(self) -> None:
        try:
            text = self._read()
        except PolicyError as error:
            self._refuse(error)
            return
        digest = Digest(hashlib.sha256(text.encode()).hexdigest())
        if digest == self._judge.digest:
            self._refused, self.problem = None, ""
        elif digest != self._refused:
            try:
                self._judge, self._refused, self.problem = self._load(text), None, ""
                log.info("policy_reloaded", policy=digest)
            except PolicyError as error:
                self._refused = digest
                self._refuse(error)
            except ModerationError as error:
                self._refuse(error)

    def _refuse(self, error: ModerationError) -> None:
        self.problem = error.message
        log.error("policy_refused", reason=error.message, in_force=self._judge.digest)

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError(f"The policy {self._path} cannot be read: {error}.") from error

    def _load(self, text: str) -> Judge:
        judge = self._compile(text)
        self._remember(judge.digest, text)
        return judge
