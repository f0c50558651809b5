import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from moderation.domain.ids import AccountId
from moderation.domain.people import Person, Role
from moderation.review.plan import CategoryPlan, Reveal
from review_ui.console.keys import KEYS, keys_of
from review_ui.console.preferences import EVERY, Preferences, RevealChoice, preferences_of

HATE = CategoryPlan("hate", "Hate", 60, reveal=Reveal(40, True, 50))
MINORS = CategoryPlan("minors", "Minors", 100, gravest=True)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def person(**preferences: object) -> Person:
    return Person(AccountId("a"), "ada", "Ada", Role.MODERATOR, preferences=preferences)


def test_who_set_nothing_has_what_the_plan_says() -> None:
    found = preferences_of(person())
    assert found == Preferences()
    assert found.document() == {}
    assert found.reveal_for(HATE) == Reveal(40, True, 50)


def test_a_category_goes_before_every_category_and_that_before_the_plan() -> None:
    found = preferences_of(person(reveal={EVERY: {"blur": 10, "size": 80}, "hate": {"blur": 60}}))
    assert found.reveal_for(HATE) == Reveal(60, True, 80)
    assert found.reveal_for(MINORS) == Reveal(10, MINORS.reveal.grey, 80)


def test_a_warning_of_the_plan_cannot_be_turned_off() -> None:
    assert Preferences().warns_of(MINORS)
    assert not Preferences().warns_of(HATE)
    assert Preferences(warn=frozenset({"hate"})).warns_of(HATE)
    assert Preferences(warn=frozenset({EVERY})).warns_of(HATE)


@pytest.mark.parametrize(
    "keys",
    [
        {"approve": "e"},
        {"approve": "E"},
        {"approve": "1"},
        {"approve": ""},
        {"approve": "ab"},
        {"approve": " "},
        {"approve": "F5"},
        {"nothing": "a"},
        {"approve": "q", "escalate": "q"},
    ],
)
def test_a_key_does_one_thing_and_is_one_key(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Preferences(keys=keys)


def test_two_keys_can_be_swapped() -> None:
    found = Preferences(keys={"approve": "e", "escalate": "a"})
    mapped = {key.act: key.key for key in keys_of(person(**found.document()))}
    assert (mapped["approve"], mapped["escalate"]) == ("e", "a")
    assert len(set(mapped.values())) == len(KEYS)


@given(stored=st.dictionaries(st.sampled_from([*Preferences.model_fields, "gone"]), json_values))
def test_whatever_is_stored_leaves_somebody_who_can_work(stored: dict[str, object]) -> None:
    found = preferences_of(person(**stored))
    again = preferences_of(person(**found.document()))
    assert again == found


def test_one_bad_part_leaves_the_others() -> None:
    found = preferences_of(person(theme="dark", reveal={"hate": {"blur": 9_000}}, motion="play"))
    assert (found.theme, found.motion, dict(found.reveal)) == ("dark", "play", {})


def test_a_choice_knows_whether_it_says_anything() -> None:
    assert not RevealChoice().chosen
    assert RevealChoice(grey=False).chosen
