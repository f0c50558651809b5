"""The form of preferences: fields as typed, checked into `Preferences`, with every problem beside its field."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from moderation.review.plan import Plan
from review_ui.console.forms import Form
from review_ui.console.keys import KEYS
from review_ui.console.preferences import EVERY, Preferences

PARTS = ("blur", "grey", "size")
GREY = {"grey": True, "colour": False}
"""What the choice of colours says; anything else leaves it as it was."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form came to: the preferences, or problems in words by the field's name."""

    preferences: Preferences | None
    problems: Mapping[str, str] = field(default_factory=dict)


def pictures_from(form: Form, before: Preferences, plan: Plan) -> Sent:
    """`before` with what the form about pictures says; categories that the plan lost keep what was chosen."""
    names = [EVERY, *plan.categories]
    reveal: dict[str, object] = {name: choice for name, choice in before.reveal.items() if name not in names}
    reveal |= {name: parts for name in names if (parts := _parts(form, name))}
    changes: dict[str, object] = {
        "reveal": reveal,
        "warn": _ticked(form, "warn", names) | (before.warn - set(names)),
        "avoid": _ticked(form, "avoid", names) | (before.avoid - set(names)),
    }
    for name in ("theme", "motion", "mode", "toggle_seconds"):
        if name in form:
            changes[name] = form[name]
    return _checked(before, changes)


def keys_from(form: Form, before: Preferences) -> Sent:
    """`before` with the keys of the form; a key that is the default one is not kept, an empty field means it."""
    wanted = {key.act: _pressed(form.get(f"key:{key.act}", "")) or key.key for key in KEYS}
    keys = {key.act: wanted[key.act] for key in KEYS if wanted[key.act] != key.key}
    return _checked(before, {"keys": keys})


def _parts(form: Form, category: str) -> dict[str, object]:
    parts: dict[str, object] = {
        name: text for name in ("blur", "size") if (text := form.get(f"{name}:{category}", "").strip())
    }
    grey = form.get(f"grey:{category}", "")
    if grey in GREY:
        parts["grey"] = GREY[grey]
    return parts


def _ticked(form: Form, name: str, known: Iterable[str]) -> frozenset[str]:
    return frozenset(form.all(name)) & frozenset(known)


def _pressed(text: str) -> str:
    return "Space" if text == " " else text.strip()


def _checked(before: Preferences, changes: Mapping[str, object]) -> Sent:
    try:
        return Sent(Preferences.model_validate({**before.model_dump(), **changes}))
    except ValidationError as error:
        return Sent(None, {_field_of(problem["loc"]): _words(problem["msg"]) for problem in error.errors()})


def _field_of(place: tuple[int | str, ...]) -> str:
    """The form's name for where the problem is: "reveal", "adult", "blur" is `blur:adult`."""
    if len(place) > 2 and place[0] == "reveal":  # noqa: PLR2004  # the mapping's name, the category, the part
        return f"{place[2]}:{place[1]}"
    return str(place[0]) if place else ""


def _words(message: str) -> str:
    said = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return said[:1].upper() + said[1:]
