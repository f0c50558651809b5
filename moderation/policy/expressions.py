"""Conditions as Polars expressions: one tree, one engine, for a batch of one post and for ten million.

Polars' own logic is Kleene's, but it orders NaN above every number and its horizontal minimum skips NULL. Here
a number that is not finite is NULL, and so is every function of a NULL (`coalesce` aside). Polars' AND, OR, NOT, IN
and comparisons are then exactly SQL's.
"""

import operator
from collections.abc import Callable, Iterable
from functools import reduce

import polars as pl

from moderation.domain.signal import Column, ColumnKind
from moderation.policy.condition import (
    NUMERIC,
    And,
    Arithmetic,
    Between,
    Call,
    ColumnValue,
    Compare,
    Constant,
    Flag,
    Function,
    IsNull,
    Member,
    Not,
    Operand,
    Or,
    Predicate,
)

DTYPES: dict[ColumnKind, type[pl.DataType]] = {
    ColumnKind.FLOAT: pl.Float64,
    ColumnKind.INTEGER: pl.Int64,
    ColumnKind.BOOLEAN: pl.Boolean,
    ColumnKind.TEXT: pl.String,
}

_COMPARE: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def column_expression(column: Column) -> pl.Expr:
    """A column as conditions read it: of its kind's type, NULL where a number is not finite."""
    expression = pl.col(column.name)
    return finite(expression) if column.kind is ColumnKind.FLOAT else expression


def finite(expression: pl.Expr) -> pl.Expr:
    """The number, or NULL if it is infinite or NaN."""
    return pl.when(expression.is_finite()).then(expression)


def predicate_expression(predicate: Predicate) -> pl.Expr:  # noqa: PLR0911 - one for each kind of node
    """A boolean expression: true, false or NULL (unknown)."""
    match predicate:
        case And(parts):
            return reduce(operator.and_, map(predicate_expression, parts))
        case Or(parts):
            return reduce(operator.or_, map(predicate_expression, parts))
        case Not(inner):
            return ~predicate_expression(inner)
        case Flag(_, value):
            return operand_expression(value)
        case IsNull(_, value, negated):
            found = operand_expression(value)
            return found.is_not_null() if negated else found.is_null()
        case Compare(_, left, symbol, right):
            return _COMPARE[symbol](operand_expression(left), operand_expression(right))
        case Between(_, value, low, high, negated):
            found = operand_expression(value)
            inside = (found >= operand_expression(low)) & (found <= operand_expression(high))
            return ~inside if negated else inside
        case Member(_, value, values, negated):
            inside = _member(value, values)
            return ~inside if negated else inside


def operand_expression(operand: Operand) -> pl.Expr:
    """The operand's value in every row."""
    match operand:
        case ColumnValue(column):
            return pl.col(column.name)
        case Constant(value):
            return pl.lit(value, dtype=DTYPES[operand.kind])
        case Arithmetic(symbol, left, right):
            return finite(_ARITHMETIC[symbol](_double(left), _double(right)))
        case Call(function, arguments):
            return _call(function, arguments)


def _double(operand: Operand) -> pl.Expr:
    return operand_expression(operand).cast(pl.Float64)


def _call(function: Function, arguments: tuple[Operand, ...]) -> pl.Expr:
    wide = len({argument.kind for argument in arguments}) > 1
    values = [_double(argument) if wide else operand_expression(argument) for argument in arguments]
    match function:
        case Function.COALESCE:
            return pl.coalesce(values)
        case Function.LOWER:
            return values[0].str.to_lowercase()
        case Function.LENGTH:
            return values[0].str.len_chars().cast(pl.Int64)
        case Function.ABS:
            return values[0].abs()
        case Function.LEAST:
            return _if_all_known(values, pl.min_horizontal(values))
        case Function.GREATEST:
            return _if_all_known(values, pl.max_horizontal(values))


def _if_all_known(values: Iterable[pl.Expr], result: pl.Expr) -> pl.Expr:
    return pl.when(reduce(operator.and_, (value.is_not_null() for value in values))).then(result)


def _member(operand: Operand, values: tuple[Constant, ...]) -> pl.Expr:
    """`is_in` of NULL is NULL; the list itself has no NULL."""
    listed = [constant.value for constant in values]
    if operand.kind in NUMERIC:
        return _double(operand).is_in(pl.Series(listed, dtype=pl.Float64, strict=False).implode())
    return operand_expression(operand).is_in(pl.Series(listed, dtype=pl.String).implode())
