"""Passwords: argon2id with the parameters of RFC 9106, the same time for a name that nobody has, and a floor."""

import base64
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from moderation.domain.errors import InvalidInputError, UnavailableError

TIME_COST = 3
MEMORY_KIB = 65_536
PARALLELISM = 4
"""RFC 9106, section 4, second recommended option: t = 3, p = 4, 64 MiB."""
AT_ONCE = 2
"""Hashes computed at the same time; each takes `MEMORY_KIB`."""
WAIT_SECONDS = 10.0

MIN_CHARS = 12
MAX_CHARS = 256
MIN_DIFFERENT = 5
GIVEN_WORDS = 5
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without characters that look like others."""


class Passwords:
    """Hashes and verifies. Safe to share between threads."""

    def __init__(
        self, *, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB, parallelism: int = PARALLELISM
    ) -> None:
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism)
        self._nobody = (
            f"$argon2id$v=19$m={memory_kib},t={time_cost},p={parallelism}"
            f"${_unpadded(secrets.token_bytes(16))}${_unpadded(secrets.token_bytes(32))}"
        )
        self._room = threading.BoundedSemaphore(AT_ONCE)

    def hash(self, password: str) -> str:
        """The password's encoded hash, with a new salt. Raises `UnavailableError` when there is no room in time."""
        with self._turn():
            return self._hasher.hash(_normal(password))

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether `password` is right; None (nobody has that name, or a password) takes as long and is never right.

        Raises `UnavailableError` when there is no room in time.
        """
        if len(password) > MAX_CHARS:
            password, password_hash = "", None
        with self._turn():
            try:
                self._hasher.verify(password_hash or self._nobody, _normal(password))
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._room.acquire(timeout=WAIT_SECONDS):
            raise UnavailableError("Too many people sign in at once.")
        try:
            yield
        finally:
            self._room.release()


def check_password(password: str, *, name: str) -> None:
    """Raise `InvalidInputError` unless `password` may be that of the account `name`."""
    text = _normal(password)
    if len(text) < MIN_CHARS:
        raise InvalidInputError(f"A password has at least {MIN_CHARS} characters.", hint="A short sentence is good.")
    if len(password) > MAX_CHARS:
        raise InvalidInputError(f"A password has at most {MAX_CHARS} characters.")
    if len(set(text)) < MIN_DIFFERENT or "\0" in text:
        raise InvalidInputError(f"A password has at least {MIN_DIFFERENT} different characters.")
    if name.casefold() in text.casefold():
        raise InvalidInputError("A password does not contain the account's name.")


def given_password() -> str:
    """A password to hand to somebody once: 99 random bits, easy to read out."""
    groups = ["".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(GIVEN_WORDS)]
    return "-".join(groups)


def _normal(password: str) -> str:
    """The same text from every keyboard (RFC 8265 asks for NFC; a lone surrogate is no text)."""
    return unicodedata.normalize("NFC", password.encode("utf-8", "replace").decode())


def _unpadded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")
