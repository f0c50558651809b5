"""Conditions that can be evaluated but cannot be meant."""

import math
import re
from collections.abc import Iterator

from moderation.domain.signal import Column, ColumnKind
from moderation.policy.condition import (
    NUMERIC,
    Between,
    Call,
    ColumnValue,
    Compare,
    Constant,
    Function,
    IsNull,
    Leaf,
    Member,
    Operand,
    Predicate,
    Scalar,
    atoms,
    columns_of,
    leaves,
    left_of,
    operands,
)
from moderation.policy.problems import Problem, did_you_mean


def leaf_problems(leaf: Leaf) -> Iterator[tuple[str, str]]:
    """Message and hint for everything pointless in a well-typed comparison."""
    left = left_of(leaf)
    if not any(isinstance(atom, ColumnValue) for operand in operands(leaf) for atom in atoms(operand)):
        yield f"{leaf.text} reads no column: it is the same for every post", ""
        return
    if not isinstance(left, ColumnValue):
        return
    if isinstance(leaf, Compare) and isinstance(leaf.right, Constant):
        yield from _constant_problems(left.column, leaf.operator, leaf.right.value)
    elif isinstance(leaf, Member):
        for value in leaf.values:
            yield from _constant_problems(left.column, "=", value.value)
    elif isinstance(leaf, Between):
        yield from _between_problems(left.column, leaf)


def _constant_problems(column: Column, operator: str, value: Scalar) -> Iterator[tuple[str, str]]:
    if column.kind is ColumnKind.TEXT and column.choices and value not in column.choices:
        hint = did_you_mean(str(value), column.choices) or f"it can be {', '.join(column.choices)}"
        yield f"{column.name} is never '{value}'", hint
    if column.kind in NUMERIC and isinstance(value, int | float) and not math.isnan(value):
        outcome = _settled(column, operator, value)
        if outcome is not None:
            yield f"{column.name} {operator} {value:g} is {outcome} true", f"{column.name} {_range(column)}"


def _settled(column: Column, operator: str, value: float) -> str | None:
    """Says "always" or "never" where the column's range alone decides the comparison."""
    low = float("-inf") if column.low is None else column.low
    high = float("inf") if column.high is None else column.high
    possible = low <= value <= high and (column.kind is ColumnKind.FLOAT or float(value).is_integer())
    never, always = {
        "=": (not possible, False),
        "<>": (False, not possible),
        ">": (value >= high, value < low),
        ">=": (value > high, value <= low),
        "<": (value <= low, value > high),
        "<=": (value < low, value >= high),
    }[operator]
    return "never" if never else "always" if always else None


def _between_problems(column: Column, leaf: Between) -> Iterator[tuple[str, str]]:
    low, high = leaf.low.value, leaf.high.value
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return
    if low > high:
        yield f"{leaf.text} is never true: {low:g} is above {high:g}", "the lower number comes first"
    elif _settled(column, ">=", low) == "never" or _settled(column, "<=", high) == "never":
        yield f"{column.name} is never BETWEEN {low:g} AND {high:g}", f"{column.name} {_range(column)}"


def _range(column: Column) -> str:
    whole = " in whole numbers" if column.kind is ColumnKind.INTEGER else ""
    if column.low is not None and column.high is not None:
        return f"goes from {column.low:g} to {column.high:g}{whole}"
    if column.low is not None:
        return f"starts at {column.low:g}{whole}"
    return f"goes up to {column.high:g}{whole}" if column.high is not None else f"counts{whole}"


def unguarded(text: str, predicate: Predicate) -> Iterator[Problem]:
    """Columns that can be unknown for an ordinary post, and would then hold it without anyone having meant that.

    Places are offsets into `text`, the condition.
    """
    guarded = {name for leaf in leaves(predicate) for operand in operands(leaf) for name in _guards(leaf, operand)}
    for name, column in columns_of(predicate).items():
        if column.nullable and name not in guarded:
            found = re.search(rf"\b{re.escape(name)}\b", text)
            start, end = found.span() if found else (0, len(text))
            yield Problem(
                start,
                end,
                f"{name} can be unknown, and an unknown condition holds the post",
                f"add {name} IS NOT NULL AND, or use COALESCE({name}, …)",
            )


def _guards(leaf: Leaf, operand: Operand) -> Iterator[str]:
    """The columns whose NULL this part of the condition deals with."""
    if isinstance(leaf, IsNull):
        yield from (atom.column.name for atom in atoms(operand) if isinstance(atom, ColumnValue))
    if isinstance(operand, Call):
        if operand.function is Function.COALESCE:
            yield from (atom.column.name for atom in atoms(operand) if isinstance(atom, ColumnValue))
        for argument in operand.arguments:
            yield from _guards(leaf, argument)
