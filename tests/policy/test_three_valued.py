"""Compiled conditions against a row-by-row oracle of SQL's three-valued logic that shares no code with them."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import polars as pl
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from moderation.domain.signal import Column, ColumnKind, Score, SignalSpec, Surface
from moderation.policy.compile import compile_policy
from moderation.policy.evaluate import COMPLETE, VERDICT, Policy
from moderation.policy.expressions import DTYPES
from moderation.policy.frame import FAILURES
from moderation.policy.problems import InvalidPolicyError

KINDS = {"f": ColumnKind.FLOAT, "i": ColumnKind.INTEGER, "b": ColumnKind.BOOLEAN, "t": ColumnKind.TEXT}
COLUMNS = {f"{letter}{number}": kind for letter, kind in KINDS.items() for number in (1, 2)}
SPECS = (
    SignalSpec("all", "1", Surface.POST, "", tuple(Column(n, k, "") for n, k in COLUMNS.items()), cost_ms=1),
)  # fmt: skip
THRESHOLD = 0.5
ALPHABET = "abABß'\\%_ İΣ"

Row: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Sql:
    """SQL text, and what it is worth in a row by the standard; None is NULL."""

    text: str
    value: Callable[[Row], Any]

    def __repr__(self) -> str:
        return self.text


def strict(function: Callable[..., Any], *parts: Sql) -> Callable[[Row], Any]:
    """NULL if any argument is."""

    def value(row: Row) -> Any:
        values = [part.value(row) for part in parts]
        return None if any(item is None for item in values) else function(*values)

    return value


def finite(number: float) -> float | None:
    return number if math.isfinite(number) else None


def column(name: str) -> Sql:
    def value(row: Row) -> Any:
        found = row[name]
        return None if isinstance(found, float) and not math.isfinite(found) else found

    return Sql(name, value)


def columns(letters: str) -> st.SearchStrategy[Sql]:
    return st.sampled_from([name for name in COLUMNS if name[0] in letters]).map(column)


def number_literal(value: float) -> Sql:
    text = repr(value)
    return Sql(f"({text})" if value < 0 or math.copysign(1, value) < 0 else text, lambda _: value)


def text_literal(value: str) -> Sql:
    return Sql("'" + value.replace("'", "''") + "'", lambda _: value)


whole = st.integers(-(2**53), 2**53)
small = st.integers(-3, 3)
real = st.floats(-1e300, 1e300) | st.sampled_from([0.0, -0.0, 0.5, 1.0, 2.5])
numbers = (small | whole | real).map(number_literal) | st.just(Sql("half", lambda _: THRESHOLD))
words = st.text(ALPHABET, max_size=3)
texts = words.map(text_literal)


def arithmetic(parts: tuple[Sql, str, Sql]) -> Sql:
    left, symbol, right = parts
    apply: dict[str, Callable[[float, float], float]] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
    }
    return Sql(
        f"({left} {symbol} {right})", strict(lambda a, b: finite(apply[symbol](float(a), float(b))), left, right)
    )


def coalesce(parts: list[Sql]) -> Sql:
    def value(row: Row) -> Any:
        return next((found for part in parts if (found := part.value(row)) is not None), None)

    return Sql(f"COALESCE({', '.join(map(repr, parts))})", value)


def call(name: str, function: Callable[..., Any]) -> Callable[[list[Sql]], Sql]:
    return lambda parts: Sql(f"{name}({', '.join(map(repr, parts))})", strict(function, *parts))


def measured_numbers() -> st.SearchStrategy[Sql]:
    """Numbers that depend on the row."""

    def extend(inner: st.SearchStrategy[Sql]) -> st.SearchStrategy[Sql]:
        several = st.tuples(inner, inner | numbers).map(list)
        return st.one_of(
            st.tuples(inner, st.sampled_from("+-*"), inner | numbers).map(arithmetic),
            several.map(coalesce),
            several.map(call("LEAST", min)),
            several.map(call("greatest", max)),
            st.lists(inner, min_size=1, max_size=1).map(call("abs", abs)),
        )

    length = measured_texts().map(lambda text: call("LENGTH", len)([text]))
    return st.recursive(columns("fi") | length, extend, max_leaves=3)


def measured_texts() -> st.SearchStrategy[Sql]:
    plain = columns("t")
    lower = plain.map(lambda text: call("lower", str.lower)([text]))
    return plain | lower | st.tuples(plain, plain | texts).map(list).map(coalesce)


ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "!=": lambda a, b: a != b,
}


def compare(parts: tuple[Sql, str, Sql, bool]) -> Sql:
    left, symbol, right, swapped = parts
    if swapped:
        left, right = right, left
    return Sql(f"{left} {symbol} {right}", strict(ORDER[symbol], left, right))


def between(parts: tuple[Sql, Sql, Sql, bool]) -> Sql:
    operand, *ends, negated = parts
    low, high = sorted(ends, key=lambda end: end.value({}))
    word = "NOT BETWEEN" if negated else "BETWEEN"
    return Sql(
        f"{operand} {word} {low} AND {high}",
        strict(lambda x, a, b: (a <= x <= b) is not negated, operand, low, high),
    )


def member(parts: tuple[Sql, list[Sql], bool]) -> Sql:
    operand, listed, negated = parts
    return Sql(
        f"{operand} {'NOT ' if negated else ''}IN ({', '.join(map(repr, listed))})",
        strict(lambda x, *values: any(x == value for value in values) is not negated, operand, *listed),
    )


def null_check(parts: tuple[Sql, bool]) -> Sql:
    operand, negated = parts
    return Sql(f"{operand} IS {'NOT ' if negated else ''}NULL", lambda row: (operand.value(row) is None) is not negated)


def negation(inner: Sql) -> Sql:
    return Sql(f"NOT ({inner})", strict(lambda x: not x, inner))


def joined(parts: tuple[list[Sql], bool]) -> Sql:
    inner, conjunction = parts

    def value(row: Row) -> bool | None:
        found = [part.value(row) for part in inner]
        if (not conjunction) in found:
            return not conjunction
        return None if None in found else conjunction

    return Sql(f"({(' AND ' if conjunction else ' OR ').join(map(repr, inner))})", value)


def conditions(
    number: st.SearchStrategy[Sql], text: st.SearchStrategy[Sql], constant: st.SearchStrategy[Sql]
) -> st.SearchStrategy[Sql]:
    booleans = columns("b")
    truths = st.booleans().map(lambda value: Sql(str(value).upper(), lambda _: value))
    leaf = st.one_of(
        booleans,
        st.tuples(number, st.sampled_from(list(ORDER)), number | constant, st.booleans()).map(compare),
        st.tuples(text, st.sampled_from(["=", "<>"]), text | texts, st.booleans()).map(compare),
        st.tuples(booleans, st.sampled_from(["=", "<>"]), booleans | truths, st.booleans()).map(compare),
        st.tuples(number, constant, constant, st.booleans()).map(between),
        st.tuples(number, st.lists(constant, min_size=1, max_size=4), st.booleans()).map(member),
        st.tuples(text, st.lists(texts, min_size=1, max_size=4), st.booleans()).map(member),
        st.tuples(number | text | booleans, st.booleans()).map(null_check),
    )
    return st.recursive(
        leaf,
        lambda inner: (
            inner.map(negation) | st.tuples(st.lists(inner, min_size=2, max_size=3), st.booleans()).map(joined)
        ),
        max_leaves=6,
    )


def rows(reals: st.SearchStrategy[float], *, broken: Sequence[float] = ()) -> st.SearchStrategy[list[dict[str, Any]]]:
    values: dict[str, st.SearchStrategy[Any]] = {
        "f": st.one_of(reals, small.map(float), *([st.sampled_from(broken)] if broken else [])),
        "i": small | whole,
        "b": st.booleans(),
        "t": words,
    }
    return st.lists(
        st.fixed_dictionaries({name: st.none() | values[name[0]] for name in COLUMNS}), min_size=1, max_size=8
    )


def frame_of(table: list[dict[str, Any]], failures: int = 0) -> pl.DataFrame:
    series = [pl.Series(name, [row[name] for row in table], dtype=DTYPES[kind]) for name, kind in COLUMNS.items()]
    return pl.DataFrame([*series, pl.Series(FAILURES, [failures] * len(table), dtype=pl.UInt16)])


def policy_text(condition: str, verdict: str) -> str:
    rule = {"name": "rule", "status": "live", "when": condition, "verdict": verdict, "reason": "r", "why": "w"}
    rule |= {"queue": "adult"} if verdict == "hold" else {}
    body = {"version": 1, "name": "test", "description": "d", "rules": [rule]}
    if "half" in condition:
        body |= {"thresholds": {"half": {"value": THRESHOLD, "why": "w"}}}
    return json.dumps(body)


def compiled(condition: Sql, verdict: str = "hold", specs: tuple[SignalSpec, ...] = SPECS) -> Policy:
    """The policy with that condition, unless the checker finds a comparison in it pointless (`i1 = 0.5`)."""
    try:
        return compile_policy(policy_text(condition.text, verdict), specs, source="test.yaml")
    except InvalidPolicyError as error:
        assume(not all(problem.message.endswith((" never true", " always true")) for problem in error.problems))
        raise


BROKEN = (math.nan, math.inf, -math.inf, 1e300)
EVERY = conditions(measured_numbers(), measured_texts(), numbers)
IN_POLARS_SQL = conditions(columns("fi"), columns("t"), (small | st.floats(-8, 8)).map(number_literal))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EVERY, rows(st.floats(), broken=BROKEN), st.sampled_from(["hold", "reject"]))
def test_conditions_are_true_false_or_unknown_as_sql_says(
    condition: Sql, table: list[dict[str, Any]], verdict: str
) -> None:
    policy = compiled(condition, verdict)

    outcome = policy.evaluate_columns(frame_of(table))

    expected = [condition.value(row) for row in table]
    strictness = {True: {"hold": 1, "reject": 2}[verdict], False: 0, None: 1}
    assert outcome["rule"].to_list() == expected
    assert outcome[VERDICT].to_list() == [strictness[truth] for truth in expected]
    assert outcome[COMPLETE].to_list() == [truth is not None for truth in expected]


@settings(max_examples=100, deadline=None)
@given(IN_POLARS_SQL, rows(st.floats(-8, 8)))
def test_conditions_mean_what_polars_own_sql_means_by_them(condition: Sql, table: list[dict[str, Any]]) -> None:
    policy = compiled(condition)
    frame = frame_of(table)

    assert policy.evaluate_columns(frame)["rule"].equals(frame.select(rule=pl.sql_expr(condition.text))["rule"])


@settings(max_examples=100, deadline=None)
@given(EVERY, rows(st.floats(-1e6, 1e6)))
def test_a_batch_is_judged_as_its_columns_are(condition: Sql, table: list[dict[str, Any]]) -> None:
    nullable = (SignalSpec("all", "1", Surface.POST, "", tuple(
        Column(name, kind, "", nullable=True) for name, kind in COLUMNS.items()
    ), cost_ms=1),)  # fmt: skip
    guards = " AND ".join(f"({name} IS NULL OR {name} IS NOT NULL)" for name in COLUMNS)
    policy = compiled(Sql(f"({condition.text}) AND {guards}", condition.value), specs=nullable)

    judgements = policy.judge([(Score("all", row),) for row in table])

    outcome = policy.evaluate_columns(frame_of(table))
    assert [judgement.verdict.strictness for judgement in judgements] == outcome[VERDICT].to_list()
    assert [judgement.complete for judgement in judgements] == outcome[COMPLETE].to_list()
    assert [len(judgement.hits) for judgement in judgements] == [truth is not False for truth in outcome["rule"]]
