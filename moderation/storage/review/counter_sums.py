"""Counters added up by the database, so that a page about a month reads as many rows as it shows numbers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from moderation.storage.engine import Database
from moderation.storage.tables import counters


@dataclass(frozen=True, slots=True)
class Total:
    """What one counter came to in all; see `counters` for what label and detail are."""

    name: str
    label: str
    detail: str
    value: float


@dataclass(frozen=True, slots=True)
class HourSum:
    """What a counter came to in the hour that begins at `hour`, over all details; `label` is "" where labels are
    added up, too.
    """

    hour: datetime
    name: str
    label: str
    value: float


class CounterSums:
    """Sums over the counters of one database. Hours that begin in [since, until) are meant."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def totals(self, names: Collection[str], *, since: datetime, until: datetime) -> list[Total]:
        """By name, label and detail."""
        key = (counters.c.name, counters.c.label, counters.c.detail)
        query = (
            select(*key, func.sum(counters.c.value))
            .where(counters.c.hour >= since, counters.c.hour < until, counters.c.name.in_(sorted(names)))
            .group_by(*key)
            .order_by(*key)
        )
        with self._database.read() as connection:
            return [Total(*row) for row in connection.execute(query)]

    def hours(
        self, names: Collection[str], *, since: datetime, until: datetime, by_label: bool = False
    ) -> list[HourSum]:
        """By hour and name, and by label when asked for."""
        key = (counters.c.hour, counters.c.name, *((counters.c.label,) if by_label else ()))
        query = (
            select(*key, func.sum(counters.c.value).label("value"))
            .where(counters.c.hour >= since, counters.c.hour < until, counters.c.name.in_(sorted(names)))
            .group_by(*key)
            .order_by(*key)
        )
        with self._database.read() as connection:
            return [
                HourSum(row.hour, row.name, row.label if by_label else "", row.value)
                for row in connection.execute(query)
            ]
