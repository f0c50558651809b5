"""Signal results as the columns that conditions read.

What a signal should not have returned (another type, a number outside its range, an unlisted word) is a failure
of that signal here, whatever let it through before.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from moderation.domain.signal import Column, ColumnKind, SignalFailure, SignalResult, SignalSpec, Value
from moderation.policy.expressions import DTYPES

FAILURES = "signal_failures"
"""How many of the post's signals have no measurement: the one column beside the catalog's."""

MAX_WHOLE = 2**53


@dataclass(frozen=True, slots=True)
class Measured:
    """A batch's columns (one row per post, in order) and, for each post, the failed signals as "name: reason"."""

    frame: pl.DataFrame
    failures: tuple[tuple[str, ...], ...]
    failed_signals: tuple[tuple[str, ...], ...]


def measured(results: Sequence[Sequence[SignalResult]], specs: Sequence[SignalSpec], columns: set[str]) -> Measured:
    """Build the frame of `columns` (those that rules read) and of `FAILURES` from a batch's results."""
    kept = {spec.name: [column for column in spec.columns if column.name in columns] for spec in specs}
    data: dict[str, list[Value]] = {column.name: [] for wanted in kept.values() for column in wanted}
    failures: list[tuple[str, ...]] = []
    failed_signals: list[tuple[str, ...]] = []
    for post in results:
        by_name: dict[str, SignalResult] = {}
        problems: dict[str, str] = {}
        for result in post:
            if result.signal in by_name:
                problems[result.signal] = "two results"
            by_name[result.signal] = result
            if isinstance(result, SignalFailure):
                problems[result.signal] = result.reason
        for spec in specs:
            problem = problems.get(spec.name) or _problem(by_name.get(spec.name), kept[spec.name])
            if problem:
                problems[spec.name] = problem
            for column in kept[spec.name]:
                data[column.name].append(None if problem else _value(by_name[spec.name], column))
        failures.append(tuple(f"{name}: {problem}" for name, problem in problems.items()))
        failed_signals.append(tuple(problems))
    kinds = {column.name: column.kind for wanted in kept.values() for column in wanted}
    series = [pl.Series(name, values, dtype=DTYPES[kinds[name]]) for name, values in data.items()]
    series.append(pl.Series(FAILURES, [len(post) for post in failures], dtype=pl.UInt16))
    return Measured(pl.DataFrame(series), tuple(failures), tuple(failed_signals))


def _problem(result: SignalResult | None, columns: Sequence[Column]) -> str:
    """Why the result cannot be judged, or ""."""
    if result is None or isinstance(result, SignalFailure):
        return "no result"
    for column in columns:
        if column.name not in result.values:
            return f"{column.name} is missing"
        if not fits(result.values[column.name], column):
            return f"{column.name} is {result.values[column.name]!r:.60}"
    return ""


def _value(result: SignalResult, column: Column) -> Value:
    assert not isinstance(result, SignalFailure)
    return result.values[column.name]


def fits(value: Value, column: Column) -> bool:
    """Whether a column can hold the value: its kind, range, choices, and NULL only where it is nullable."""
    if value is None:
        return column.nullable
    return _FITS[column.kind](value, column)


def _number_fits(value: Value, column: Column) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        return False
    return (column.low is None or value >= column.low) and (column.high is None or value <= column.high)


def _whole_fits(value: Value, column: Column) -> bool:
    return isinstance(value, int) and abs(value) <= MAX_WHOLE and _number_fits(value, column)


def _text_fits(value: Value, column: Column) -> bool:
    return isinstance(value, str) and (not column.choices or value in column.choices)


_FITS: Mapping[ColumnKind, Callable[[Value, Column], bool]] = {
    ColumnKind.FLOAT: _number_fits,
    ColumnKind.INTEGER: _whole_fits,
    ColumnKind.BOOLEAN: lambda value, _: isinstance(value, bool),
    ColumnKind.TEXT: _text_fits,
}
