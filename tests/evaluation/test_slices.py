import pytest

from moderation.evaluation.identity import IDENTITIES, Characteristic, identities
from moderation.evaluation.slices import length_band, slices_of


def names(text: str) -> list[str]:
    return [identity.name for identity in identities(text)]


def test_there_are_many_groups_each_named_once() -> None:
    assert len(IDENTITIES) >= 30
    words = [word for identity in IDENTITIES for word in identity.words]
    assert len(words) == len(set(words))
    assert {identity.characteristic for identity in IDENTITIES} == set(Characteristic)


@pytest.mark.parametrize("identity", IDENTITIES, ids=lambda identity: str(identity.name))
def test_every_word_of_a_group_is_found_in_any_case_and_as_a_plural(identity: object) -> None:
    assert isinstance(identity, type(IDENTITIES[0]))
    for word in identity.words:
        assert identity.name in names(f"Look, {word.upper()}!")
        assert identity.name in names(f"two {word}s sing")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A Muslim woman laughs", ["women", "muslim"]),
        ("an African-American chess club", ["african american"]),
        ("NON-BINARY hikers, nonbinary skaters", ["non-binary"]),
        ("a trans woman", ["women", "transgender"]),
        ("the manual for mental arithmetic", []),
        ("a black cat on white paper, Romanesque, blinds", []),
        ("transport, gayety, Asianic", []),
        ("", []),
    ],
)
def test_whole_words_only(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("words", "band"),
    [
        (0, "no words"),
        (1, "1-5 words"),
        (5, "1-5 words"),
        (6, "6-15 words"),
        (40, "16-40 words"),
        (121, "over 120 words"),
    ],
)
def test_lengths_are_counted_in_words(words: int, band: str) -> None:
    assert length_band("word " * words) == band


def test_a_text_belongs_to_its_length_its_groups_and_what_they_share() -> None:
    assert slices_of("gay Sikh bikers") == (
        "length: 1-5 words",
        "names: gay",
        "names: sikh",
        "names by: orientation",
        "names by: religion",
        "names any group: yes",
    )
    assert slices_of("bikers") == ("length: 1-5 words", "names any group: no")
