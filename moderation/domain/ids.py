"""Identifiers, each with its own type so that a post id is never passed for a job id."""

import secrets
import uuid
from datetime import datetime
from typing import NewType

PostId = NewType("PostId", str)
ScreeningId = NewType("ScreeningId", str)
JobId = NewType("JobId", str)
MessageId = NewType("MessageId", str)
EntryId = NewType("EntryId", str)
AccountId = NewType("AccountId", str)
DecisionId = NewType("DecisionId", str)
BatchId = NewType("BatchId", str)
"""What one submission decided together; made by the browser, so that a repeated submission decides once."""
AppealId = NewType("AppealId", str)
Digest = NewType("Digest", str)
"""Lower-case hexadecimal SHA-256, 64 characters."""


def new_id(now: datetime) -> str:
    """A UUID version 7 (RFC 9562, section 5.7) as text: 48 bits of milliseconds, then random bits.

    Ids made in different milliseconds sort by time, which keeps index inserts local.
    """
    milliseconds = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    random_bits = secrets.randbits(74)
    value = milliseconds << 80 | 0x7 << 76 | (random_bits >> 62) << 64 | 0b10 << 62
    return str(uuid.UUID(int=value | (random_bits & ((1 << 62) - 1))))
