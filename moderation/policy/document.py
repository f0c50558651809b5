"""The policy document, version 1: what a policy team writes.

Version 2 will be read by adding its model beside these and a function that turns a version 1 document into it.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from moderation.policy.problems import Problem, did_you_mean
from moderation.policy.source import Located, Path

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
IDENTIFIER_PATTERN = r"^[a-z][a-z0-9_]*$"
LANGUAGE_PATTERN = r"^[a-z]{2,3}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER_PATTERN, max_length=64)]
Prose = Annotated[str, Field(min_length=1, max_length=2_000)]


class Part(BaseModel):
    """Strict: no unknown keys, no conversions, no infinities."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ThresholdDocument(Part):
    """A named number and the reasoning behind it."""

    value: float
    why: Prose


class RuleDocument(Part):
    """A condition and what follows when it is true. There is no approving rule: approve is what remains."""

    name: Identifier
    status: Literal["draft", "shadow", "live"]
    when: Annotated[str, Field(min_length=1, max_length=4_000)]
    verdict: Literal["hold", "reject"]
    queue: Name | None = None
    """Where a held post waits; only for `hold`."""
    category: Identifier | None = None
    """The harm that the rule is about."""
    reason: Prose
    """One sentence for the moderator and the author."""
    why: Prose
    """Why the rule exists, for the policy team."""


class FailureDocument(Part):
    """Where posts wait for which one signal has no measurement."""

    queue: Name
    why: Prose


class PolicyDocument(Part):
    """A whole policy."""

    version: Literal[1]
    name: Name
    description: Prose
    thresholds: dict[Identifier, ThresholdDocument] = Field(default_factory=dict)
    rules: Annotated[list[RuleDocument], Field(min_length=1, max_length=500)]
    failures: dict[str, FailureDocument] = Field(default_factory=dict)
    """By signal name."""


_FORMS = {
    NAME_PATTERN: "must be lower-case words joined by hyphens, such as child-safety",
    IDENTIFIER_PATTERN: "must be lower-case words joined by underscores, such as adult_image",
    LANGUAGE_PATTERN: "must be a language's two or three letters, such as en",
}
_BOUNDS = {
    "greater_than_equal": ("must be at least {}", "ge"),
    "greater_than": ("must be more than {}", "gt"),
    "less_than_equal": ("must be at most {}", "le"),
    "less_than": ("must be less than {}", "lt"),
}
_WANTED = {
    "string_type": ("must be text", "put it in quotes"),
    "int_type": ("must be a whole number", ""),
    "float_type": ("must be a number", ""),
    "finite_number": ("must be a finite number", ""),
    "model_type": ("must be a mapping of keys to values", ""),
    "dict_type": ("must be a mapping of keys to values", ""),
    "list_type": ('must be a list: one "- " item for each', ""),
    "string_too_short": ("must not be empty", ""),
    "too_short": ("must not be empty", ""),
    "bool_type": ("must be true or false", ""),
}


def document_problems(error: ValidationError, located: Located, model: type[BaseModel]) -> list[Problem]:
    """Pydantic's complaints in plain words, each at its place in the text."""
    problems = {_problem(item, located, model) for item in error.errors(include_url=False)}
    return sorted(problems)


def _problem(item: ErrorDetails, located: Located, model: type[BaseModel]) -> Problem:
    path = _path(item["loc"], located)
    extent, kind = located.at(path), item["type"]
    name = f'"{path[-1]}"' if path and isinstance(path[-1], str) else "this item" if path else "the document"
    if kind == "missing":
        owner = located.key(path[:-1]) if path[:-1] else located.at(())
        return Problem(owner.start, owner.start + 1, f"{name} is missing")
    if kind == "extra_forbidden":
        extent = located.key(path)
        return Problem(extent.start, extent.end, f"unknown key {name}", did_you_mean(str(path[-1]), _keys(model)))
    if item["loc"] and item["loc"][-1] == "[key]":
        extent = located.key(path)
    message, hint = _wrong_value(item)
    return Problem(extent.start, extent.end, f"{name} {message}", hint)


def _wrong_value(item: ErrorDetails) -> tuple[str, str]:
    """What is wrong with a value, and a hint or ""."""
    kind, context = item["type"], item.get("ctx", {})
    if item["input"] is None:
        return "is empty", ""
    if kind == "string_pattern_mismatch":
        return _FORMS.get(str(context.get("pattern")), f"is wrong: {item['msg']}"), ""
    if kind == "literal_error":
        given, choices = str(item["input"]), str(context["expected"])
        known = choices.replace("'", "").replace(" or ", ", ").split(", ")
        return f"must be {choices}, not {given}", did_you_mean(given, known)
    if kind in {"string_too_long", "too_long"}:
        return f"is longer than {context['max_length']} {'characters' if kind == 'string_too_long' else 'items'}", ""
    if kind in _BOUNDS:
        wording, bound = _BOUNDS[kind]
        return wording.format(f"{context[bound]:g}"), ""
    return _WANTED.get(kind, (f"is wrong: {item['msg']}", ""))


def _path(loc: tuple[str | int, ...], located: Located) -> Path:
    """Pydantic's location without what it adds to it (union members, `[key]`)."""
    path: Path = ()
    for part in loc:
        longer = (*path, part)
        if longer in located.values or (part == loc[-1] and part not in {"int", "float", "str", "[key]"}):
            path = longer
    return path


def _keys(model: type[BaseModel]) -> Iterable[str]:
    """Every key that a document of this model can have anywhere."""
    for name, info in model.model_fields.items():
        yield name
        for inner in _models(info.annotation):
            yield from _keys(inner)


def _models(annotation: object) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)
