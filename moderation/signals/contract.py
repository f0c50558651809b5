"""What a result must look like to be believed: the declared columns, kinds, ranges and choices, and nothing else."""

import math
from collections.abc import Mapping, Sequence

from moderation.domain.post import Post
from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Match,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Span,
    Surface,
    Value,
)


def check_distinct(specs: Sequence[SignalSpec]) -> None:
    """Raise `ValueError` naming every signal name and column that is declared more than once."""
    names = [spec.name for spec in specs]
    columns = [column.name for spec in specs for column in spec.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    shared = sorted({name for name in columns if columns.count(name) > 1})
    if twice or shared:
        raise ValueError(f"declared more than once: signals {twice}, columns {shared}")


def checked(result: object, spec: SignalSpec, post: Post) -> SignalResult:
    """`result` if it keeps to `spec`, else a `wrong_shape` failure that says what was wrong."""
    if isinstance(result, SignalFailure) and result.signal == spec.name:
        return result
    if not isinstance(result, Score | Match) or result.signal != spec.name:
        return _wrong(spec, f"not a result of {spec.name}: {type(result).__name__}")
    problem = _values_problem(result.values, spec)
    if not problem and isinstance(result, Score):
        problem = _spans_problem(result.spans, post)
    return _wrong(spec, problem) if problem else result


def _wrong(spec: SignalSpec, detail: str) -> SignalFailure:
    return SignalFailure(spec.name, FailureReason.WRONG_SHAPE, detail)


def _values_problem(values: Mapping[str, Value], spec: SignalSpec) -> str:
    declared = {column.name for column in spec.columns}
    if set(values) != declared:
        return f"columns missing {sorted(declared - set(values))}, not declared {sorted(set(values) - declared)}"
    problems = (_value_problem(values[column.name], column) for column in spec.columns)
    return "; ".join(problem for problem in problems if problem)


def _value_problem(value: object, column: Column) -> str:
    if value is None:
        return "" if column.nullable else f"{column.name} is NULL but not nullable"
    if not _is_kind(value, column.kind):
        return f"{column.name} is {type(value).__name__}, not {column.kind}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        below = column.low is not None and value < column.low
        above = column.high is not None and value > column.high
        if below or above or not math.isfinite(value):
            return f"{column.name} is {value}, outside {column.low} to {column.high}"
    if column.choices and value not in column.choices:
        return f"{column.name} is {value!r}, not one of {', '.join(column.choices)}"
    return ""


def _is_kind(value: object, kind: ColumnKind) -> bool:
    if isinstance(value, bool):
        return kind is ColumnKind.BOOLEAN
    return {
        ColumnKind.FLOAT: isinstance(value, float | int),
        ColumnKind.INTEGER: isinstance(value, int),
        ColumnKind.BOOLEAN: False,
        ColumnKind.TEXT: isinstance(value, str),
    }[kind]


def _spans_problem(spans: Sequence[Span], post: Post) -> str:
    texts = {Surface.CAPTION: post.caption, Surface.PROMPT: post.prompt}
    for span in spans:
        if span.surface not in texts or not 0 <= span.start < span.end <= len(texts[span.surface]):
            return f"span {span.start} to {span.end} lies outside the {span.surface}"
    return ""
