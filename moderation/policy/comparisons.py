"""What each comparison of a rule saw, read from the same tree that decided the rule."""

import polars as pl

from moderation.domain.signal import Value
from moderation.domain.verdict import Comparison, Truth
from moderation.policy.condition import (
    Between,
    ColumnValue,
    Compare,
    Flag,
    IsNull,
    Leaf,
    Member,
    Operand,
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

    def __init__(self, condition: Predicate) -> None:
        self._leaves = tuple(leaves(condition))
        self._expressions = [
            expression.alias(f"{index}.{part}")
            for index, leaf in enumerate(self._leaves)
            for part, expression in enumerate(
                (predicate_expression(leaf), operand_expression(left_of(leaf)), operand_expression(_right(leaf)))
            )
        ]

    def read(self, frame: pl.DataFrame) -> list[tuple[Comparison, ...]]:
        """For every row of `frame` (one at least), its comparisons in the order of the text."""
        return [
            tuple(_comparison(leaf, *row[3 * index : 3 * index + 3]) for index, leaf in enumerate(self._leaves))
            for row in frame.select(self._expressions).rows()
        ]


def literal(value: Value) -> str:
    """A value as a condition would write it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return format(value, ".6g") if isinstance(value, float) else str(value)


def _right(leaf: Leaf) -> Operand:
    """What a comparison compares with; itself where there is nothing that has to be computed."""
    return leaf.right if isinstance(leaf, Compare) else left_of(leaf)


def _comparison(leaf: Leaf, truth: bool | None, actual: Value, expected: Value) -> Comparison:  # noqa: FBT001 - a row
    left = left_of(leaf)
    return Comparison(
        text=leaf.text,
        column=left.column.name if isinstance(left, ColumnValue) else _left_text(leaf),
        actual=actual,
        operator=_operator(leaf),
        expected=_expected(leaf, expected),
        threshold=", ".join(name for operand in operands(leaf) for name in thresholds_of(operand)),
        truth=_TRUTHS[truth],
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


def _expected(leaf: Leaf, value: Value) -> str:
    match leaf:
        case Compare():
            return literal(value)
        case Member():
            return f"({', '.join(literal(constant.value) for constant in leaf.values)})"
        case Between():
            return f"{literal(leaf.low.value)} AND {literal(leaf.high.value)}"
        case IsNull():
            return ""
        case Flag():
            return "TRUE"
