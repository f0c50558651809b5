"""The banks are read from the log of changes without reading what it says of entries."""

from typing import Any

from sqlalchemy import event

from moderation.domain.bank import Bank, BankEffect
from moderation.storage import bank_log
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from tests.factories import NOW
from tests.storage.test_banks import draft

NAMES = ("B", "A", "Z_9", "AA", "A1", "Z", "A_B", "AB")


def test_every_bank_is_found_whatever_order_the_database_has_for_names(database: Database) -> None:
    store = BankStore(database)
    assert store.definitions() == []
    for name in NAMES:
        store.create(Bank(name, BankEffect.BLOCK), actor="a", now=NOW)
        store.add(name, draft(1), actor="a", now=NOW)
    store.delete_bank("AA", actor="a", now=NOW)
    store.update(Bank("B", BankEffect.REVIEW), actor="a", now=NOW)
    left = sorted(set(NAMES) - {"AA"})
    assert [bank.name for bank in store.definitions()] == left
    assert [(bank.name, size) for bank, size in store.banks()] == [(name, 1) for name in left]
    assert [bank.name for bank in store.definitions(as_of=2 * len(NAMES))] == sorted(NAMES)
    assert {bank.effect for bank in store.definitions(as_of=2 * len(NAMES))} == {BankEffect.BLOCK}
    assert [bank.name for bank in store.definitions(as_of=3)] == ["A", "B"]


def test_sqlite_looks_into_an_index_for_the_banks_and_never_reads_the_log(sqlite_database: Database) -> None:
    asked: list[tuple[str, Any]] = []
    with sqlite_database.read() as connection:
        event.listen(connection, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
        bank_log.banks(connection, 7)
        statements = list(asked)
        for statement, parameters in statements:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert not [step for step in map(str, plan) if "SCAN bank_changes" in step]
    assert len(statements) == 2
