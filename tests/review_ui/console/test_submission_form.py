"""What forms say, as submissions."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.decision import Action
from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import JobId
from review_ui.console.forms import Form
from review_ui.console.submission_form import MAX_SECONDS, submission_of

BATCH = "6f1f4a52-8f5f-4c58-9b1d-0d6f0f7b9a01"
JOB = JobId("job-1")


def a_form(*more: tuple[str, str], choice: str = "approve", batch: str = BATCH) -> Form:
    return Form([("choice", choice), ("batch", batch), ("token", "t"), *more])


def test_everything_of_a_rejection_arrives() -> None:
    found = submission_of(
        a_form(
            ("reason", "a"), ("reason", "b"), ("reason", "a"), ("exception", "p1"), ("note", " why "), ("seconds", "3"),
            choice="reject:spam",
        ),
        JOB,
    )  # fmt: skip
    assert (found.action, found.category, found.reasons) == (Action.REJECT, "spam", ("a", "b"))
    assert (found.exceptions, found.note, found.seconds, found.token) == (frozenset({"p1"}), "why", 3.0, "t")


@pytest.mark.parametrize("batch", ["", "x", BATCH + "0", "0" * 37])
def test_a_submission_without_an_id_is_refused(batch: str) -> None:
    with pytest.raises(InvalidInputError):
        submission_of(a_form(batch=batch), JOB)


def test_one_id_written_differently_is_one_id() -> None:
    assert submission_of(a_form(batch=BATCH.upper()), JOB).batch == BATCH


@pytest.mark.parametrize("seconds", ["nan", "inf", "-3", "1e400", "soon", ""])
def test_a_time_that_is_none_is_no_time(seconds: str) -> None:
    assert submission_of(a_form(("seconds", seconds)), JOB).seconds in {0.0, MAX_SECONDS}


def test_there_is_an_end_to_what_is_taken() -> None:
    with pytest.raises(InvalidInputError):
        submission_of(a_form(*[("reason", str(number)) for number in range(21)]), JOB)


@given(
    pairs=st.lists(st.tuples(st.sampled_from(["choice", "batch", "token", "reason", "seconds"]), st.text()), max_size=8)
)
def test_nothing_that_is_sent_is_a_defect(pairs: list[tuple[str, str]]) -> None:
    with contextlib.suppress(InvalidInputError):
        assert 0 <= submission_of(Form(pairs), JOB).seconds <= MAX_SECONDS
