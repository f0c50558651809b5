"""What each comparison of a rule saw, read from the same tree that decided the rule."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from moderation.domain.signal import Value
from moderation.domain.verdict import Comparison, Truth
from moderation.policy.condition import (
    Between,
    ColumnValue,
    Compare,
    Constant,
    Flag,
    IsNull,
    Leaf,
    Member,
    Predicate,
    leaves,
    left_of,
    operands,
    thresholds_of,
)
from moderation.policy.expressions import operand_expression, predicate_expression

_TRUTHS: dict[bool | None, Truth] = {True: Truth.TRUE, False: Truth.FALSE, None: Truth.UNKNOWN}


class RuleComparisons:
    """The comparisons of one condition, ready to be read for the posts that the rule concerns."""

    def __init__(self, rule: str, condition: Predicate) -> None:
        found = tuple(leaves(condition))
        self._shown = tuple(map(_shown, found))
        parts = (part for leaf in found for part in _parts(leaf))
        self.expressions = tuple(part.alias(f"{rule}.{index}") for index, part in enumerate(parts))
        """For each comparison its truth and its left side, then its right side where that has to be computed."""

    def read(self, values: Iterable[Any]) -> tuple[Comparison, ...]:
        """The comparisons of one post, in the order of the text, from what `expressions` gave for it."""
        given = iter(values)
        return tuple(shown.of(given) for shown in self._shown)


@dataclass(frozen=True, slots=True)
class _Shown:
    """How a comparison reads; `expected` is None where it has to be read from the post."""

    text: str
    column: str
    operator: str
    expected: str | None
    threshold: str

    def of(self, values: Iterator[Any]) -> Comparison:
        truth, actual = next(values), next(values)
        right = literal(next(values)) if self.expected is None else self.expected
        return Comparison(self.text, self.column, actual, self.operator, right, self.threshold, _TRUTHS[truth])


def literal(value: Value) -> str:
    """A value as a condition would write it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return format(value, ".9g") if isinstance(value, float) else str(value)


def _parts(leaf: Leaf) -> Iterator[pl.Expr]:
    yield predicate_expression(leaf)
    yield operand_expression(left_of(leaf))
    if isinstance(leaf, Compare) and not isinstance(leaf.right, Constant):
        yield operand_expression(leaf.right)


def _shown(leaf: Leaf) -> _Shown:
    left = left_of(leaf)
    return _Shown(
        text=leaf.text,
        column=left.column.name if isinstance(left, ColumnValue) else _left_text(leaf),
        operator=_operator(leaf),
        expected=_expected(leaf),
        threshold=", ".join(name for operand in operands(leaf) for name in thresholds_of(operand)),
    )


def _left_text(leaf: Leaf) -> str:
    """How a computed left side reads: the comparison without what follows its operator."""
    head, separator, tail = leaf.text.partition(f" {_operator(leaf)} ")
    return head if separator and tail else leaf.text


def _operator(leaf: Leaf) -> str:
    match leaf:
        case Compare():
            return leaf.operator
        case Member():
            return "NOT IN" if leaf.negated else "IN"
        case Between():
            return "NOT BETWEEN" if leaf.negated else "BETWEEN"
        case IsNull():
            return "IS NOT NULL" if leaf.negated else "IS NULL"
        case Flag():
            return "="


def _expected(leaf: Leaf) -> str | None:
    match leaf:
        case Compare():
            return literal(leaf.right.value) if isinstance(leaf.right, Constant) else None
        case Member():
            return f"({', '.join(literal(constant.value) for constant in leaf.values)})"
        case Between():
            return f"{literal(leaf.low.value)} AND {literal(leaf.high.value)}"
        case IsNull():
            return ""
        case Flag():
            return "TRUE"
