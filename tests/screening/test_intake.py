from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInputError, ModerationError, TooLargeError, UnavailableError
from moderation.domain.ids import Digest
from moderation.domain.post import Author
from moderation.screening.intake import Intake, IntakeLimits, Submission
from moderation.storage.posts import Accepted, NewPost
from tests.fakes import START, post

LIMITS = IntakeLimits(max_image_bytes=10, max_caption_chars=20, max_prompt_chars=30, deadline_seconds=60)


class Rows:
    """Keeps what was accepted."""

    def __init__(self) -> None:
        self.accepted: list[tuple[NewPost, Digest]] = []

    def accept(
        self,
        new: NewPost,
        *,
        client: str,
        idempotency_key: str | None,
        body: Digest,
        deadline_seconds: float,
        now: datetime,
    ) -> Accepted:
        self.accepted.append((new, body))
        return Accepted(post(1), created=True)


class Blobs:
    """Keeps how many images were written; can be full."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.written = 0

    def write(self, data: bytes) -> Digest:
        if self.full:
            raise UnavailableError("no space left")
        self.written += 1
        return Digest("c" * 64)


def submission(image: bytes = b"x", caption: str = "", prompt: str = "", author: str = "someone") -> Submission:
    return Submission(image, caption, prompt, Author(author))


def accept(what: Submission, *, key: str | None = None, blobs: Blobs | None = None) -> Rows:
    rows = Rows()
    Intake(rows, blobs or Blobs(), LIMITS).accept(what, client="c", idempotency_key=key, now=START)
    return rows


def test_what_is_within_the_limits_is_accepted_as_it_is() -> None:
    rows = accept(submission(b"0123456789", "c" * 20, "p" * 30), key="k")
    [(new, _)] = rows.accepted
    assert (new.image, new.image_bytes, new.caption, new.prompt) == (Digest("c" * 64), 10, "c" * 20, "p" * 30)


@pytest.mark.parametrize(
    ("what", "error"),
    [
        (submission(b""), InvalidInputError),
        (submission(b"0123456789a"), TooLargeError),
        (submission(caption="c" * 21), TooLargeError),
        (submission(prompt="p" * 31), TooLargeError),
        (submission(author="a" * 201), TooLargeError),
        (submission(author="  "), InvalidInputError),
        (submission(caption="nul\x00"), InvalidInputError),
        (submission(prompt="half \ud83d"), InvalidInputError),
    ],
)
def test_what_is_over_a_limit_or_malformed_is_refused_and_nothing_is_stored(
    what: Submission, error: type[ModerationError]
) -> None:
    blobs = Blobs()
    with pytest.raises(error):
        accept(what, blobs=blobs)
    assert blobs.written == 0


def test_an_image_that_cannot_be_kept_makes_no_post() -> None:
    rows = Rows()
    with pytest.raises(UnavailableError):
        Intake(rows, Blobs(full=True), LIMITS).accept(submission(), client="c", idempotency_key=None, now=START)
    assert rows.accepted == []


@given(st.text(st.characters(), max_size=20) | st.text(st.sampled_from("a\x00\ud800\udfff"), max_size=20))
def test_any_text_is_accepted_or_refused_with_a_reason(caption: str) -> None:
    if "\x00" in caption or any("\ud800" <= char <= "\udfff" for char in caption):
        with pytest.raises(InvalidInputError):
            accept(submission(caption=caption))
    else:
        assert accept(submission(caption=caption)).accepted[0][0].caption == caption


def test_the_body_digest_tells_any_difference() -> None:
    bodies = {
        accept(what).accepted[0][1]
        for what in (
            submission(caption="a"),
            submission(caption="b"),
            submission(prompt="a"),
            submission(author="a"),
            Submission(b"x", "a", "", Author("someone", account_age_days=3.0)),
        )
    }
    assert len(bodies) == 5
    assert accept(submission(caption="a")).accepted[0][1] in bodies
