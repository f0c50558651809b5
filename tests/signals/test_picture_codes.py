import numpy as np
import pytest

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import FailureReason, Score, SignalFailure
from moderation.media.codes import PICTURE_CODES as REDUCTION
from moderation.media.codes import picture_codes
from moderation.media.subject import Frame, Picture, Rgb, Subject
from moderation.signals.contract import checked
from moderation.signals.picture_codes import PICTURE_CODES, PictureCodes
from tests.factories import a_post, facts
from tests.media.codes import LINK, a_code, pasted, scenery


def measured(*frames: Rgb) -> Score:
    picture = Picture(facts(), tuple(Frame(rgb[:8, :8], {REDUCTION: picture_codes(rgb)}) for rgb in frames))
    subject = Subject(a_post(), picture)
    (result,) = PictureCodes().measure([subject])
    assert checked(result, PICTURE_CODES, subject) is result
    assert isinstance(result, Score)
    return result


def with_code(text: str, scale: int = 5) -> Rgb:
    return pasted(a_code(text, scale=scale), onto=scenery(512, 640), left=40, top=40)


def test_a_picture_without_a_code() -> None:
    result = measured(scenery(512, 640))
    assert set(result.values.values()) == {0}
    assert result.detail == {}


def test_a_link_in_a_code_is_a_link() -> None:
    result = measured(with_code(LINK))
    assert result.values == {
        "picture_codes": 1,
        "picture_code_unread": False,
        "picture_code_links": 1,
        "picture_code_link_shortener": False,
        "picture_code_link_disguised": False,
    }
    assert result.detail == {"payloads": LINK}


@pytest.mark.parametrize(
    ("text", "links", "shortener", "disguised"),
    [
        ("just a few words", 0, False, False),
        ("HTTPS://BIT.LY/ABC", 1, True, False),
        ("http://user@203.0.113.9/x", 1, False, True),
        ("example.com/a and t.me/someone", 2, False, False),
        ("bitcoin:bc1qexample?amount=0.1", 1, False, False),
        ("SMSTO:+15550100:hello", 1, False, False),
        ("intent://scan/#Intent;end", 1, False, True),
    ],
)
def test_payloads_are_judged_like_captions(text: str, links: int, shortener: bool, disguised: bool) -> None:
    values = measured(with_code(text)).values
    assert values["picture_codes"] == 1
    assert values["picture_code_links"] == links
    assert values["picture_code_link_shortener"] is shortener
    assert values["picture_code_link_disguised"] is disguised


def test_the_frames_of_an_animation_are_taken_together() -> None:
    result = measured(scenery(512, 640), with_code(LINK), with_code(LINK, 6), with_code("https://example.com/b"))
    assert result.values["picture_codes"] == 2
    assert result.detail["payloads"] == f"{LINK}\nhttps://example.com/b"


def test_a_code_that_cannot_be_read_is_told() -> None:
    code = a_code("https://example.com/" + "a" * 60, scale=6).copy()
    side = code.shape[0]
    code[side // 2 - 70 : side // 2 + 70, side // 2 - 70 : side // 2 + 70] = 128
    values = measured(pasted(code, onto=scenery())).values
    assert (values["picture_codes"], values["picture_code_unread"], values["picture_code_links"]) == (1, True, 0)


def test_long_payloads_are_cut_in_the_detail() -> None:
    codes = [with_code(f"https://example.com/{number}/" + "x" * 500, 3) for number in range(6)]
    payloads = measured(*codes).detail["payloads"]
    assert isinstance(payloads, str)
    assert len(payloads) <= 2_000
    assert all(f"https://example.com/{number}/x" in payloads for number in range(6))


def test_a_refused_picture_has_no_measurement() -> None:
    (result,) = PictureCodes().measure([Subject(a_post(), Refusal(RefusalReason.CORRUPT))])
    assert isinstance(result, SignalFailure)
    assert result.reason is FailureReason.UNDECODABLE


@pytest.mark.parametrize("array", [np.zeros(3, np.uint8), np.zeros((2, 2), np.float32)])
def test_an_answer_that_makes_no_sense_is_an_error(array: np.ndarray) -> None:
    picture = Picture(facts(), (Frame(np.zeros((1, 1, 3), np.uint8), {REDUCTION: array}),))
    with pytest.raises(ValueError, match="code"):
        PictureCodes().measure([Subject(a_post(), picture)])
