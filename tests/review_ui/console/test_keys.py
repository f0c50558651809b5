"""The key map, and what people make of it."""

from moderation.domain.ids import AccountId
from moderation.domain.people import Person, Role
from review_ui.console.keys import KEYS, NAMED_KEYS, RESERVED, keys_of


def somebody(keys: object) -> Person:
    return Person(AccountId("a"), "ada", "Ada", Role.MODERATOR, preferences={"keys": keys})


def test_no_two_things_have_one_key_and_none_has_a_categorys() -> None:
    used = [one.key for one in KEYS]
    assert len(set(used)) == len(used)
    assert not RESERVED & set(used)
    assert all(len(key) == 1 or key in NAMED_KEYS for key in used)


def test_a_chosen_key_replaces_the_default() -> None:
    assert {one.act: one.key for one in keys_of(somebody({"approve": "q"}))}["approve"] == "q"


def test_what_makes_no_sense_leaves_the_default() -> None:
    for broken in ({"approve": "e"}, {"approve": "1"}, {"approve": ""}, {"approve": "Ctrl"}, {"approve": 3}, "x", None):
        assert keys_of(somebody(broken)) == KEYS, broken
