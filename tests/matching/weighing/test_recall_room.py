"""Which keypoints are held when there are too many, and how many are not."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.bank import Bank, BankEffect
from moderation.matching.weighing.recall_room import OTHERS, found_by_hashes_only, held

BLOCK = Bank("block", BankEffect.BLOCK)
REVIEW = Bank("review", BankEffect.REVIEW)
NUMBERS = st.sets(st.integers(1, 30)).map(sorted)


@given(numbers=NUMBERS, blocking=NUMBERS, most=st.integers(0, 20))
def test_blocking_banks_come_first_and_the_newest_of_both(numbers: list[int], blocking: list[int], most: int) -> None:
    others = sorted(set(numbers) - set(blocking))
    found = held(np.array(blocking, np.int64), np.array(others, np.int64), most).tolist()
    likeliest = [*reversed(blocking), *reversed(others)]
    assert found == sorted(likeliest[:most])
    counts = {"block": len(blocking), "review": len(others)}
    left_out = found_by_hashes_only([BLOCK, REVIEW], counts, most)
    missing = set(likeliest) - set(found)
    assert left_out == {"block": len(missing & set(blocking)), OTHERS: len(missing & set(others))}


def test_only_banks_that_compare_keypoints_count() -> None:
    banks = [
        replace(BLOCK, verify=False),
        replace(REVIEW, enabled=False),
        Bank("allow", BankEffect.ALLOW),
        Bank("feed", BankEffect.DUPLICATE),
    ]
    counts = {"block": 9, "review": 9, "allow": 9, "feed": 9}
    assert found_by_hashes_only(banks, counts, 5) == {"block": 0, OTHERS: 4}
    assert found_by_hashes_only(banks, {}, 5) == {"block": 0, OTHERS: 0}
