"""What a chart is made from. Values that are None or not finite are unknown: gaps, never zeros.

`id` names the chart on its page: lower-case letters, digits and hyphens, unique there. `note` says below the title
what is counted. `empty` is shown where there is no value at all. Constructors raise ValueError for what could only
be a mistake of the caller: lengths that differ, times without a zone or out of order, a negative count.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

NO_DATA = "No data yet"

_ID = re.compile(r"[a-z][a-z0-9-]*")


class Unit(StrEnum):
    """How numbers read: whole things, shares of 1 as percent, seconds as durations, or plain numbers."""

    COUNT = "count"
    SHARE = "share"
    SECONDS = "seconds"
    NUMBER = "number"


class Size(StrEnum):
    """How much of a page a chart takes: one of two columns, or the whole width."""

    HALF = "half"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one part of every bar: a value per time."""

    label: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """A value worth comparing with, e.g. a limit: drawn as a dashed line with its label."""

    value: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """Lines over time. `times` are aware, strictly rising and need not be evenly spaced.

    The axis covers every value, and `low` and `high` too where they are not None. `filled` shades down to the axis.
    """

    id: str
    title: str
    times: tuple[datetime, ...]
    series: tuple[Series, ...]
    unit: Unit = Unit.COUNT
    note: str = ""
    size: Size = Size.HALF
    low: float | None = 0.0
    high: float | None = None
    filled: bool = False
    references: tuple[Reference, ...] = ()
    empty: str = NO_DATA

    def __post_init__(self) -> None:
        """Raise ValueError for columns that do not belong together."""
        _check_id(self.id)
        _check_columns(self.times, self.series)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackedBars:
    """Bars over time, each the sum of its parts. `times` are when each bar's period begins: aware, strictly rising.

    Bars are equally wide and equally far apart: give a period without data as None. Values are at least 0. The labels
    tell the last bar's values, or with `sums` those of all bars together.
    """

    id: str
    title: str
    times: tuple[datetime, ...]
    series: tuple[Series, ...]
    unit: Unit = Unit.COUNT
    note: str = ""
    size: Size = Size.HALF
    empty: str = NO_DATA
    sums: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for columns that do not belong together, and for negative values."""
        _check_id(self.id)
        _check_columns(self.times, self.series)
        _check_not_negative(value for series in self.series for value in series.values)


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of horizontal bars; `note` stands behind the value."""

    label: str
    value: float | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizontalBars:
    """Labelled bars from 0 to the right, in the order given, each with its value. Values are at least 0."""

    id: str
    title: str
    bars: tuple[Bar, ...]
    unit: Unit = Unit.COUNT
    note: str = ""
    size: Size = Size.HALF
    references: tuple[Reference, ...] = ()
    empty: str = NO_DATA

    def __post_init__(self) -> None:
        """Raise ValueError for a bad id and for negative values."""
        _check_id(self.id)
        _check_not_negative(bar.value for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Dot:
    """An estimate with its interval, e.g. a reviewer's kappa. `note` says of how many, or why there is no value."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DotPlot:
    """Estimates with whiskers, one row each, in the order given. The axis covers `low`, `high` and every value."""

    id: str
    title: str
    dots: tuple[Dot, ...]
    unit: Unit = Unit.NUMBER
    note: str = ""
    size: Size = Size.HALF
    low: float = 0.0
    high: float = 1.0
    references: tuple[Reference, ...] = ()
    empty: str = NO_DATA

    def __post_init__(self) -> None:
        """Raise ValueError for a bad id."""
        _check_id(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """A word-sized line, to stand in a sentence or a table beside its number. Evenly spaced values, oldest first."""

    title: str
    values: tuple[float | None, ...]
    unit: Unit = Unit.COUNT


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """How much of a budget is used, e.g. of a shift's exposure. Both are at least 0; None is not known.

    From `warn_at` (a share of the budget) on it reads as near its end.
    """

    id: str
    title: str
    used: float | None
    budget: float | None
    unit: Unit = Unit.COUNT
    noun: str = ""
    warn_at: float = 0.8
    empty: str = NO_DATA

    def __post_init__(self) -> None:
        """Raise ValueError for a bad id and for negative values."""
        _check_id(self.id)
        _check_not_negative((self.used, self.budget))


def known(value: float | None) -> float | None:
    """The value, or None where it is missing or not finite."""
    return value if value is not None and math.isfinite(value) else None


def _check_id(name: str) -> None:
    if not _ID.fullmatch(name):
        raise ValueError(f"A chart's id is lower-case letters, digits and hyphens, not {name!r}.")


def _check_columns(times: tuple[datetime, ...], series: tuple[Series, ...]) -> None:
    if any(time.utcoffset() is None for time in times):
        raise ValueError("A chart's times need a zone.")
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise ValueError("A chart's times must rise.")
    for column in series:
        if len(column.values) != len(times):
            raise ValueError(f"{column.label!r} has {len(column.values)} values for {len(times)} times.")


def _check_not_negative(values: Iterable[float | None]) -> None:
    if any(value is not None and value < 0 for value in values):
        raise ValueError("A count cannot be negative.")
