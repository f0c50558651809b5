"""Of how many entries the keypoints are held in memory, and of which when they are more."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import Bank, BankEffect

MAX_ENTRIES: Final = 60_000
"""Of 6 KB each in the memory of every lane: 373 MB, in which a picture is looked up in a millisecond."""
OTHERS: Final = "others"


def held(blocking: NDArray[np.int64], others: NDArray[np.int64], most: int = MAX_ENTRIES) -> NDArray[np.int64]:
    """The numbers of the entries that are held, ascending, of those of blocking banks and of others, both ascending.

    Those of blocking banks come first, of both the newest: what a blocking bank misses may be published, what another
    one misses nobody is shown.
    """
    first = blocking[max(0, len(blocking) - most) :]
    room = most - len(first)
    return np.union1d(first, others[len(others) - min(room, len(others)) :])


def found_by_hashes_only(
    banks: Iterable[Bank], with_keypoints: Mapping[str, int], most: int = MAX_ENTRIES
) -> dict[str, int]:
    """How many entries of blocking banks, and of others, have keypoints that are not held; `with_keypoints` is by bank.

    An upper limit: entries that have expired count.
    """
    counts = {BankEffect.BLOCK.value: 0, OTHERS: 0}
    for bank in banks:
        if bank.compares_keypoints:
            kind = BankEffect.BLOCK.value if bank.effect is BankEffect.BLOCK else OTHERS
            counts[kind] += with_keypoints.get(bank.name, 0)
    room = max(0, most - counts[BankEffect.BLOCK.value])
    return {
        BankEffect.BLOCK.value: max(0, counts[BankEffect.BLOCK.value] - most),
        OTHERS: max(0, counts[OTHERS] - room),
    }
