import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import Score, Surface
from moderation.media.subject import Subject
from moderation.signals.terms.document import Category, term_lists
from moderation.signals.terms.matcher import Matcher
from moderation.signals.text_terms import CAPTION_TERMS, MAX_SPANS, PROMPT_TERMS, TextTerms
from tests.factories import a_post

MATCHER = Matcher(term_lists())
CAPTION, PROMPT = TextTerms(CAPTION_TERMS, MATCHER), TextTerms(PROMPT_TERMS, MATCHER)


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
