import math
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from moderation.domain.media import Refusal, RefusalReason
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
from moderation.signals.contract import check_distinct, check_order, checked, picture_text
from tests.factories import a_post

SPEC = SignalSpec(
    "all_kinds",
    "1",
    Surface.CAPTION,
    "One column of each kind.",
    (
        Column("share", ColumnKind.FLOAT, "", 0.0, 1.0),
        Column("count", ColumnKind.INTEGER, "", 0),
        Column("known", ColumnKind.BOOLEAN, ""),
        Column("status", ColumnKind.TEXT, "", choices=("good", "bad")),
        Column("maybe", ColumnKind.FLOAT, "", nullable=True),
    ),
    0.1,
)
GOOD: dict[str, Value] = {"share": 0.5, "count": 3, "known": True, "status": "good", "maybe": None}
SUBJECT = Subject(a_post(caption="abcdef", prompt="xyz"), Refusal(RefusalReason.CORRUPT))


def failed(values: Mapping[str, object]) -> bool:
    result = checked(Score("all_kinds", values), SPEC, SUBJECT)  # type: ignore[arg-type]  # wrong on purpose
    return isinstance(result, SignalFailure) and result.reason is FailureReason.WRONG_SHAPE


@pytest.mark.parametrize(
    "change",
    [
        {"share": 0},
        {"share": 1.0},
        {"share": np.float64(0.25)},
        {"count": 0},
        {"known": False},
        {"status": "bad"},
        {"maybe": -1e9},
    ],
)
def test_what_keeps_to_the_spec_is_taken(change: dict[str, Value]) -> None:
    result = Score("all_kinds", GOOD | change)
    assert checked(result, SPEC, SUBJECT) is result


@pytest.mark.parametrize(
    "change",
    [
        {"share": 1.0001},
        {"share": -0.1},
        {"share": math.nan},
        {"share": math.inf},
        {"share": None},
        {"share": True},
        {"share": "0.5"},
        {"share": np.float32(0.5)},
        {"count": 1.0},
        {"count": -1},
        {"count": False},
        {"known": 1},
        {"known": None},
        {"known": np.True_},
        {"status": "ugly"},
        {"status": ""},
        {"status": 1},
        {"maybe": math.nan},
        {"maybe": "x"},
        {"extra": 1},
    ],
)
def test_what_does_not_keep_to_it_is_a_failure(change: dict[str, object]) -> None:
    assert failed(GOOD | change)


def test_a_missing_column_is_a_failure() -> None:
    for name in GOOD:
        assert failed({key: value for key, value in GOOD.items() if key != name})


@pytest.mark.parametrize(
    "span",
    [
        Span(Surface.CAPTION, 0, 7, "", ""),
        Span(Surface.CAPTION, -1, 2, "", ""),
        Span(Surface.CAPTION, 3, 3, "", ""),
        Span(Surface.PROMPT, 0, 4, "", ""),
        Span(Surface.IMAGE, 0, 1, "", ""),
    ],
)
def test_a_span_outside_the_text_is_a_failure(span: Span) -> None:
    result = checked(Score("all_kinds", GOOD, (span,)), SPEC, SUBJECT)
    assert isinstance(result, SignalFailure)


def test_a_span_inside_the_text_is_taken() -> None:
    result = Score("all_kinds", GOOD, (Span(Surface.CAPTION, 0, 6, "", ""), Span(Surface.PROMPT, 2, 3, "", "")))
    assert checked(result, SPEC, SUBJECT) is result


def test_matches_and_own_failures_are_taken() -> None:
    match = Match("all_kinds", GOOD, (), "7")
    failure = SignalFailure("all_kinds", FailureReason.UNDECODABLE)
    assert checked(match, SPEC, SUBJECT) is match
    assert checked(failure, SPEC, SUBJECT) is failure


@pytest.mark.parametrize(
    "result",
    [
        None,
        0.5,
        "",
        Score("other", GOOD),
        SignalFailure("other", FailureReason.ERROR),
        SimpleNamespace(signal="all_kinds", values=GOOD),
    ],
)
def test_anything_else_is_a_failure_of_this_signal(result: object) -> None:
    found = checked(result, SPEC, SUBJECT)
    assert isinstance(found, SignalFailure)
    assert (found.signal, found.reason) == ("all_kinds", FailureReason.WRONG_SHAPE)


def test_names_and_columns_must_differ() -> None:
    other = SignalSpec("other", "1", Surface.POST, "", (Column("count", ColumnKind.INTEGER, ""),), 0.1)
    check_distinct([SPEC])
    with pytest.raises(ValueError, match="all_kinds"):
        check_distinct([SPEC, SPEC])
    with pytest.raises(ValueError, match="count"):
        check_distinct([SPEC, other])


def test_a_signal_stands_after_what_it_needs() -> None:
    later = replace(SPEC, name="later", needs=("all_kinds",))
    check_order([SPEC, later])
    for wrong in ([later, SPEC], [later], [replace(SPEC, needs=("all_kinds",))]):
        with pytest.raises(ValueError, match="all_kinds"):
            check_order(wrong)


def reading(status: str, text: str) -> SignalResult:
    return Score("picture_text", {"picture_text_status": status}, detail={"text": text})


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (reading("read", "SALE"), "SALE"),
        (reading("none", ""), ""),
        (reading("not_read", ""), None),
        (SignalFailure("picture_text", FailureReason.TIMED_OUT), None),
        (None, None),
    ],
)
def test_text_in_the_picture_is_known_only_when_it_was_read(found: SignalResult | None, text: str | None) -> None:
    assert picture_text({} if found is None else {"picture_text": found}) == text


def test_a_span_may_point_into_the_text_of_the_picture() -> None:
    result = Score("all_kinds", GOOD, (Span(Surface.PICTURE_TEXT, 0, 4, "", ""),))
    assert checked(result, SPEC, replace(SUBJECT, earlier={"picture_text": reading("read", "SALE")})) is result
    for unread in (reading("read", "SAL"), reading("not_read", "SALE")):
        found = checked(result, SPEC, replace(SUBJECT, earlier={"picture_text": unread}))
        assert isinstance(found, SignalFailure)
