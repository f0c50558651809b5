import pytest

from moderation.domain.media import ContainerFacts, Refusal, RefusalReason
from moderation.domain.signal import FailureReason, Score, SignalFailure
from moderation.media.subject import Picture, Subject
from moderation.signals.contract import checked
from moderation.signals.embedded_prompt_terms import EMBEDDED_PROMPT_TERMS, EmbeddedPromptTerms
from moderation.signals.terms.document import term_lists
from moderation.signals.terms.matcher import Matcher
from moderation.signals.text_terms import PROMPT_TERMS
from tests.factories import a_post, facts


@pytest.fixture(scope="module")
def signal() -> EmbeddedPromptTerms:
    return EmbeddedPromptTerms(Matcher(term_lists()))


def measured(signal: EmbeddedPromptTerms, embedded: str, prompt: str = "a lake", caption: str = "dawn") -> Score:
    subject = Subject(a_post(prompt=prompt, caption=caption), Picture(facts(), (), ContainerFacts(prompt=embedded)))
    (result,) = signal.measure([subject])
    assert checked(result, EMBEDDED_PROMPT_TERMS, subject) is result
    assert isinstance(result, Score)
    return result


def test_terms_of_the_embedded_prompt_count(signal: EmbeddedPromptTerms) -> None:
    found = measured(signal, "a nude woman, oil painting")
    assert found.values["embedded_prompt_adult"] == 2
    assert found.values["embedded_prompt_minors"] == 0
    assert found.detail == {"terms": "nude"}


def test_disguised_terms_count(signal: EmbeddedPromptTerms) -> None:
    assert measured(signal, "a n u d e woman").values["embedded_prompt_adult"] == 2


def test_a_harmless_prompt_has_zeros(signal: EmbeddedPromptTerms) -> None:
    found = measured(signal, "a quiet lake at dawn", prompt="nude")
    assert set(found.values.values()) == {0}
    assert found.detail == {}


def test_an_age_word_anywhere_in_the_post_counts_beside_an_adult_term(signal: EmbeddedPromptTerms) -> None:
    for prompt, caption in (("a child", "dawn"), ("a lake", "a child")):
        assert measured(signal, "a nude figure", prompt, caption).values["embedded_prompt_minors"] == 3
    assert measured(signal, "a nude child").values["embedded_prompt_minors"] == 3


def test_an_age_word_in_the_file_counts_beside_an_adult_term_in_the_post(signal: EmbeddedPromptTerms) -> None:
    for prompt, caption in (("a nude figure", "dawn"), ("a lake", "a nude figure")):
        assert measured(signal, "a child at a lake", prompt, caption).values["embedded_prompt_minors"] == 3
    assert measured(signal, "a child at a lake").values["embedded_prompt_minors"] == 1


def test_no_prompt_in_the_file_is_null(signal: EmbeddedPromptTerms) -> None:
    assert set(measured(signal, "").values.values()) == {None}


def test_a_file_that_nobody_looked_at_is_a_failure(signal: EmbeddedPromptTerms) -> None:
    (result,) = signal.measure([Subject(a_post(), Refusal(RefusalReason.TIMEOUT))])
    assert isinstance(result, SignalFailure)
    assert result.reason is FailureReason.UNDECODABLE


def test_it_says_which_language_its_lists_are_in() -> None:
    assert EMBEDDED_PROMPT_TERMS.languages == PROMPT_TERMS.languages == ("en",)
