from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.cluster import WITH_WORDS, covers_words
from moderation.domain.signal import Score
from moderation.domain.verdict import Judgement, RuleHit, RuleStatus, Truth
from moderation.screening.basis import basis
from tests.factories import a_comparison, a_hit, a_hold, a_post

POST = a_post(caption="Buy NOW", prompt="a  lake")
TEXT = replace(a_comparison("caption_spam >= 2"), column="caption_spam")


def held(*hits: RuleHit, **changes: object) -> Judgement:
    return replace(a_hold(), hits=hits or (a_hit(),), **changes)  # type: ignore[arg-type]


def test_the_same_grounds_are_the_same_word_whatever_the_post() -> None:
    first = basis(POST, held())
    assert len(first) == 64
    assert first == basis(a_post(caption="Something else", prompt=""), held())


@pytest.mark.parametrize(
    "other",
    [
        held(queue="spam"),
        held(category="violence"),
        held(a_hit("another-rule")),
        held(a_hit(), a_hit("another-rule")),
    ],
)
def test_other_grounds_are_another_word(other: Judgement) -> None:
    assert basis(POST, other) not in {"", basis(POST, held())}


def test_order_shadow_rules_and_undecided_rules_do_not_matter() -> None:
    first, second = a_hit("a"), a_hit("b")
    ignored = a_hit("c", status=RuleStatus.SHADOW)
    assert basis(POST, held(first, second)) == basis(POST, held(ignored, second, first))


def test_words_belong_to_the_grounds_when_a_rule_looked_at_them() -> None:
    rule = replace(a_hit(), comparisons=(a_comparison(), TEXT))
    assert covers_words(basis(POST, held(rule)))
    assert not covers_words(basis(POST, held()))
    assert basis(POST, held(rule)) == basis(a_post(caption=" buy\u00a0now ", prompt="A LAKE"), held(rule))
    assert basis(POST, held(rule)) != basis(a_post(caption="buy later", prompt="a lake"), held(rule))
    assert basis(POST, held(rule)) != basis(a_post(caption="buy now", prompt="a sea"), held(rule))


def test_what_is_written_in_the_picture_belongs_to_the_words() -> None:
    def read(text: str, boxes: str = "[]") -> Score:
        return Score("picture_text", {}, detail={"text": text, "boxes": boxes})

    rule = replace(
        a_hit(), comparisons=(replace(a_comparison("picture_text_adult >= 2"), column="picture_text_adult"),)
    )
    first = basis(POST, held(rule), [read("Call me")])
    assert covers_words(first)
    assert first == basis(POST, held(rule), [read("CALL  me", "[1]")])
    assert first != basis(POST, held(rule), [read("Call him")])
    assert basis(POST, held(), [read("Call me")]) == basis(POST, held(), [read("Call him")])


def test_the_prompt_inside_the_file_belongs_to_the_words() -> None:
    rule = replace(
        a_hit(), comparisons=(replace(a_comparison("embedded_prompt_adult >= 2"), column="embedded_prompt_adult"),)
    )

    def found(prompt: str) -> list[Score]:
        return [Score("image_container", {}, detail={"prompt": prompt})]

    first = basis(POST, held(rule), found("a nude"))
    assert covers_words(first)
    assert first == basis(POST, held(rule), found("A  nude"))
    assert first != basis(POST, held(rule), found("something worse"))


@pytest.mark.parametrize(
    "text",
    [
        "picture_text_status = 'not_read'",
        "picture_text_lines_unread > 0",
        "picture_code_unread",
        "image_frames > 8",
        "image_embedded_file IN ('archive')",
        "image_container_complete",
    ],
)
def test_what_nobody_looked_at_in_one_file_is_no_case_with_another(text: str) -> None:
    comparison = replace(a_comparison(text), column=text.split(maxsplit=1)[0])
    rule = replace(a_hit("unseen"), comparisons=(comparison,))
    assert basis(POST, held(a_hit(), rule)) == ""
    looked = replace(rule, comparisons=(a_comparison(), replace(comparison, truth=Truth.FALSE)))
    assert basis(POST, held(looked)) != ""
    assert basis(POST, held(a_hit(), replace(rule, status=RuleStatus.SHADOW))) != ""


def test_a_column_on_the_other_side_of_a_comparison_is_looked_at_too() -> None:
    rule = replace(a_hit(), comparisons=(a_comparison("image_nsfw < PROMPT_adult"),))
    assert basis(POST, held(rule)) != basis(a_post(caption="other"), held(rule))


def test_a_comparison_that_was_false_made_nothing_true() -> None:
    rule = replace(a_hit(), comparisons=(a_comparison(), replace(TEXT, truth=Truth.FALSE)))
    assert basis(POST, held(rule)) == basis(a_post(caption="other"), held(rule))


def test_without_full_evidence_no_other_post_is_the_same_case() -> None:
    assert basis(POST, held(complete=False)) == ""
    assert basis(POST, replace(a_hold(), hits=())) == ""
    assert basis(POST, held(a_hit(truth=Truth.UNKNOWN))) == ""
    assert basis(POST, held(a_hit(status=RuleStatus.SHADOW))) == ""


@given(st.text(), st.text())
def test_any_text_has_a_basis(caption: str, prompt: str) -> None:
    rule = replace(a_hit(), comparisons=(TEXT,))
    post = a_post(caption=caption, prompt=prompt)
    assert len(basis(post, held(rule)).removeprefix(WITH_WORDS)) == 64
    assert basis(post, held(rule)) == basis(replace(post, caption=f" {caption}\n"), held(rule))
