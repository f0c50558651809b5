"""Answers of a candidate's process: what was said is read again, and everything else is nonsense."""

import contextlib
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.ids import Digest
from moderation.domain.signal import (
    FailureReason,
    Features,
    Match,
    Score,
    SignalFailure,
    SignalResult,
    Span,
    Surface,
)
from moderation.signals.apart_answers import MAX_DETAIL_CHARS, NonsenseError, dump, dump_error, read

VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
SPANS = st.builds(Span, st.sampled_from(Surface), st.integers(), st.integers(), st.text(), st.text())
PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=MAX_DETAIL_CHARS)
RESULTS = st.builds(
    Score,
    st.just("letters"),
    st.dictionaries(st.text(), VALUES),
    st.lists(SPANS).map(tuple),
    st.dictionaries(st.text(), VALUES),
) | st.builds(SignalFailure, st.just("letters"), st.sampled_from(FailureReason), PRINTABLE)


@given(st.lists(RESULTS))
def test_what_is_read_is_what_was_said(results: list[SignalResult]) -> None:
    found = read(dump(results), "letters")
    assert found == results
    assert [type(one) for one in found] == [type(one) for one in results]


def test_whose_results_they_are_is_for_the_lane_to_say() -> None:
    assert read(dump([Score("another", {"letters": 1})]), "letters") == [Score("letters", {"letters": 1})]


def test_features_stay_behind() -> None:
    (found,) = list(read(dump([Score("letters", {}, features=Features(Digest("2" * 64), b"seen"))]), "letters"))
    assert isinstance(found, Score)
    assert found.features is None


@pytest.mark.parametrize(
    "result",
    [
        Score("letters", {"letters": float("nan")}),
        Score("letters", {}, detail={"place": float("inf")}),
        Score("letters", {"letters": cast(int, SimpleNamespace())}),
        Match("letters", {}, (), "checkpoint"),
    ],
)
def test_what_cannot_be_said_fails_its_post_alone(result: SignalResult) -> None:
    good = Score("letters", {"letters": 1})
    found = list(read(dump([result, good]), "letters"))
    assert isinstance(found[0], SignalFailure)
    assert (found[0].reason, found[1]) == (FailureReason.WRONG_SHAPE, good)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x80\x04]\x94.",
        b"\xff\xfe",
        b"5",
        b'"ready"',
        b"{}",
        b'{"error": 5}',
        b'{"error": "a", "more": 1}',
        b"[5]",
        b"[{}]",
        b'[{"reason": "fine", "detail": ""}]',
        b'[{"reason": "error", "detail": 5}]',
        b'[{"values": {}, "spans": {}, "detail": {}}]',
        b'[{"values": {"a": [1]}, "spans": [], "detail": {}}]',
        b'[{"values": {"a": NaN}, "spans": [], "detail": {}}]',
        b'[{"values": {"a": 1e999}, "spans": [], "detail": {}}]',
        b'[{"values": {}, "spans": [], "detail": {"a": -Infinity}}]',
        b'[{"values": {}, "spans": [{"surface": "caption"}], "detail": {}}]',
        b'[{"values": {}, "spans": [{"surface":"caption","start":0.5,"end":1,"category":"","term":""}], "detail": {}}]',
        b"[" * 100_000,
    ],
)
def test_everything_else_is_nonsense(answer: bytes) -> None:
    with pytest.raises(NonsenseError):
        read(answer, "letters")


@given(st.binary())
def test_no_bytes_raise_anything_else(answer: bytes) -> None:
    with contextlib.suppress(NonsenseError):
        read(answer, "letters")


def test_what_went_wrong_is_cut_and_printable() -> None:
    said = read(dump_error("\0\x1b[2J\ud800" + "long " * 1_000), "letters")
    assert isinstance(said, str)
    assert said.isprintable()
    assert len(said) == MAX_DETAIL_CHARS
