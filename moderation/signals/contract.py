"""What a result must look like to be believed: the declared columns, kinds, ranges and choices, and nothing else."""

import math
from collections.abc import Mapping, Sequence

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
from moderation.media.subject import Subject


def check_distinct(specs: Sequence[SignalSpec]) -> None:
    """Raise `ValueError` naming every signal name and column that is declared more than once."""
    names = [spec.name for spec in specs]
    columns = [column.name for spec in specs for column in spec.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    shared = sorted({name for name in columns if columns.count(name) > 1})
    if twice or shared:
        raise ValueError(f"declared more than once: signals {twice}, columns {shared}")


def check_order(specs: Sequence[SignalSpec]) -> None:
    """Raise `ValueError` naming every signal that needs one which does not stand before it."""
    names = [spec.name for spec in specs]
    wrong = [
        f"{spec.name} needs {name}"
        for place, spec in enumerate(specs)
        for name in spec.needs
        if name not in names[:place]
    ]
    if wrong:
        raise ValueError(f"signals stand before what they need: {', '.join(wrong)}")


def picture_text(earlier: Mapping[str, SignalResult]) -> str | None:
    """The text that `picture_text` found: "" when the picture has none, None when it was not read or reading failed."""
    found = earlier.get("picture_text")
    if not isinstance(found, Score) or found.values.get("picture_text_status") not in {"none", "read"}:
        return None
    return str(found.detail.get("text") or "")


def checked(result: object, spec: SignalSpec, subject: Subject) -> SignalResult:
    """`result` if it keeps to `spec`, else a `wrong_shape` failure that says what was wrong."""
    if isinstance(result, SignalFailure) and result.signal == spec.name:
        return result
    if not isinstance(result, Score | Match) or result.signal != spec.name:
        return _wrong(spec, f"not a result of {spec.name}: {type(result).__name__}")
    problem = _values_problem(result.values, spec)
    if not problem and isinstance(result, Score):
        problem = _spans_problem(result.spans, subject)
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


def _spans_problem(spans: Sequence[Span], subject: Subject) -> str:
    texts = {
        Surface.CAPTION: subject.post.caption,
        Surface.PROMPT: subject.post.prompt,
        Surface.PICTURE_TEXT: picture_text(subject.earlier) or "",
    }
    for span in spans:
        if span.surface not in texts or not 0 <= span.start < span.end <= len(texts[span.surface]):
            return f"span {span.start} to {span.end} lies outside the {span.surface}"
    return ""
