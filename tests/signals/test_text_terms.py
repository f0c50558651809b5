import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import FailureReason, Score, SignalFailure, SignalResult, Surface
from moderation.media.subject import Subject
from moderation.signals.contract import checked
from moderation.signals.terms.document import Category, term_lists
from moderation.signals.terms.matcher import Matcher
from moderation.signals.text_terms import CAPTION_TERMS, MAX_SPANS, PICTURE_TEXT_TERMS, PROMPT_TERMS, TextTerms
from tests.factories import a_post

MATCHER = Matcher(term_lists())
CAPTION, PROMPT = TextTerms(CAPTION_TERMS, MATCHER), TextTerms(PROMPT_TERMS, MATCHER)
PICTURE = TextTerms(PICTURE_TEXT_TERMS, MATCHER)


def measured(signal: TextTerms, caption: str = "", prompt: str = "") -> Score:
    post = a_post(caption=caption, prompt=prompt)
    (result,) = signal.measure([Subject(post, Refusal(RefusalReason.CORRUPT))])
    assert isinstance(result, Score)
    return result


def minors(caption: str, prompt: str = "") -> tuple[object, object]:
    return (
        measured(CAPTION, caption, prompt).values["caption_minors"],
        measured(PROMPT, caption, prompt).values["prompt_minors"],
    )


def test_each_surface_has_a_column_for_each_category() -> None:
    for signal, surface in ((CAPTION, "caption"), (PROMPT, "prompt")):
        values = measured(signal, "A quiet lake", "lake, dawn").values
        assert values == {f"{surface}_{category}": 0 for category in Category}


def test_each_surface_reads_its_own_text() -> None:
    assert measured(CAPTION, "a nude woman", "lake").values["caption_adult"] == 2
    assert measured(PROMPT, "a nude woman", "lake").values["prompt_adult"] == 0
    assert measured(PROMPT, "lake", "a nude woman").values["prompt_adult"] == 2


def test_places_are_those_of_the_original_text() -> None:
    caption = "look: a n\u200bu d\u0435 person, N\uff35DE!"
    (span,) = [span for span in measured(CAPTION, caption).spans if span.term == "nude"]
    assert (span.surface, span.category) == (Surface.CAPTION, "adult")
    assert caption[span.start : span.end] == "N\uff35DE"


@pytest.mark.parametrize(
    ("caption", "severity"),
    [
        ("a child with a kite", 1),
        ("a 12 year old boy on a bicycle", 1),
        ("a twelve-year-old reading", 1),
        ("a nude woman", 0),
        ("a sexy teenager", 2),
        ("a nude child", 3),
        ("n u d e  c h 1 l d", 3),
        ("an 18 year old, nude", 0),
        ("16yo naked", 3),
        ("baby blue lingerie", 0),
        ("chicken breast for the kids", 1),
    ],
)
def test_an_age_beside_an_adult_term_concerns_minors(caption: str, severity: int) -> None:
    assert minors(caption)[0] == severity


def test_splitting_age_and_adult_term_over_the_two_texts_does_not_hide_them() -> None:
    assert minors("my little sister", "a nude girl, photo") == (1, 3)
    assert minors("a nude girl, photo", "my little sister") == (3, 1)
    assert minors("my little sister", "a lake") == (1, 0)


def test_only_the_most_severe_of_very_many_places_are_shown() -> None:
    result = measured(PROMPT, prompt="sexy " * 500 + "porn " * 3)
    assert len(result.spans) == MAX_SPANS
    assert [span.term for span in result.spans].count("porn*") == 3
    assert list(result.spans) == sorted(result.spans, key=lambda span: span.start)


def test_no_post_no_result() -> None:
    assert CAPTION.measure([]) == []


@given(st.text(max_size=120), st.text(max_size=120))
def test_severities_stay_in_range_and_places_inside(caption: str, prompt: str) -> None:
    for signal, text in ((CAPTION, caption), (PROMPT, prompt)):
        result = measured(signal, caption, prompt)
        assert all(isinstance(value, int) and 0 <= value <= 3 for value in result.values.values())
        assert all(0 <= span.start < span.end <= len(text) for span in result.spans)


def in_picture(text: str | None, caption: str = "", prompt: str = "") -> Score:
    """The result for a picture in which `text` was read; None: it was not read."""
    status = "not_read" if text is None else "read" if text else "none"
    found = Score("picture_text", {"picture_text_status": status}, detail={"text": text})
    return with_earlier({"picture_text": found}, caption, prompt)


def with_earlier(earlier: dict[str, SignalResult], caption: str = "", prompt: str = "") -> Score:
    subject = Subject(a_post(caption=caption, prompt=prompt), Refusal(RefusalReason.CORRUPT), earlier)
    (result,) = PICTURE.measure([subject])
    result = checked(result, PICTURE_TEXT_TERMS, subject)
    assert isinstance(result, Score)
    return result


def test_what_is_written_in_the_picture_is_a_surface_of_its_own() -> None:
    result = in_picture("A calm lake\nNUDE WOMEN", caption="porn", prompt="kill yourself")
    assert result.values == {f"picture_text_{category}": 0 for category in Category} | {"picture_text_adult": 2}
    assert [(span.surface, span.start, span.end) for span in result.spans] == [(Surface.PICTURE_TEXT, 12, 16)]


def test_a_picture_without_text_has_no_terms() -> None:
    assert set(in_picture("", caption="a nude child").values.values()) == {0}


@pytest.mark.parametrize(
    "earlier",
    [
        {},
        {"picture_text": SignalFailure("picture_text", FailureReason.UNDECODABLE)},
        {"picture_text": Score("picture_text", {"picture_text_status": "not_read"}, detail={"text": ""})},
    ],
)
def test_a_picture_that_was_not_read_has_unknown_severities(earlier: dict[str, SignalResult]) -> None:
    result = with_earlier(earlier, "a nude woman", "a nude woman")
    assert set(result.values.values()) == {None}
    assert result.spans == ()


@pytest.mark.parametrize(
    ("text", "caption", "prompt", "severity"),
    [
        ("10 year old girl", "", "", 1),
        ("10 year old girl", "a nude girl", "", 3),
        ("10 year old girl", "", "a nude girl", 3),
        ("a nude girl", "my little sister", "", 3),
        ("a nude girl", "", "my little sister", 3),
        ("a nude woman", "", "", 0),
        ("a lake", "my little sister", "a nude girl", 0),
    ],
)
def test_an_age_and_an_adult_term_meet_across_the_posts_texts(
    text: str, caption: str, prompt: str, severity: int
) -> None:
    assert in_picture(text, caption, prompt).values["picture_text_minors"] == severity
