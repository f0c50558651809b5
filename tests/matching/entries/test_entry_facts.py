"""Facts of entries, from a file and in memory: whatever came from where, they say the same."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from moderation.domain.bank import BankEntry, Opinion
from moderation.domain.ids import EntryId
from moderation.matching.entries.entry_facts import EntryFacts
from tests.factories import NOW


def an_entry(number: int, bank: str = "BANNED", **facts: object) -> BankEntry:
    entry = BankEntry(EntryId(f"e{number}"), bank, "00" * 32, 90, NOW, number=number)
    return replace(entry, **{"phash": f"{number:016x}", "dhash": "0" * 16, **facts})  # type: ignore[arg-type]  # fields


def shared(*entries: BankEntry) -> EntryFacts:
    """The same entries as from a file; columns of a file cannot be written."""
    made = EntryFacts()
    made.put(entries)
    columns = made.columns()
    for column in columns:
        column.flags.writeable = False
    return EntryFacts(columns, made.banks)


def said(facts: EntryFacts, now: datetime = NOW) -> list[tuple[object, ...]]:
    """Everything that can be asked of the live entries."""
    numbers = facts.numbers
    rows = facts.rows(numbers)
    records = facts.records(rows)
    zeros = np.zeros(len(rows), dtype=np.uint64)
    phash, dhash, has = facts.secondary_bits(rows, zeros, zeros)
    near = facts.near(0, 0, 64)
    assert sorted(facts.records(near.rows)["number"].tolist()) == numbers[has].tolist()
    assert (len(facts), facts.with_keypoints, facts.with_secondary) == (
        len(numbers),
        int(records["keypoints"].sum()),
        int(has.sum()),
    )
    assert [facts.row(int(number)) for number in numbers] == rows.tolist()
    with_keypoints = facts.numbers_with_keypoints(set(facts.banks))
    assert with_keypoints.tolist() == numbers[records["keypoints"]].tolist()
    names = [facts.banks[place] for place in records["bank"]]
    columns = [numbers, records["quality"], records["trusted"], records["keypoints"], facts.active(rows, now)]
    return list(zip(names, *(column.tolist() for column in (*columns, phash, dhash, has)), strict=True))


@pytest.mark.parametrize("base", [0, 1, 4, 9])
def test_what_is_shared_and_what_is_new_say_what_one_list_says(base: int) -> None:
    entries = [an_entry(number, has_keypoints=number % 3 == 0) for number in range(1, 10)]
    whole, split = EntryFacts(), shared(*entries[:base])
    whole.put(entries)
    split.put(entries[base:])
    assert said(split) == said(whole)
    changed = [
        replace(entries[1], demoted=True, expires_at=NOW + timedelta(days=1)),
        replace(entries[6], opinion=Opinion.DISPUTED, quality=3, phash="", dhash=""),
        an_entry(12, "OTHER", disable_until=NOW + timedelta(hours=1)),
        replace(entries[2], has_keypoints=False),
    ]
    for facts in (whole, split):
        facts.put(changed)
        assert facts.drop([1, 5, 77, 5]) == [1, 5]
        facts.put([replace(changed[0], note="amended again", demoted=False)])
        assert facts.drop([2, 3]) == [2, 3]
        assert facts.drop([3]) == []
    assert said(split) == said(whole)
    assert said(split, NOW + timedelta(hours=2)) == said(whole, NOW + timedelta(hours=2)) != said(whole)
    assert [facts.row(3) for facts in (whole, split)] == [None, None]
    for facts in (whole, split):
        with pytest.raises(KeyError, match="3"):
            facts.rows(np.array([4, 3], dtype=np.int64))


def test_what_is_written_out_is_what_is_live() -> None:
    facts = shared(*(an_entry(number) for number in range(1, 7)))
    facts.put([an_entry(3, "OTHER"), an_entry(8)])
    facts.drop([2, 8])
    again = EntryFacts(facts.columns(), facts.banks)
    assert said(again) == said(facts)
    assert again.numbers.tolist() == [1, 3, 4, 5, 6]


@pytest.mark.parametrize("facts", [shared(an_entry(1), an_entry(5)), EntryFacts()])
def test_an_entry_that_was_never_seen_and_is_no_new_one_is_an_error(facts: EntryFacts) -> None:
    facts.put([an_entry(5)])
    for number in (4, 2):
        with pytest.raises(ValueError, match=f"{number} comes after a later one"):
            facts.put([an_entry(7), an_entry(number)])
    assert facts.numbers.tolist()[-1] == 5


def test_facts_that_differ_do_not_agree() -> None:
    one, other = shared(an_entry(1), an_entry(2)), EntryFacts()
    other.put([an_entry(1), an_entry(2, quality=91)])
    assert one.agree(other, np.array([1], dtype=np.int64))
    assert not one.agree(other, np.array([1, 2], dtype=np.int64))
    third = EntryFacts()
    third.put([an_entry(1, "OTHER")])
    assert not one.agree(third, np.array([1], dtype=np.int64))
