import pytest
from pydantic import ValidationError

from moderation.signals.terms.document import MAX_EXPANSIONS, Category, TermList, expand, lists_digest, term_lists
from moderation.signals.terms.matcher import Matcher
from moderation.signals.text_terms import CAPTION_TERMS, PROMPT_TERMS

DIGESTS = {"1": "aa6b983e88829c6da446b05f78583438a52584bcf336fc2ecb1a35e4ee8e8908"}
"""By spec version, the digest of the lists that it was measured with."""


@pytest.mark.parametrize(
    ("written", "phrases"),
    [
        ("plain words", ["plain words"]),
        ("nude(|s)", ["nude", "nudes"]),
        ("(a|b) (c|d)", ["a c", "a d", "b c", "b d"]),
        ("(very|) nice", ["very nice", "nice"]),
        ("<8-11>yo", ["8yo", "9yo", "10yo", "11yo"]),
        ("kill ? process", ["kill ? process"]),
        ("kill it ? (|now)", ["kill it", "kill it ? now"]),
        ("porn*", ["porn*"]),
        ("all {people}", ["all {people}"]),
        ("(a|a)", ["a"]),
    ],
)
def test_a_written_term_stands_for_its_phrases(written: str, phrases: list[str]) -> None:
    assert expand(written) == phrases


@pytest.mark.parametrize(
    "written", ["", "Upper", "semi;colon", "un(closed", "nested (a|(b|c))", "ünïcode", "a-b", "* star"]
)
def test_a_malformed_term_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="stands for"):
        expand(written)


def test_a_term_that_stands_for_too_much_is_refused() -> None:
    with pytest.raises(ValueError, match=str(MAX_EXPANSIONS)):
        expand("(a|b|c|d|e|f|g|h|i|j) " * 4)


def test_unknown_fields_and_severities_are_refused() -> None:
    good = {"version": 1, "category": "adult", "groups": [{"severity": 2, "note": "", "terms": ["x"]}]}
    assert TermList.model_validate(good).groups[0].terms == ["x"]
    for change in ({"version": 2}, {"category": "other"}, {"extra": 1}, {"groups": [{"severity": 4, "terms": []}]}):
        with pytest.raises(ValidationError):
            TermList.model_validate(good | change)


def test_every_category_has_its_list() -> None:
    assert [document.category for document in term_lists()] == list(Category)
    assert all(group.terms for document in term_lists() for group in document.groups)
    assert all(group.note for document in term_lists() for group in document.groups)


def test_every_shipped_term_is_well_formed() -> None:
    Matcher(term_lists())


def test_changed_lists_come_with_a_new_version() -> None:
    assert CAPTION_TERMS.version == PROMPT_TERMS.version
    assert DIGESTS[CAPTION_TERMS.version] == lists_digest()
