import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInputError
from moderation.storage.review.text_query import MAX_TERMS, Term, TextQuery, parse_text, sqlite_match


def test_words_phrases_prefixes_and_exclusions_are_told_apart() -> None:
    query = parse_text('Lake "quiet Dawn" mist* -oil -"no boats"')
    assert query == TextQuery(
        (
            Term(("lake",)),
            Term(("quiet", "dawn")),
            Term(("mist",), prefix=True),
            Term(("oil",), excluded=True),
            Term(("no", "boats"), excluded=True),
        )
    )


def test_an_address_is_the_words_in_it_in_order() -> None:
    assert parse_text("https://free-money.example").terms == (Term(("https", "free", "money", "example")),)


@pytest.mark.parametrize("typed", ["", "   ", "-lake", "!!! ---", '""', "_"])
def test_a_search_without_a_word_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInputError, match="no word"):
        parse_text(typed)


def test_too_many_words_and_too_long_a_text_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="at most"):
        parse_text(" ".join(f"word{number}" for number in range(MAX_TERMS + 1)))
    with pytest.raises(InvalidInputError, match="characters"):
        parse_text("a" * 301)


def test_operators_of_the_database_are_only_words() -> None:
    assert sqlite_match(parse_text("NEAR(a b) OR caption:x")) == '("near a" AND "b" AND "or" AND "caption x")'


@given(st.text(max_size=80))
def test_no_quote_gets_out_of_its_word(typed: str) -> None:
    try:
        query = parse_text(typed)
    except InvalidInputError:
        return
    assert all(word.isalnum() for term in query.terms for word in term.words)
