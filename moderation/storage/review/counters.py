"""Counters by the hour: what dashboards add up instead of counting rows.

Names, with label and detail: `opened` (queue, category), `decided` (queue, action), `handling_s` (queue, ""),
`breached` (queue, ""), `undone` (queue, ""), `carried` (queue, action), `verdict` (verdict, rule), `reviewed` ("second
agreed", "second disagreed", the same for audit and gold; category), `appeal` (outcome, category), `shadow_skipped`
and `candidate_given_up` (signal, a candidate's digest). A job counts once however many posts it has, except in
`carried`, `verdict` and `shadow_skipped`, which count posts; `handling_s` adds up seconds. Gold items, which move
nothing, count in `reviewed` only.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from moderation.storage.engine import Database
from moderation.storage.tables import counters

Key = tuple[str, str, str]
"""Name, label, detail."""


@dataclass(frozen=True, slots=True)
class CounterRow:
    """One counter's value in the hour that begins at `hour`."""

    hour: datetime
    name: str
    label: str
    detail: str
    value: float


def add(connection: Connection, now: datetime, amounts: Mapping[Key, float]) -> None:
    """Add to the hour's counters. Call it after `audit.append`, whose lock orders all writers."""
    if not amounts:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(counters)
    hour = now.replace(minute=0, second=0, microsecond=0)
    rows = [
        {"hour": hour, "name": name, "label": label, "detail": detail, "value": float(amount)}
        for (name, label, detail), amount in sorted(amounts.items())
    ]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[counters.c.hour, counters.c.name, counters.c.label, counters.c.detail],
            set_={"value": counters.c.value + statement.excluded.value},
        ),
        rows,
    )


class CounterStore:
    """The counters of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, names: Collection[str], *, since: datetime, until: datetime) -> list[CounterRow]:
        """The counters of hours that begin in [since, until), by hour, name, label and detail."""
        query = (
            select(counters)
            .where(counters.c.name.in_(sorted(names)), counters.c.hour >= since, counters.c.hour < until)
            .order_by(counters.c.hour, counters.c.name, counters.c.label, counters.c.detail)
        )
        with self._database.read() as connection:
            return [CounterRow(*row) for row in connection.execute(query)]
