"""Texts cut at what signals point at."""

from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.signal import Score, Span, Surface
from moderation.domain.verdict import Comparison, Judgement, RuleHit, RuleStatus, Truth, Verdict
from review_ui.console.texts import texts_of
from tests.factories import a_post, a_screening, judgement_of


def caption_of(caption: str, spans: tuple[Span, ...]) -> list[tuple[str, str]]:
    screening = a_screening(
        judgement=judgement_of(Verdict.HOLD), results=(Score("caption_terms", {"caption_spam": 1}, spans),)
    )
    (text, _) = texts_of(a_post(caption=caption), screening)
    return [(piece.text, piece.why) for piece in text.pieces]


def a_span(start: int, end: int, surface: Surface = Surface.CAPTION) -> Span:
    return Span(surface, start, end, "self_harm", "term")


def test_the_places_are_marked_with_their_reason() -> None:
    assert caption_of("one two three", (a_span(4, 7),)) == [("one ", ""), ("two", "self harm: term"), (" three", "")]


def test_spans_of_other_texts_mark_nothing() -> None:
    assert caption_of("one two", (a_span(0, 3, Surface.PROMPT),)) == [("one two", "")]


def test_where_spans_overlap_the_first_stays() -> None:
    assert caption_of("abcdef", (a_span(0, 4), a_span(2, 6)))[:1] == [("abcd", "self harm: term")]


def test_a_post_without_a_screening_has_its_texts() -> None:
    caption, prompt = texts_of(a_post(caption="", prompt="a prompt"), None)
    assert caption.pieces == ()
    assert caption.missing == "No caption"
    assert [piece.text for piece in prompt.pieces] == ["a prompt"]


def test_text_read_in_the_picture_is_shown() -> None:
    read = Score("picture_text", {"picture_text_chars": 8}, (a_span(0, 3, Surface.PICTURE_TEXT),), {"text": "SALE now"})
    found = texts_of(a_post(), a_screening(judgement=judgement_of(Verdict.HOLD), results=(read,)))
    assert [piece.text for piece in found[-1].pieces] == ["SAL", "E now"]


def test_what_codes_and_the_file_say_can_be_read() -> None:
    codes = Score("picture_codes", {"picture_codes": 2}, detail={"payloads": "https://example.com/a\ntel:+15550100"})
    file = Score("image_container", {"image_embedded_prompt": True}, detail={"prompt": "a lake", "camera": "x"})
    screening = a_screening(judgement=judgement_of(Verdict.HOLD), results=(codes, file))
    shown = [(text.title, text.pieces[0].text) for text in texts_of(a_post(prompt="a hill"), screening)[2:]]
    assert shown == [
        ("A code in the picture says", "https://example.com/a"),
        ("A code in the picture says", "tel:+15550100"),
        ("Prompt inside the file", "a lake"),
    ]
    assert len(texts_of(a_post(prompt=" a  lake"), screening)[2:]) == 2
    assert len(texts_of(a_post(prompt="https://example.com/a"), screening)[2:]) == 3


def test_a_mark_that_a_rule_acted_on_stands_out_also_where_it_says_what_null_counts_as() -> None:
    column = "COALESCE(picture_text_self_harm, 0)"
    comparison = Comparison(f"{column} >= 2", column, 3, ">=", "2", "text_clear", Truth.TRUE)
    hit = RuleHit("self_harm", RuleStatus.LIVE, Truth.TRUE, Verdict.HOLD, "q", "self_harm", "It may be.", (comparison,))
    read = Score("picture_text", {"picture_text_chars": 8}, (a_span(0, 3, Surface.PICTURE_TEXT),), {"text": "SALE now"})
    judgement = Judgement(Verdict.HOLD, True, "q", "self_harm", "It may be.", (hit,))
    found = texts_of(a_post(), a_screening(judgement=judgement, results=(read,)))
    assert [piece.fired for piece in found[-1].pieces] == [True, False]


@given(
    caption=st.text(max_size=40),
    spans=st.lists(st.tuples(st.integers(-3, 45), st.integers(-3, 45)), max_size=8),
)
def test_nothing_of_the_text_is_lost_or_doubled(caption: str, spans: list[tuple[int, int]]) -> None:
    pieces = caption_of(caption, tuple(a_span(start, end) for start, end in spans))
    assert "".join(text for text, _ in pieces) == caption
