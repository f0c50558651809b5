"""What the script that shows concealed pictures has to know, on whatever page they are."""

from moderation.domain.people import Person
from moderation.review.plan import CategoryPlan
from review_ui.console.keys import keys_of
from review_ui.console.preferences import preferences_of


def look_facts(person: Person, category: CategoryPlan, *, restricted: bool = False) -> dict[str, object]:
    """How pictures of `category` are concealed and shown to `person`."""
    preferences = preferences_of(person)
    reveal = preferences.reveal_for(category)
    return {
        "warn": restricted or preferences.warns_of(category),
        "warning": category.title,
        "blur": reveal.blur,
        "grey": reveal.grey,
        "size": reveal.size,
        "mode": preferences.mode,
        "toggleSeconds": preferences.toggle_seconds,
        "motion": preferences.motion,
        "restricted": restricted,
        "keys": {key.act: key.key for key in keys_of(person)},
    }
