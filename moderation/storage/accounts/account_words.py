"""What an account may be called, and the words that say what a person may do, reads and knows."""

import re

from moderation.domain.errors import InvalidInputError

NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")
"""An account's name; it stands in the audit log and never changes."""
QUEUE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_SKILL = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
MAX_DISPLAY_CHARS = 80
MAX_WORDS = 50


def check_name(name: str) -> None:
    """Raise `InvalidInputError` for what cannot be an account's name."""
    if NAME.fullmatch(name) is None:
        raise InvalidInputError(
            f"{name!r} cannot be an account's name.", hint="Up to 64 of a-z 0-9 . _ @ + -, a letter or digit first."
        )


def check_queues(queues: frozenset[str]) -> None:
    """Raise `InvalidInputError` for what cannot be queues' names, and for too many of them."""
    _check_words(queues, QUEUE, "queue")


def check_description(display_name: str, languages: frozenset[str], skills: frozenset[str]) -> None:
    """Raise `InvalidInputError` for what a person cannot be called, read or know."""
    if len(display_name) > MAX_DISPLAY_CHARS or not (display_name.isprintable() or not display_name):
        raise InvalidInputError(f"A display name has at most {MAX_DISPLAY_CHARS} printable characters.")
    _check_words(languages, _LANGUAGE, "language")
    _check_words(skills, _SKILL, "skill")


def _check_words(words: frozenset[str], form: re.Pattern[str], what: str) -> None:
    if len(words) > MAX_WORDS:
        raise InvalidInputError(f"More than {MAX_WORDS} of a kind: {what}.")
    for word in sorted(words):
        if form.fullmatch(word) is None:
            raise InvalidInputError(f"{word!r} is not the name of a {what}.", hint="Lower case, digits and hyphens.")
