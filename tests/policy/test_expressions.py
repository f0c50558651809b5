"""Three-valued logic spelled out: each line is a condition, what one post measured, and the condition's truth."""

import math
from typing import Any

import polars as pl
import pytest

from moderation.domain.signal import Column, ColumnKind, SignalSpec, Surface
from moderation.policy.compile import compile_policy
from moderation.policy.condition import leaves
from moderation.policy.expressions import DTYPES
from moderation.policy.frame import FAILURES
from tests.policy.signals import document

KINDS = {"x": ColumnKind.FLOAT, "y": ColumnKind.FLOAT, "n": ColumnKind.INTEGER, "b": ColumnKind.BOOLEAN}
KINDS |= {"c": ColumnKind.BOOLEAN, "t": ColumnKind.TEXT}
SPECS = (SignalSpec("all", "1", Surface.POST, "", tuple(Column(n, k, "") for n, k in KINDS.items()), cost_ms=1),)
NAN, INF = math.nan, math.inf


def truth(condition: str, row: dict[str, Any]) -> bool | None:
    policy = compile_policy(document(f"rule: {condition} -> hold"), SPECS, source="test.yaml")
    series = [pl.Series(name, [row.get(name)], dtype=DTYPES[kind]) for name, kind in KINDS.items()]
    frame = pl.DataFrame([*series, pl.Series(FAILURES, [0], dtype=pl.UInt16)])
    found: bool | None = policy.evaluate_columns(frame)["rule"].item()
    return found


# fmt: off
TRUTHS: list[tuple[str, dict[str, Any], bool | None]] = [
    # AND, OR, NOT
    ("b AND c", {"b": None, "c": False}, False),
    ("b AND c", {"b": None, "c": True}, None),
    ("b AND c", {"b": None, "c": None}, None),
    ("b OR c", {"b": None, "c": True}, True),
    ("b OR c", {"b": None, "c": False}, None),
    ("NOT b", {"b": None}, None),
    ("NOT b AND b", {"b": None}, None),
    ("NOT (b AND c)", {"b": None, "c": False}, True),
    ("b = TRUE", {"b": None}, None),
    ("b <> c", {"b": True, "c": False}, True),
    # AND binds tighter than OR, NOT tighter than both
    ("b OR c AND x > 0", {"b": True, "c": False, "x": 0.0}, True),
    ("NOT b OR c", {"b": False, "c": False}, True),
    # NULL
    ("x > 0.5", {"x": None}, None),
    ("x IS NULL", {"x": None}, True),
    ("x IS NOT NULL", {"x": None}, False),
    ("NOT x IS NULL", {"x": 1.0}, True),
    ("x IS NOT NULL AND x > 0.5", {"x": None}, False),
    ("COALESCE(x, 1.0) > 0.5", {"x": None}, True),
    ("COALESCE(x, y) > 0.5", {"x": None, "y": None}, None),
    # NaN and infinity are no measurements, wherever they would sort
    ("x > 0.5", {"x": NAN}, None),
    ("x < 0.5", {"x": NAN}, None),
    ("x = x", {"x": NAN}, None),
    ("NOT x < 0.5", {"x": NAN}, None),
    ("x IS NULL", {"x": NAN}, True),
    ("x < 0.5", {"x": -INF}, None),
    ("x > 0.5", {"x": INF}, None),
    ("x IN (0.5)", {"x": NAN}, None),
    ("x BETWEEN 0 AND 1", {"x": NAN}, None),
    ("x * y > 1", {"x": 1e300, "y": 1e300}, None),
    ("x * x - y * y < 1", {"x": 1e300, "y": 1e300}, None),
    ("COALESCE(x * y, 0) > 1", {"x": 1e300, "y": 1e300}, False),
    # IN and BETWEEN
    ("n IN (1, 2)", {"n": None}, None),
    ("n NOT IN (1, 2)", {"n": None}, None),
    ("n NOT IN (1, 2)", {"n": 3}, True),
    ("n IN (1.0, 2.0)", {"n": 2}, True),
    ("x IN (0)", {"x": -0.0}, True),
    ("t IN ('a', 'it''s')", {"t": "it's"}, True),
    ("t NOT IN ('a')", {"t": None}, None),
    ("n BETWEEN 1 AND 3", {"n": 1}, True),
    ("n BETWEEN 1 AND 3", {"n": 3}, True),
    ("n NOT BETWEEN 1 AND 3", {"n": None}, None),
    # a function of NULL is NULL, though Polars' own would skip it
    ("GREATEST(x, y) > 0.5", {"x": None, "y": 0.1}, None),
    ("LEAST(x, y) < 0.5", {"x": None, "y": 0.1}, None),
    ("GREATEST(x, n) > 0.5", {"x": 0.1, "n": 1}, True),
    ("LEAST(x, n) = 0.25", {"x": 0.25, "n": 1}, True),
    ("ABS(x - y) < 0.1", {"x": 0.5, "y": None}, None),
    ("ABS(n) = 3", {"n": -3}, True),
    ("LENGTH(t) > 0", {"t": None}, None),
    ("LENGTH(t) = 2", {"t": "né"}, True),
    ("LOWER(t) = 'png'", {"t": "PnG"}, True),
    # text is equal when its characters are; nothing is folded or trimmed
    ("t = 'a'", {"t": "A"}, False),
    ("t = 'a'", {"t": "a "}, False),
    ("t <> 'a'", {"t": None}, None),
    ("t = 'é'", {"t": "e\u0301"}, False),
    # numbers of both kinds compare by value
    ("n > 0.5", {"n": 1}, True),
    ("n = 9007199254740992", {"n": 2**53}, True),
    ("n = 9007199254740992", {"n": 2**53 - 1}, False),
    ("n + n > 3", {"n": 2}, True),
    ("n - 3 < 0", {"n": 2}, True),
    ("-n < -1", {"n": 2}, True),
    ("0.5 < x", {"x": 0.6}, True),
    ("(x) > ((0.5))", {"x": 0.6}, True),
]
# fmt: on


@pytest.mark.parametrize(("condition", "row", "expected"), TRUTHS)
def test_truth(condition: str, row: dict[str, Any], expected: bool | None) -> None:
    assert truth(condition, row) is expected


@pytest.mark.parametrize(
    ("condition", "texts"),
    [
        ("NOT n IN (1, 2) AND b", ["NOT n IN (1, 2)", "b"]),
        ("n NOT IN (1, 2)", ["n NOT IN (1, 2)"]),
        ("NOT n NOT IN (1, 2)", ["n NOT IN (1, 2)"]),
        ("NOT x BETWEEN 0 AND 1", ["NOT x BETWEEN 0 AND 1"]),
        ("NOT (n IN (1))", ["n IN (1)"]),
        ("(x + 1) * (y - 2) > ((3))", ["(x + 1) * (y - 2) > ((3))"]),
        ("b AND (x IS NOT NULL)", ["b", "x IS NOT NULL"]),
        ("(x) IS NULL OR NOT b", ["(x) IS NULL", "b"]),
        ("LOWER(t) IN ('a)', '(b') OR ABS(x - y) >= 1", ["LOWER(t) IN ('a)', '(b')", "ABS(x - y) >= 1"]),
        ("c = TRUE AND -n < -1", ["c = TRUE", "-n < -1"]),
    ],
)
def test_comparisons_read_as_they_were_written(condition: str, texts: list[str]) -> None:
    policy = compile_policy(document(f"rule: {condition} -> hold"), SPECS, source="test.yaml")
    assert [leaf.text for leaf in leaves(policy.rules[0].condition)] == texts
