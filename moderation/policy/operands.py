"""The values inside conditions: columns, literals, thresholds, sums and a short list of functions."""

import math
from collections.abc import Mapping

from sqlglot import exp

from moderation.domain.signal import Column, ColumnKind
from moderation.policy.condition import (
    NUMERIC,
    Arithmetic,
    Call,
    ColumnValue,
    Constant,
    Function,
    Operand,
)
from moderation.policy.problems import Problem, did_you_mean
from moderation.policy.spans import Spans

MAX_WHOLE = 2**53
"""Whole numbers up to here are exact in double precision."""

_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}
_FUNCTIONS: dict[type[exp.Expr], Function] = {
    exp.Coalesce: Function.COALESCE,
    exp.Lower: Function.LOWER,
    exp.Length: Function.LENGTH,
    exp.Abs: Function.ABS,
    exp.Least: Function.LEAST,
    exp.Greatest: Function.GREATEST,
}
_VARIADIC = frozenset({Function.COALESCE, Function.LEAST, Function.GREATEST})
_NO_PLACE: dict[type[exp.Expr], tuple[str, str]] = {
    exp.Div: ("division is not allowed in a condition", "multiply the other side instead"),
    exp.Mod: ("% is not allowed in a condition", ""),
    exp.Case: ("CASE is not allowed in a condition", "write one rule for each case"),
    exp.Cast: ("casts are not allowed in a condition", ""),
    exp.Like: ("LIKE is not allowed in a condition", "match text with a term list signal"),
    exp.ILike: ("LIKE is not allowed in a condition", "match text with a term list signal"),
    exp.RegexpLike: ("patterns are not allowed in a condition", "match text with a term list signal"),
    exp.Null: ("a comparison with NULL is never true", "use IS NULL or IS NOT NULL"),
    exp.Select: ("queries are not allowed in a condition", ""),
    exp.Subquery: ("queries are not allowed in a condition", ""),
    exp.ArrayOverlaps: ("&& is not allowed in a condition", "write AND"),
    exp.DPipe: ("|| is not allowed in a condition", "for alternatives, write OR"),
    exp.Block: ("a condition is one expression: no semicolon", ""),
}


class OperandReader:
    """Reads values; every method returns None where it has reported a problem."""

    def __init__(
        self,
        spans: Spans,
        columns: Mapping[str, Column],
        thresholds: Mapping[str, int | float | None],
        problems: list[Problem],
    ) -> None:
        self._spans = spans
        self._columns = columns
        self._thresholds = thresholds
        self._problems = problems

    def read(self, node: exp.Expr) -> Operand | None:  # noqa: PLR0911 - one for each kind of node
        """A value of one kind."""
        if isinstance(node, exp.Paren):
            return self.read(node.this)
        if isinstance(node, exp.Column):
            return self._name(node)
        if isinstance(node, exp.Literal):
            return self._literal(node)
        if isinstance(node, exp.Boolean):
            return Constant(bool(node.this))
        if isinstance(node, exp.Neg):
            return self._negative(node)
        if type(node) in _ARITHMETIC:
            return self._arithmetic(node, _ARITHMETIC[type(node)])
        if type(node) in _FUNCTIONS:
            return self._call(node, _FUNCTIONS[type(node)])
        return self._refused(node)

    def constant(self, node: exp.Expr) -> Constant | None:
        """A literal or threshold, for places where nothing else may stand."""
        operand = self.read(node)
        if operand is None or isinstance(operand, Constant):
            return operand
        return self._report(node, f"{self._spans.text(node)} must be a literal or a threshold here")

    def _name(self, node: exp.Expr) -> Operand | None:
        identifier = node.this
        if node.args.get("table") or not isinstance(identifier, exp.Identifier):
            return self._report(node, f"{self._spans.text(node)} is not the name of a column", "names have no dots")
        name = str(identifier.this)
        if name in self._columns:
            return ColumnValue(self._columns[name])
        if name in self._thresholds:
            value = self._thresholds[name]
            return Constant(math.nan if value is None else value, threshold=name)
        if identifier.args.get("quoted"):
            return self._report(node, f'unknown column "{name}"', f"text goes in single quotes: '{name}'")
        hint = did_you_mean(name, [*self._columns, *self._thresholds])
        return self._report(node, f'unknown column or threshold "{name}"', hint)

    def _literal(self, node: exp.Expr) -> Operand | None:
        if node.args.get("is_string"):
            return Constant(str(node.this))
        text = str(node.this)
        try:
            value: int | float = int(text) if text.isdecimal() else float(text)
        except ValueError:
            return self._report(node, f"{text} is not a number")
        if not math.isfinite(value) or (isinstance(value, int) and value > MAX_WHOLE):
            return self._report(node, f"{text} is too large", f"whole numbers go up to {MAX_WHOLE}")
        return Constant(value)

    def _negative(self, node: exp.Expr) -> Operand | None:
        inner = self.read(node.this)
        if inner is None:
            return None
        if inner.kind not in NUMERIC:
            return self._report(node, "only a number can be negative")
        if isinstance(inner, Constant) and not inner.threshold and isinstance(inner.value, int | float):
            return Constant(-inner.value)
        return Arithmetic("-", Constant(0), inner)

    def _arithmetic(self, node: exp.Expr, symbol: str) -> Operand | None:
        left, right = self.read(node.this), self.read(node.expression)
        if left is None or right is None:
            return None
        if not {left.kind, right.kind} <= NUMERIC:
            return self._report(node, f"{symbol} is for numbers")
        return Arithmetic(symbol, left, right)

    def _call(self, node: exp.Expr, function: Function) -> Operand | None:
        arguments = [self.read(item) for item in (node.this, *node.expressions)]
        known = tuple(argument for argument in arguments if argument is not None)
        if len(known) < len(arguments):
            return None
        kinds = {argument.kind for argument in known}
        problem = ""
        if function in _VARIADIC and len(known) < 2:  # noqa: PLR2004 - one argument is itself
            problem = f"{function} takes two or more values"
        elif function in {Function.LOWER, Function.LENGTH} and kinds != {ColumnKind.TEXT}:
            problem = f"{function} is for text"
        elif function in {Function.ABS, Function.LEAST, Function.GREATEST} and not kinds <= NUMERIC:
            problem = f"{function} is for numbers"
        elif function is Function.COALESCE and len(kinds) > 1 and not kinds <= NUMERIC:
            problem = "the values of coalesce are of different kinds"
        return self._report(node, problem) if problem else Call(function, known)

    def _refused(self, node: exp.Expr) -> Operand | None:
        for refused, (message, hint) in _NO_PLACE.items():
            if isinstance(node, refused):
                return self._report(node, message, hint)
        text = self._spans.text(node)
        name = text.partition("(")[0].strip()
        if isinstance(node, exp.Func) and name.isidentifier():
            hint = did_you_mean(name, list(Function)) or f"allowed are {', '.join(Function)}"
            return self._report(node, f"the function {name} is not allowed in a condition", hint)
        if isinstance(node, exp.Predicate | exp.Connector | exp.Not):
            return self._report(node, f"{text} is a condition where a value is expected")
        return self._report(node, f"{text} is not allowed in a condition")

    def _report(self, node: exp.Expr, message: str, hint: str = "") -> Constant | None:
        """Always None, so that a reader can return it."""
        self._problems.append(Problem(*self._spans.extent(node), message, hint))
        return None
