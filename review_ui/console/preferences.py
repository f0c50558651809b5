"""What people set for themselves: how pictures are concealed, keys, warnings, theme. Checked when it is saved.

What is stored is read with care all the same: a value that is malformed is left out, never a reason not to work.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from moderation.domain.people import Person
from moderation.review.plan import CategoryPlan, Reveal
from review_ui.console.keys import KEYS, NAMED_KEYS, RESERVED

EVERY = "*"
"""Stands for every category that has no choice of its own."""
MAX_BLUR = 100
MIN_SIZE, MAX_SIZE = 20, 100
MAX_CATEGORIES = 200

Blur = Annotated[int, Field(ge=0, le=MAX_BLUR)]
"""Radius in pixels."""
Size = Annotated[int, Field(ge=MIN_SIZE, le=MAX_SIZE)]
"""Per cent of the full size."""
CategoryName = Annotated[str, Field(min_length=1, max_length=100)]


class RevealChoice(BaseModel):
    """How pictures are shown; None leaves a part as the plan, or the choice for every category, has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blur: Blur | None = None
    grey: bool | None = None
    size: Size | None = None

    @property
    def chosen(self) -> bool:
        """Whether anything is set."""
        return (self.blur, self.grey, self.size) != (None, None, None)

    def over(self, reveal: Reveal) -> Reveal:
        """`reveal` with the parts that are set."""
        return Reveal(
            blur=reveal.blur if self.blur is None else self.blur,
            grey=reveal.grey if self.grey is None else self.grey,
            size=reveal.size if self.size is None else self.size,
        )


class Preferences(BaseModel):
    """Everything that a person can set, with the defaults of somebody who set nothing.

    `reveal` is by category name, or `EVERY`. `motion`: whether animations play by themselves once revealed; "still"
    shows one frame at a time. `mode`: a look lasts while the key is held, or from one press to the next ("toggle", for
    hands that cannot hold a key; it ends by itself after `toggle_seconds`). `warn`: before which categories a warning
    stands, besides those that the plan marks. `avoid`: categories of which the person wants no jobs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    theme: Literal["", "light", "dark"] = ""
    reveal: Annotated[Mapping[CategoryName, RevealChoice], Field(max_length=MAX_CATEGORIES)] = Field(
        default_factory=dict
    )
    motion: Literal["still", "play"] = "still"
    mode: Literal["hold", "toggle"] = "hold"
    toggle_seconds: Annotated[int, Field(ge=2, le=60)] = 10
    warn: Annotated[frozenset[CategoryName], Field(max_length=MAX_CATEGORIES)] = frozenset()
    avoid: Annotated[frozenset[CategoryName], Field(max_length=MAX_CATEGORIES)] = frozenset()
    keys: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("keys")
    @classmethod
    def _usable_keys(cls, keys: Mapping[str, str]) -> Mapping[str, str]:
        """Every key does one thing, and none is taken from the categories."""
        acts = {key.act for key in KEYS}
        for act, key in keys.items():
            if act not in acts:
                raise ValueError(f"there is nothing called {act!r} to do")
            if key in RESERVED:
                raise ValueError(f"{key} is a category's key")
            if key not in NAMED_KEYS and not (len(key) == 1 and key.isprintable() and not key.isspace()):
                raise ValueError(f"{key!r} is no single key")
        pressed = [keys.get(key.act, key.key).casefold() for key in KEYS]
        twice = sorted({key for key in pressed if pressed.count(key) > 1})
        if twice:
            raise ValueError(f"the key {' and the key '.join(twice)} would do two things")
        return keys

    def reveal_for(self, category: CategoryPlan) -> Reveal:
        """How this person's pictures of `category` are concealed and shown: their choice, else the plan's."""
        found = category.reveal
        for name in (EVERY, category.name):
            if name in self.reveal:
                found = self.reveal[name].over(found)
        return found

    def warns_of(self, category: CategoryPlan) -> bool:
        """Whether a warning stands before a job of `category`; what the plan marks cannot be turned off."""
        return category.warn or category.gravest or EVERY in self.warn or category.name in self.warn

    def document(self) -> dict[str, object]:
        """What is stored: only what differs from the defaults."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude_none=True)


def preferences_of(person: Person) -> Preferences:
    """The person's own; a part that cannot be read is left at its default."""
    stored = {name: value for name, value in person.preferences.items() if name in Preferences.model_fields}
    while True:
        try:
            return Preferences.model_validate(stored)
        except ValidationError as error:
            bad = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
            kept = {name: value for name, value in stored.items() if name not in bad}
            if len(kept) == len(stored):
                return Preferences()
            stored = kept
