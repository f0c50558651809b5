"""Values of the matching routes, parsed. No refusal repeats one: hashes are secrets."""

import re
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from numpy import uint8
from numpy.typing import NDArray
from pydantic import AfterValidator, AwareDatetime, Field

from moderation.domain.errors import InvalidInputError
from moderation.matching.hashes.pdq import from_hex

PDQ = re.compile(r"[0-9a-fA-F]{64}")
PDQ_EXAMPLE = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
MAX_NUMBER = 2**63 - 1
FIRST_YEAR, LAST_YEAR = 1970, 9998
NEVER = datetime(9999, 1, 1, tzinfo=UTC)
"""An entry that is disabled until then is disabled for good."""


def parse_pdq(text: str) -> NDArray[uint8]:
    """A PDQ hash as 32 bytes. Raises `InvalidInputError` unless `text` is 64 hexadecimal characters."""
    if not PDQ.fullmatch(text):
        raise InvalidInputError("A PDQ hash is 64 hexadecimal characters.")
    return from_hex(text)


def parse_cursor(cursor: str | None) -> int | None:
    """The number of the entry that a page of older ones starts below. Raises `InvalidInputError`."""
    if cursor is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,18}", cursor) or int(cursor) > MAX_NUMBER:
        raise InvalidInputError("The cursor is not one that this server made.")
    return int(cursor)


def unix_time(moment: datetime | None) -> int:
    """Whole seconds since 1970, 0 for no time."""
    return 0 if moment is None else int(moment.timestamp())


def _storable(value: str) -> str:
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("has characters that cannot be stored")
    return value


def _in_range(value: datetime) -> datetime:
    if not FIRST_YEAR < value.year < LAST_YEAR:
        raise ValueError(f"is not between the years {FIRST_YEAR} and {LAST_YEAR}")
    return value.astimezone(UTC)


Text: TypeAlias = Annotated[str, AfterValidator(_storable)]
"""A text that every database can store."""
Moment: TypeAlias = Annotated[AwareDatetime, AfterValidator(_in_range)]
"""A time with a zone, in UTC once it is parsed."""
PdqText: TypeAlias = Annotated[
    str, Field(pattern=r"^[0-9a-fA-F]{64}$", description="64 hexadecimal characters.", examples=[PDQ_EXAMPLE])
]
Quality: TypeAlias = Annotated[int, Field(ge=0, le=100, description="PDQ quality, 0 to 100.")]
