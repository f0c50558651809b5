import pytest

from datasets.corpora import Term
from moderation.signals.text_harm.training.examples import LETTERS, Part
from pipelines.defs.training.listed_terms import LABELS, MILDEST, SOURCE, term_rows
from pipelines.defs.training.text_examples import WORD_SOURCES, examples


@pytest.mark.parametrize("category", LABELS)
def test_a_term_tells_what_its_category_is(category: str) -> None:
    (row,) = term_rows([Term("badword", category, 2.0, "list")])
    assert row.labels == LABELS[category]
    assert set(row.labels) <= set(LETTERS)


def test_mild_terms_and_those_of_other_categories_are_left_out() -> None:
    terms = [
        Term("mild", "racial / ethnic slurs", MILDEST - 0.1, "list"),
        Term("political", "political", 3.0, "list"),
        Term("plain", "", None, "list"),
    ]
    assert term_rows(terms) == []


def test_terms_only_train_and_only_the_sum_over_words() -> None:
    rows = term_rows([Term(f"word{number}", "racial / ethnic slurs", 2.0, "list") for number in range(60)])
    found = examples(rows)
    assert len(found) == len(rows)
    assert {example.part for example in found} == {Part.TRAIN}
    assert SOURCE in WORD_SOURCES
