"""Signal results as the columns that conditions read.

What a signal should not have returned (another type, a number outside its range, an unlisted word) is a failure
of that signal here, whatever let it through before.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from types import NoneType

import polars as pl

from moderation.domain.signal import Column, ColumnKind, Score, SignalFailure, SignalResult, SignalSpec, Value
from moderation.domain.signal import Match as BankMatch
from moderation.policy.expressions import DTYPES

FAILURES = "signal_failures"
"""How many of the post's signals have no measurement: the one column beside the catalog's."""

MAX_WHOLE = 2**53
"""Whole numbers up to here are exact in double precision."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A batch's columns (one row per post, in order) and, for each post, why each failed signal failed, by name."""

    frame: pl.DataFrame
    failures: tuple[Mapping[str, str], ...]


def measured(
    results: Sequence[Sequence[SignalResult]], specs: Sequence[SignalSpec], columns: AbstractSet[str]
) -> Measured:
    """Build the frame of `columns` (those that rules read) and of `FAILURES` from a batch's results."""
    failures: list[dict[str, str]] = [{} for _ in results]
    by_name = [_by_name(post, failures[row]) for row, post in enumerate(results)]
    series: list[pl.Series] = []
    for spec in specs:
        kept = [column for column in spec.columns if column.name in columns]
        for row, post in enumerate(by_name):
            if spec.name not in post:
                failures[row].setdefault(spec.name, "no result")
        _check(spec, kept, by_name, failures)
        good = [post.get(spec.name) if spec.name not in failures[row] else None for row, post in enumerate(by_name)]
        for column in kept:
            values = [None if result is None else result.values[column.name] for result in good]
            series.append(pl.Series(column.name, values, dtype=DTYPES[column.kind]))
    series.append(pl.Series(FAILURES, [len(post) for post in failures], dtype=pl.UInt16))
    return Measured(pl.DataFrame(series), tuple(failures))


def _by_name(post: Sequence[SignalResult], failures: dict[str, str]) -> dict[str, Score | BankMatch]:
    """The post's measurements; failures, and signals that answered twice, are noted."""
    found: dict[str, Score | BankMatch] = {}
    for result in post:
        if result.signal in found or result.signal in failures:
            failures[result.signal] = "two results"
        elif isinstance(result, SignalFailure):
            failures[result.signal] = result.reason.value
        else:
            found[result.signal] = result
    return found


def _check(
    spec: SignalSpec,
    columns: Sequence[Column],
    by_name: Sequence[Mapping[str, Score | BankMatch]],
    failures: Sequence[dict[str, str]],
) -> None:
    """Note the posts for which a value of `spec` is missing or does not fit its column."""
    rows = [row for row in range(len(by_name)) if spec.name not in failures[row]]
    for column in columns:
        try:
            values = [by_name[row][spec.name].values[column.name] for row in rows]
            if _all_fit(values, column):
                continue
        except (KeyError, TypeError):
            pass
        for row in rows:
            held = by_name[row][spec.name].values
            if column.name not in held:
                failures[row].setdefault(spec.name, f"{column.name} is missing")
            elif not fits(held[column.name], column):
                failures[row].setdefault(spec.name, f"{column.name} is {held[column.name]!r:.60}")


def _all_fit(values: Sequence[Value], column: Column) -> bool:
    """Whether a whole column fits, as `fits` says it for each value but quickly; False may be a false alarm."""
    if not {type(value) for value in values} <= _TYPES[column.kind]:
        return False
    return all(fits(value, column) for value in set(values))


def fits(value: Value, column: Column) -> bool:
    """Whether a column can hold the value: its kind, range, choices, and NULL only where it is nullable."""
    if value is None:
        return column.nullable
    return _FITS[column.kind](value, column)


def _number_fits(value: Value, column: Column) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    if abs(value) > MAX_WHOLE if isinstance(value, int) else not math.isfinite(value):
        return False
    return (column.low is None or value >= column.low) and (column.high is None or value <= column.high)


def _whole_fits(value: Value, column: Column) -> bool:
    return isinstance(value, int) and _number_fits(value, column)


def _text_fits(value: Value, column: Column) -> bool:
    return isinstance(value, str) and (not column.choices or value in column.choices)


_TYPES: Mapping[ColumnKind, AbstractSet[type]] = {
    ColumnKind.FLOAT: {float, int, NoneType},
    ColumnKind.INTEGER: {int, NoneType},
    ColumnKind.BOOLEAN: {bool, NoneType},
    ColumnKind.TEXT: {str, NoneType},
}
_FITS: Mapping[ColumnKind, Callable[[Value, Column], bool]] = {
    ColumnKind.FLOAT: _number_fits,
    ColumnKind.INTEGER: _whole_fits,
    ColumnKind.BOOLEAN: lambda value, _: isinstance(value, bool),
    ColumnKind.TEXT: _text_fits,
}
