"""Database URLs as they are written. No refusal here quotes any part of one: each may belong to a password."""

import re

from moderation.domain.errors import SettingsError

HINT = "Set MODERATION_DATABASE_URL to sqlite:///path or postgresql://user:password@host/name."
_TO_BE_ENCODED = re.compile(r"[\s/?#@\[\]]|%(?![0-9A-Fa-f]{2})")


def check_url(url: str) -> None:
    """Raise `SettingsError` for what is no URL, and for a password that drivers would take for host, port or name.

    They would quote such a part of the password in their own messages.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or not scheme:
        raise SettingsError("The database URL is not a URL.", hint=HINT)
    user = rest.rpartition("@")[0]
    if scheme.startswith("postgresql") and _TO_BE_ENCODED.search(user):
        raise SettingsError(
            "The database URL has a user or password with characters that must be encoded.",
            hint="Write @ as %40, / as %2F, ? as %3F, # as %23, % as %25.",
        )
