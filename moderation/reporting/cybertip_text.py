"""Text that people wrote, made safe for a report: XML can carry it, it fits, and it cannot pass for the report's own.

Nothing is dropped without a trace: what XML cannot carry is shown by its number, and what does not fit its element
is repeated in full in a note.
"""

import ipaddress
import re
from datetime import UTC, datetime
from urllib.parse import urlsplit

MAX_EMAIL_CHARS = 255
MAX_URL_CHARS = 2083

_FORBIDDEN = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""Everything but the characters of XML 1.0, production 2; carriage returns are line feeds by then."""
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")


def carried(text: str) -> str:
    r"""`text` with line feeds as line ends, and as its code point what XML cannot carry: U+0000 becomes `\u0000`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _FORBIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", lines)


def shortened(text: str, max_chars: int) -> str:
    """The first characters of a carried text, with an ellipsis when it is longer than `max_chars`."""
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"


def quoted(text: str) -> str:
    """The text with a bar before each line: an author cannot write a line that looks like the report's own."""
    return "\n".join(f"| {line}" for line in carried(text).split("\n")) if text else "| (empty)"


def moment(at: datetime) -> str:
    """ISO 8601 in UTC to the second. A time without a zone stays without, which the schema refuses."""
    if at.tzinfo is None:
        return at.isoformat(timespec="seconds")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def is_email(text: str) -> bool:
    """Whether the text can stand in an e-mail element."""
    return len(text) <= MAX_EMAIL_CHARS and carried(text) == text and _EMAIL.fullmatch(text) is not None


def is_url(text: str) -> bool:
    """Whether the text is an absolute web address that fits its element."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return (
        len(text) <= MAX_URL_CHARS
        and parts.scheme in {"http", "https"}
        and bool(parts.netloc)
        and carried(text) == text
        and not any(character.isspace() for character in text)
    )


def is_ip(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address without a zone."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
