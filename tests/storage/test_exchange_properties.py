"""Pages of two exchanges, people's changes and crashes in any order, against the obvious: every hash by itself."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moderation.domain.bank import Bank, BankEffect, EntryDraft, Opinion
from moderation.domain.exchange import Exchange, ExchangeKind, Item, OwnerOpinion, Page, aggregate
from moderation.storage.audit import AuditStore
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.exchanges import ExchangeStore
from tests.factories import NOW
from tests.matching.exchanges.opened import pdq

NAMES = ("one", "two")
HASHES = [pdq(number) for number in range(4)]
KEYS = ("a", "b", "c")

Told: TypeAlias = tuple[str, str, Opinion | None]
"""An item's key, its hash, and its opinion; None deletes it."""

told = st.tuples(st.sampled_from(KEYS), st.sampled_from(HASHES), st.none() | st.sampled_from(Opinion))
pages = st.tuples(
    st.just("page"), st.sampled_from(NAMES), st.lists(told, max_size=4, unique_by=lambda item: item[0]), st.booleans()
)
adds = st.tuples(st.just("add"), st.sampled_from(HASHES))
steps = st.lists(st.one_of(pages, pages, adds), max_size=14)


@dataclass
class Obvious:
    """What the bank must hold: people's entries as they are, else one opinion for all items of a hash."""

    items: dict[tuple[str, str], tuple[str, Opinion]] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)

    def page(self, name: str, said: list[Told]) -> None:
        for key, value, opinion in said:
            self.items.pop((name, key), None)
            if opinion is not None:
                self.items[name, key] = (value, opinion)

    def add(self, value: str) -> None:
        if not any(held == value for held, _ in self.items.values()):
            self.people.add(value)

    def entries(self) -> dict[str, Opinion]:
        found = {
            value: aggregate(opinion for held, opinion in self.items.values() if held == value)
            for value, _ in self.items.values()
        }
        return found | dict.fromkeys(self.people, Opinion.POSITIVE)


class CrashError(Exception):
    """The process dies here."""


@contextmanager
def a_copy(template: Path) -> Iterator[Database]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "copy.db"
        shutil.copy(template, path)
        database = Database.open(f"sqlite:///{path}")
        yield database
        database.close()


def page_of(said: list[Told], revision: int) -> Page:
    items = [
        Item(key, deleted=True) if opinion is None else Item(key, value, 100, (OwnerOpinion("ann", opinion),))
        for key, value, opinion in said
    ]
    return Page(tuple(items), {"at": revision})


def crash(store: ExchangeStore, name: str, page: Page, revision: int) -> None:
    """Apply the page but die before the commit."""
    broken = replace(page, position={"at": CrashError})  # type: ignore[dict-item]  # cannot be written as JSON
    with pytest.raises(TypeError):
        store.apply(name, broken, revision=revision, now=NOW)


@given(steps)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_bank_holds_what_all_say_after_every_step(
    sqlite_template: Path, done: list[tuple[str, str, list[Told], bool]]
) -> None:
    with a_copy(sqlite_template) as database:
        banks, store, obvious = BankStore(database), ExchangeStore(database), Obvious()
        banks.create(Bank("B", BankEffect.BLOCK), actor="test", now=NOW)
        for name in NAMES:
            store.add(Exchange(name, ExchangeKind.FILES, "B", "/data"), actor="test", now=NOW)
        for step in done:
            if step[0] == "add":
                if not any(value == step[1] for value, _ in obvious.items.values()):
                    banks.add("B", EntryDraft(step[1], 90, source="cli"), actor="ann", now=NOW)
                obvious.add(step[1])
                continue
            _, name, said, dies = step
            revision = store.state(name).revision
            page = page_of(said, revision + 1)
            if dies:
                crash(store, name, page, revision)
            store.apply(name, page, revision=revision, now=NOW)
            store.sweep(name, now=NOW)
            obvious.page(name, said)
            assert store.state(name).position == {"at": revision + 1}
            assert {entry.pdq: entry.opinion for entry in banks.entries("B")} == obvious.entries()
        assert AuditStore(database).verify().problem is None
