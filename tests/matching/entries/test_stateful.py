"""Entries come, change and go, files are built, publishing is killed, lanes restart: what a lane knows of each entry,
from a file and the changes after it, is what the log of changes says.
"""

import shutil
import tempfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from moderation.domain.bank import Bank, BankEffect, BankEntry, Opinion
from moderation.matching.entries.known_entries import KnownEntries
from moderation.matching.entries.publishing import publish_banks
from moderation.matching.multi_index.folder import current, pointed
from tests.factories import NOW
from tests.matching.entries.test_entry_facts import said
from tests.matching.index_contract import codes, hits
from tests.matching.memory_banks import BLOCK, REVIEW, MemoryBanks
from tests.matching.multi_index.test_stateful import STEPS, Killed, killed_at

POOL = codes(4, seed=8)
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "quality": st.integers(0, 100),
        "opinion": st.sampled_from(Opinion),
        "demoted": st.booleans(),
        "has_keypoints": st.booleans(),
        "disable_until": st.sampled_from([None, NOW - timedelta(days=1), NOW + timedelta(days=1)]),
        "expires_at": st.sampled_from([None, NOW - timedelta(days=1), NOW + timedelta(days=1)]),
        "phash": st.sampled_from(["", "0" * 16, "f" * 16]),
        "dhash": st.sampled_from(["", "0" * 15 + "1", "f" * 16]),
    },
)


class BusyBanks(MemoryBanks):
    """`meanwhile` happens once, while somebody reads."""

    meanwhile: Callable[[], None] | None = None

    def definitions(self, as_of: int) -> list[Bank]:
        self.happen()
        return super().definitions(as_of)

    def entries_by_number(self, numbers: Collection[int]) -> Mapping[int, BankEntry]:
        found = super().entries_by_number(numbers)
        self.happen()
        return found

    def happen(self) -> None:
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()


class Lanes(RuleBasedStateMachine):
    """One lane over banks in memory, whose log is the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="facts-"))
        self.banks = BusyBanks(BLOCK, REVIEW)
        self.lane = KnownEntries.load(self.banks)
        self.now = datetime.now(UTC)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize(count=st.integers(0, 30))
    def begin(self, count: int) -> None:
        for code in codes(count, seed=4):
            self.banks.add(code)

    @rule(code=st.integers(0, 3), bank=st.sampled_from([BLOCK, REVIEW]), facts=FACTS)
    def add(self, code: int, bank: Bank, facts: dict[str, Any]) -> None:
        facts = {key: fact for key, fact in facts.items() if key != "has_keypoints"} | (
            {"keypoints": b"packed"} if facts.get("has_keypoints") else {}
        )
        if bank.name in self.known():
            self.banks.add(POOL[code], bank, **facts)

    @rule(which=st.integers(0, 10_000), facts=FACTS)
    def amend(self, which: int, facts: dict[str, Any]) -> None:
        if self.banks.entries:
            self.banks.amend(self.nth(which), **facts)

    @rule(which=st.integers(0, 10_000))
    def remove(self, which: int) -> None:
        if self.banks.entries:
            self.banks.remove(self.nth(which))

    def known(self) -> set[str]:
        return {bank.name for bank in MemoryBanks.definitions(self.banks, len(self.banks.log))}

    def nth(self, which: int) -> BankEntry:
        return self.banks.entries[sorted(self.banks.entries)[which % len(self.banks.entries)]]

    @rule(effect=st.sampled_from(BankEffect), bits=st.integers(0, 31))
    def change_or_make_a_bank(self, effect: BankEffect, bits: int) -> None:
        known = self.known()
        bank = replace(REVIEW, effect=effect, distance_bits=bits)
        self.banks.define(bank, "update" if bank.name in known else "create")

    @rule()
    def delete_a_bank(self) -> None:
        for entry in [one for one in self.banks.entries.values() if one.bank == REVIEW.name]:
            self.banks.remove(entry)
        if REVIEW.name in self.known():
            self.banks.define(REVIEW, "delete")

    @rule(which=st.integers(0, 10_000), facts=FACTS)
    def something_changes_while_somebody_reads(self, which: int, facts: dict[str, Any]) -> None:
        self.banks.meanwhile = lambda: (self.amend(which, facts), self.remove(which + 1), self.delete_a_bank())[0]

    @rule()
    def see_changes(self) -> None:
        while changes := self.banks.changes(self.lane.checkpoint, limit=5):
            self.lane.apply(changes)

    @rule()
    def rebuild(self) -> None:
        self.now += timedelta(minutes=6)
        newest = len(self.banks.log)
        assert publish_banks(self.banks, self.folder, now=self.now).checkpoint == newest

    @rule(step=st.integers(1, STEPS))
    def rebuild_and_die(self, step: int) -> None:
        before, newest = pointed(self.folder), len(self.banks.log)
        try:
            with killed_at(step):
                self.rebuild()
        except Killed:
            after = pointed(self.folder)
            assert after == before or (after is not None and after.checkpoint == newest)

    @rule()
    def restart_or_reload(self) -> None:
        self.lane = KnownEntries.load(self.banks, current(self.folder))

    @invariant()
    def a_lane_knows_what_the_log_says(self) -> None:
        truth = MemoryBanks()
        truth.log = self.banks.log[: self.lane.checkpoint]
        read = KnownEntries.load(truth)
        assert self.lane.banks == read.banks
        for at in (NOW, NOW + timedelta(days=2)):
            assert said(self.lane.facts, at) == said(read.facts, at)
        assert hits(self.lane.index.search(POOL, 45)) == hits(read.index.search(POOL, 45))
        assert self.lane.compared().tolist() == read.compared().tolist()

    @invariant()
    def what_is_published_is_right(self) -> None:
        if pointed(self.folder) is not None:
            file = current(self.folder)
            assert file is not None
            truth = MemoryBanks()
            truth.log = self.banks.log[: file.checkpoint]
            known, read = KnownEntries(file), KnownEntries.load(truth)
            assert (said(known.facts), known.banks) == (said(read.facts), read.banks)


class TestLanes(Lanes.TestCase):  # type: ignore[misc, valid-type]  # made by Hypothesis
    """Runs it."""

    settings = settings(deadline=None, max_examples=25, stateful_step_count=30)
