from random import Random

import pytest

from datasets.captions.filling import GROUP_SLOTS, fill, names_group, naming_slots
from datasets.captions.frames import Identity, Slots
from moderation.domain.errors import InvalidInputError

SIKHS = Identity(they="Sikhs", people="Sikh people", one="a Sikh", adj="Sikh")
DEAF = Identity(they="deaf people", people="deaf people", one="a deaf person", adj="deaf")
SLOTS = Slots({"animal": ("owl",), "place": ("by the {animal}",)}, (SIKHS, DEAF))


def filled(frame: str, identity: Identity = SIKHS) -> str:
    return fill(frame, SLOTS, identity, Random(1))


def test_a_frame_is_filled_with_slots_choices_and_one_group() -> None:
    assert filled("{They} sing, {one} [hums|hums], {adj} {people}.") == "Sikhs sing, a Sikh hums, Sikh Sikh people."
    assert filled("{They} wait.", DEAF) == "Deaf people wait."
    assert filled("{they} and {other}") == "Sikhs and deaf people"


def test_slots_may_hold_slots_and_articles_follow_the_word() -> None:
    assert filled("a {animal} {place}") == "an owl by the owl"
    assert filled("a union, a user, a one-off, a European, a unicorn and a urn") == (
        "a union, a user, a one-off, a European, a unicorn and an urn"
    )
    assert filled("A idea in a hour of a uninvited guest") == "An idea in a hour of an uninvited guest"


def test_an_empty_choice_leaves_no_space_behind() -> None:
    assert filled("it is [|] late [|], is it [|] ?") == "it is late, is it?"


def test_an_unknown_slot_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="weather"):
        filled("{weather}")


def test_names_group() -> None:
    assert names_group("{They} sing")
    assert not names_group("{animal} sings")


def test_a_slot_whose_phrases_name_a_group_names_it_too() -> None:
    naming = naming_slots(
        Slots({"claim": ("{they} sing", "it rains"), "post": ("so {claim}",), "animal": ("owl",)}, ())
    )
    assert naming == GROUP_SLOTS | {"claim", "post"}
    assert names_group("Well, {Post}", naming)
    assert not names_group("{animal} sings", naming)
