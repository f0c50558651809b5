"""From a rule's `when:` to a typed tree: sqlglot parses, and only what is listed here passes.

Whatever is wrong is collected, so that a policy team sees every mistake of a condition at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from moderation.domain.signal import Column, ColumnKind
from moderation.policy import checks
from moderation.policy.condition import (
    NUMERIC,
    And,
    Between,
    ColumnValue,
    Compare,
    Constant,
    Flag,
    IsNull,
    Leaf,
    Member,
    Not,
    Operand,
    Or,
    Predicate,
    atoms,
)
from moderation.policy.operands import OperandReader
from moderation.policy.problems import Problem
from moderation.policy.spans import Spans

MAX_TOKENS = 1_000
DIALECT = "postgres"
"""Whose spelling conditions follow; what they mean is `condition` and `expressions`."""

COMPARE: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_FLIPPED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a condition may name. A threshold without a usable value is None."""

    columns: Mapping[str, Column]
    thresholds: Mapping[str, int | float | None]


def parse_condition(text: str, scope: Scope) -> tuple[Predicate | None, list[Problem]]:
    """The condition's tree, or None and every problem; their places are offsets into `text`."""
    try:
        tokens = sqlglot.tokenize(text, dialect=DIALECT)
        if len(tokens) > MAX_TOKENS:
            return None, [Problem(0, 1, f"the condition has more than {MAX_TOKENS} words", "split it into rules")]
        tree = sqlglot.parse_one(text, into=exp.Condition, dialect=DIALECT)
        reader = ConditionReader(Spans(text, tokens, tree), scope)
        predicate = reader.predicate(tree)
    except RecursionError:
        return None, [Problem(0, len(text), "the condition is nested too deeply", "split it into rules")]
    except SqlglotError as error:
        return None, [_syntax_problem(text, error)]
    if predicate is not None:
        reader.problems += checks.unguarded(text, predicate)
    return (None if reader.problems else predicate), sorted(set(reader.problems))


def _syntax_problem(text: str, error: SqlglotError) -> Problem:
    details = error.errors[0] if isinstance(error, ParseError) and error.errors else None
    if details is None:
        if text.count("'") % 2 or text.count('"') % 2:
            return Problem(text.rfind("'" if text.count("'") % 2 else '"'), len(text), "a quote is not closed")
        return Problem(0, len(text), "there is no condition here")
    lines = text.split("\n")
    end = min(len(text), sum(len(line) + 1 for line in lines[: details["line"] - 1]) + details["col"])
    word = str(details["highlight"])
    start = max(0, end - len(word))
    description = str(details["description"])
    if description.startswith("Required keyword"):
        return Problem(start, end, f"something is missing after {word}")
    if description == "Expecting )":
        return Problem(start, end, f'a closing ")" is missing after {word}')
    if "Unexpected token" in description:
        return Problem(start, end, f"{word} does not fit here", "join comparisons with AND or OR")
    return Problem(start, end, f"this cannot be read: {description[:1].lower()}{description[1:]}")


class ConditionReader:
    """Walks one condition. Every method returns None where it has reported a problem."""

    def __init__(self, spans: Spans, scope: Scope) -> None:
        self.problems: list[Problem] = []
        self._spans = spans
        self._operands = OperandReader(spans, scope.columns, scope.thresholds, self.problems)

    def predicate(self, node: exp.Expr) -> Predicate | None:  # noqa: PLR0911 - one for each kind of node
        """Something that is true, false or unknown."""
        if isinstance(node, exp.Paren):
            return self.predicate(node.this)
        if isinstance(node, exp.And | exp.Or):
            return self._joined(node)
        if isinstance(node, exp.Not):
            return self._negated(node)
        if isinstance(node, exp.In):
            return self._member(node, negated=False, whole=node)
        if isinstance(node, exp.Between):
            return self._between(node, negated=False, whole=node)
        if isinstance(node, exp.Is):
            return self._is(node)
        if type(node) in COMPARE:
            return self._compare(node, COMPARE[type(node)])
        return self._flag(node)

    def _joined(self, node: exp.Expr) -> Predicate | None:
        parts = [self.predicate(part) for part in node.flatten()]
        known = tuple(part for part in parts if part is not None)
        if len(known) < len(parts):
            return None
        return And(known) if isinstance(node, exp.And) else Or(known)

    def _negated(self, node: exp.Expr) -> Predicate | None:
        if isinstance(node.this, exp.In):
            return self._member(node.this, negated=True, whole=node)
        if isinstance(node.this, exp.Between):
            return self._between(node.this, negated=True, whole=node)
        inner = self.predicate(node.this)
        return None if inner is None else Not(inner)

    def _compare(self, node: exp.Expr, symbol: str) -> Predicate | None:
        left, right = self._operands.read(node.this), self._operands.read(node.expression)
        if left is None or right is None:
            return None
        if _is_constant(left) and not _is_constant(right):
            left, right, symbol = right, left, _FLIPPED[symbol]
        if not self._comparable(node, left, right):
            return None
        if left.kind not in NUMERIC and symbol not in {"=", "<>"}:
            self._report(node, f"{left.kind} values have no order: only = and <> apply")
            return None
        return self._checked(node, Compare(self._spans.text(node), left, symbol, right))

    def _member(self, node: exp.Expr, *, negated: bool, whole: exp.Expr) -> Predicate | None:
        if node.args.get("query") or node.args.get("unnest") or node.args.get("field"):
            self._report(node, "IN takes a list of values in parentheses")
            return None
        operand = self._operands.read(node.this)
        values = [self._operands.constant(item) for item in node.expressions]
        if not node.expressions:
            self._report(node, "the list of IN is empty")
            return None
        if operand is None or any(value is None for value in values):
            return None
        known = tuple(value for value in values if value is not None)
        if operand.kind is ColumnKind.BOOLEAN:
            self._report(node, "a boolean needs no IN", "write the column by itself, or NOT before it")
            return None
        if not all(self._comparable(item, operand, value) for item, value in zip(node.expressions, known, strict=True)):
            return None
        return self._checked(whole, Member(self._spans.text(whole), operand, known, negated))

    def _between(self, node: exp.Expr, *, negated: bool, whole: exp.Expr) -> Predicate | None:
        if node.args.get("symmetric"):
            self._report(node, "BETWEEN SYMMETRIC is not allowed in a condition")
            return None
        operand = self._operands.read(node.this)
        low, high = self._operands.constant(node.args["low"]), self._operands.constant(node.args["high"])
        if operand is None or low is None or high is None:
            return None
        if not {operand.kind, low.kind, high.kind} <= NUMERIC:
            self._report(node, "BETWEEN is for numbers")
            return None
        return self._checked(whole, Between(self._spans.text(whole), operand, low, high, negated))

    def _is(self, node: exp.Expr) -> Predicate | None:
        if not isinstance(node.expression, exp.Null):
            self._report(
                node, "only IS NULL and IS NOT NULL are allowed", "write a boolean column by itself, or NOT before it"
            )
            return None
        operand = self._operands.read(node.this)
        if operand is None:
            return None
        return self._checked(node, IsNull(self._spans.text(node), operand, negated=bool(node.args.get("negate"))))

    def _flag(self, node: exp.Expr) -> Predicate | None:
        operand = self._operands.read(node)
        if operand is None:
            return None
        if isinstance(operand, ColumnValue) and operand.kind is ColumnKind.BOOLEAN:
            return Flag(self._spans.text(node), operand)
        text = self._spans.text(node)
        self._report(node, f"{text} is a value, not a condition", "compare it with something")
        return None

    def _checked(self, node: exp.Expr, leaf: Leaf) -> Leaf:
        for message, hint in checks.leaf_problems(leaf):
            self._report(node, message, hint)
        return leaf

    def _comparable(self, node: exp.Expr, left: Operand, right: Operand) -> bool:
        if left.kind == right.kind or {left.kind, right.kind} <= NUMERIC:
            return True
        self._report(node, f"a {_noun(left.kind)} is compared with a {_noun(right.kind)}")
        return False

    def _report(self, node: exp.Expr, message: str, hint: str = "") -> None:
        self.problems.append(Problem(*self._spans.extent(node), message, hint))


def _is_constant(operand: Operand) -> bool:
    return all(isinstance(atom, Constant) for atom in atoms(operand))


def _noun(kind: ColumnKind) -> str:
    return "number" if kind in NUMERIC else str(kind)
