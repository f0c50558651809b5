"""Hashes of pictures, written as a verdict would write them."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy import insert

from moderation.domain.ids import PostId
from moderation.storage.engine import Database
from moderation.storage.tables import picture_hashes

BITS = 256


def a_pdq(seed: int, *, flipped: int = 0) -> str:
    """A hash; two of the same seed differ in as many bits as they have `flipped` differently."""
    bits = np.random.default_rng(seed).integers(0, 2, BITS).astype(np.uint8)
    bits[:flipped] ^= 1
    return np.packbits(bits).tobytes().hex()


def store_hashes(
    database: Database, post_id: PostId, number: int, pdqs: Sequence[str], *, quality: int = 90, **others: str
) -> None:
    """One row for each frame; `others` are further columns."""
    rows = [
        {"post_id": post_id, "frame": frame, "number": number, "pdq": pdq, "quality": quality, **others}
        for frame, pdq in enumerate(pdqs)
    ]
    with database.write() as connection:
        connection.execute(insert(picture_hashes), rows)
