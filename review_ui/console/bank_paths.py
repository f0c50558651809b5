"""Where banks are in the console. Their names may hold anything that can be printed, slashes and dots included."""

import base64
import binascii
import re

from moderation.domain.errors import NotFoundError
from moderation.domain.ids import EntryId, PostId

BANKS = "/console/banks"
CODED = "~"
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


def bank_key(name: str) -> str:
    """The bank's name as one segment of a path: as it is where that is harmless, else coded."""
    if _PLAIN.fullmatch(name):
        return name
    return CODED + base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def bank_name(key: str) -> str:
    """The name behind a segment. Raises `NotFoundError` for a segment that `bank_key` does not write."""
    try:
        name = key if _PLAIN.fullmatch(key) else _decoded(key)
    except (binascii.Error, ValueError):
        name = ""
    if not name.isprintable() or not name or bank_key(name) != key:
        raise NotFoundError("There is no such bank.")
    return name


def bank_path(name: str) -> str:
    """The bank's page."""
    return f"{BANKS}/{bank_key(name)}"


def entry_path(bank: str, entry: EntryId) -> str:
    """The entry's page."""
    return f"{bank_path(bank)}/entries/{entry}"


def bank_post_path(post_id: PostId) -> str:
    """Where a post's picture is banked."""
    return f"/console/posts/{post_id}/bank"


def _decoded(key: str) -> str:
    """Raises `ValueError`."""
    if not key.startswith(CODED) or not key.isascii():
        raise ValueError("not coded")
    text = key.removeprefix(CODED)
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
