import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import FailureReason, Score, SignalFailure, SignalResult
from moderation.media.subject import Picture, Rgb, Subject
from moderation.media.text_boxes import Box
from moderation.signals.contract import checked, picture_text
from moderation.signals.engine.inference import InferenceError, InferenceTimeoutError
from moderation.signals.models import ModelStore
from moderation.signals.picture_text.layout import Line
from moderation.signals.picture_text.presence import weights_digest
from moderation.signals.picture_text.reader import MODEL, Reading
from moderation.signals.picture_text.signal import MOST_CHARS, PICTURE_TEXT, PictureText
from tests.factories import a_post, facts
from tests.signals.picture_text.conftest import FakePresence, a_picture, written_on

REFUSED = Refusal(RefusalReason.TRUNCATED, "ends early")


def a_line(text: str, confidence: float = 0.9, top: float = 0) -> Line:
    return Line(Box(np.array([[0, top], [4, top], [4, top + 2], [0, top + 2]], np.float32), 1.0), text, confidence)


class FakeReader:
    """Takes a second for a picture, and answers with its first pixel's lines."""

    def __init__(self, answers: Sequence[Reading | Exception] = ()) -> None:
        self.answers = answers
        self.seen: list[int] = []

    def read(self, rgb: Rgb) -> Reading:
        place = int(rgb[0, 0, 0])
        self.seen.append(place)
        answer = self.answers[place] if self.answers else Reading((a_line(f"text {place}"),), 0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def now(self) -> float:
        return float(len(self.seen))


def measured(fake: FakeReader, pictures: Sequence[Picture | Refusal], seconds: float = 100) -> list[SignalResult]:
    signal = PictureText(FakePresence(), fake, models={}, batch_seconds=seconds, read_from=0.5, clock=fake.now)
    subjects = [Subject(a_post(), picture) for picture in pictures]
    results = signal.measure(subjects)
    return [checked(result, PICTURE_TEXT, subject) for result, subject in zip(results, subjects, strict=True)]


def of_size(picture: Picture, width: int, height: int) -> Picture:
    """The same frames, of a picture of that size."""
    return replace(picture, facts=facts("png", width, height))


def statuses(results: Sequence[SignalResult]) -> list[object]:
    return [
        result.values["picture_text_status"] if isinstance(result, Score) else result.reason
        for result in results
        if isinstance(result, Score | SignalFailure)
    ]


def test_only_likely_pictures_are_read() -> None:
    fake = FakeReader()
    results = measured(fake, [a_picture(0.1), a_picture(0.9), REFUSED, a_picture(0.49)])
    assert statuses(results) == ["none", "read", FailureReason.UNDECODABLE, "none"]
    assert len(fake.seen) == 1
    none = results[0]
    assert isinstance(none, Score)
    assert none.values["picture_text_chars"] == 0
    assert none.values["picture_text_confidence"] is None
    assert picture_text({"picture_text": none}) == ""


def test_when_time_is_over_the_less_likely_pictures_are_not_read() -> None:
    fake = FakeReader()
    results = measured(fake, [a_picture(0.6), a_picture(0.9), a_picture(0.7), a_picture(0.2)], seconds=1.5)
    assert statuses(results) == ["not_read", "read", "read", "none"]
    assert picture_text({"picture_text": results[0]}) is None


def test_at_least_one_picture_is_looked_at_and_read_in_no_time() -> None:
    assert statuses(measured(FakeReader(), [a_picture(0.6), a_picture(0.9)], seconds=0)) == ["read", "not_read"]


def test_the_likeliest_two_frames_of_an_animation_are_read_in_their_order() -> None:
    fake = FakeReader()
    (result,) = measured(fake, [a_picture(0.6, 0.2, 0.9, 0.7)])
    assert isinstance(result, Score)
    assert result.detail["text"] == "text 2\ntext 3"
    assert fake.seen == [2, 3]
    assert result.values["picture_text_likelihood"] == pytest.approx(0.9)


def test_each_further_frame_that_may_have_text_counts_as_an_unread_line() -> None:
    (further, none) = measured(FakeReader(), [a_picture(0.6, 0.2, 0.9, 0.7, 0.6), a_picture(0.2, 0.9, 0.7)])
    assert isinstance(further, Score)
    assert isinstance(none, Score)
    assert further.values["picture_text_lines_unread"] == 2
    assert none.values["picture_text_lines_unread"] == 0


def test_equal_lines_of_later_frames_are_told_once() -> None:
    same = Reading((a_line("the same"),), 1)
    (result,) = measured(FakeReader([same, same]), [a_picture(0.6, 0.9)])
    assert isinstance(result, Score)
    assert result.detail["text"] == "the same"
    assert result.values["picture_text_lines_unread"] == 2


def test_confidence_is_weighed_by_characters_and_boxes_are_in_permille() -> None:
    reading = Reading((a_line("abc", 0.6), a_line("d", 1.0, top=4)), 0)
    (result,) = measured(FakeReader([reading]), [a_picture(0.9)])
    assert isinstance(result, Score)
    assert result.values["picture_text_confidence"] == pytest.approx(0.7)
    places = json.loads(str(result.detail["boxes"]))
    assert places[1] == {"frame": 0, "corners": [0, 500, 500, 500, 500, 750, 0, 750], "confidence": 1.0}


def test_a_picture_that_held_no_words_was_read_all_the_same() -> None:
    (result,) = measured(FakeReader([Reading((), 0)]), [a_picture(0.9)])
    assert statuses([result]) == ["read"]
    assert picture_text({"picture_text": result}) == ""


def test_very_much_text_is_cut() -> None:
    (result,) = measured(
        FakeReader([Reading(tuple(a_line("x" * 300, top=4 * n) for n in range(80)), 0)]), [a_picture(0.9)]
    )
    assert isinstance(result, Score)
    assert result.values["picture_text_chars"] == len(str(result.detail["text"])) == MOST_CHARS
    assert result.values["picture_text_lines_unread"] == 67


def test_a_reader_that_fails_costs_its_own_post_only() -> None:
    answers = [InferenceError("broken"), InferenceTimeoutError("slow")]
    assert statuses(measured(FakeReader(answers[:1]), [a_picture(0.9), a_picture(0.1)])) == [
        FailureReason.ERROR,
        "none",
    ]
    assert statuses(measured(FakeReader(answers[1:]), [a_picture(0.9)])) == [FailureReason.TIMED_OUT]


def test_a_look_that_fails_costs_its_own_post_only() -> None:
    looks = FakePresence({1: InferenceError("broken"), 2: InferenceTimeoutError("slow")})
    signal = PictureText(looks, FakeReader(), models={}, read_from=0.5)
    pictures = [a_picture(0.9), a_picture(0.9), a_picture(0.1), a_picture(0.1)]
    results = signal.measure([Subject(a_post(), picture) for picture in pictures])
    assert statuses(results) == ["read", FailureReason.ERROR, FailureReason.TIMED_OUT, "none"]


def test_pictures_that_there_was_no_time_to_look_at_are_not_read() -> None:
    ticks = iter(range(100))
    signal = PictureText(
        FakePresence(), FakeReader(), models={}, batch_seconds=2, read_from=0.5, clock=lambda: float(next(ticks))
    )
    results = signal.measure([Subject(a_post(), a_picture(chance)) for chance in (0.1, 0.9, 0.1, 0.1)])
    assert statuses(results) == ["none", "read", "not_read", "not_read"]
    last = results[-1]
    assert isinstance(last, Score)
    assert last.values["picture_text_likelihood"] == 1
    assert picture_text({"picture_text": last}) is None


def test_a_look_that_hangs_leaves_the_others_unread_instead_of_waiting_for_each() -> None:
    ticks = iter(range(0, 1000, 8))
    looks = FakePresence({number: InferenceTimeoutError("slow") for number in range(4)})
    signal = PictureText(looks, FakeReader(), models={}, read_from=0.5, clock=lambda: float(next(ticks)))
    results = signal.measure([Subject(a_post(), a_picture(0.1)) for _ in range(4)])
    assert statuses(results) == [FailureReason.TIMED_OUT, "not_read", "not_read", "not_read"]
    assert looks.looks == 1


@pytest.mark.parametrize(
    ("size", "status"), [((1080, 10_000), "not_read"), ((9_000, 90), "not_read"), ((8, 1), "none")]
)
def test_a_very_long_picture_is_never_without_text(size: tuple[int, int], status: str) -> None:
    (plain, written) = measured(FakeReader(), [of_size(a_picture(chance), *size) for chance in (0.1, 0.9)])
    assert statuses([plain, written]) == [status, "read"]
    assert isinstance(written, Score)
    assert written.values["picture_text_lines_unread"] == (status == "not_read")


def test_a_large_picture_of_an_ordinary_shape_may_be_without_text() -> None:
    assert statuses(measured(FakeReader(), [of_size(a_picture(0.1), 6_000, 1_500)])) == ["none"]


def test_a_picture_without_frames_is_undecodable() -> None:
    assert statuses(measured(FakeReader(), [a_picture()])) == [FailureReason.UNDECODABLE]


def test_no_post_no_result() -> None:
    assert PictureText(FakePresence(), FakeReader(), models={}).measure([]) == []


def test_from_pixels_to_text_with_the_real_networks(ocr_store: ModelStore) -> None:
    signal = PictureText.load(ocr_store, threads=1)
    pixels = written_on("Kite festival", "free entry")
    picture = a_picture(1.0, pixels=pixels)
    subject = Subject(a_post(), picture)
    (result,) = signal.measure([subject])
    assert isinstance(checked(result, PICTURE_TEXT, subject), Score)
    assert picture_text({"picture_text": result}) == "Kite festival\nfree entry"
    assert signal.models == {MODEL: ocr_store.entry(MODEL).digest, "text-presence": weights_digest()}
