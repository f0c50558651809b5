"""The term lists: one YAML file for each category, checked as a whole when it is read.

A term is written in words separated by spaces. `(a|b)` stands for each alternative (`nude(|s)`: nude, nudes),
`{people}` for any phrase of the set of that name, `<1-17>` for each number, `?` for any one word or none, and a star
ends a word that may go on (`porn*`).
"""

import itertools
import re
from enum import StrEnum
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field

MAX_EXPANSIONS = 4000
_GROUP = re.compile(r"\(([^()]*)\)|<(\d+)-(\d+)>")
_WORD = r"(?:[a-z0-9]+\*?|\{[a-z]+\}|\?)"
_WORDS = re.compile(rf"{_WORD}(?: {_WORD})*")


class Category(StrEnum):
    """The harms that the lists know, each a column for captions and one for prompts."""

    ADULT = "adult"
    VIOLENCE = "violence"
    HATE = "hate"
    HARASSMENT = "harassment"
    SELF_HARM = "self_harm"
    MINORS = "minors"
    SPAM = "spam"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TermGroup(_Strict):
    """Terms of one severity: 1 depends on context, 2 is clear, 3 is severe. `note` says what they share."""

    severity: Annotated[int, Field(ge=1, le=3)]
    note: str
    terms: list[str]


class TermList(_Strict):
    """One category's terms, the harmless phrases that contain them, and (minors only) words for a child's age.

    `sets` names phrases, separated by bars, that several terms share; the names are common to all lists.
    """

    version: Annotated[int, Field(ge=1, le=1)]
    category: Category
    sets: dict[str, str] = Field(default_factory=dict)
    groups: list[TermGroup]
    harmless: list[str] = Field(default_factory=list)
    ages: list[str] = Field(default_factory=list)


def expand(pattern: str) -> list[str]:
    """Every phrase that a written term stands for, with the names of sets left in. Raises `ValueError` for a malformed
    or too wide term.
    """
    parts: list[list[str]] = []
    after = 0
    for group in _GROUP.finditer(pattern):
        listed, low, high = group.groups()
        numbers = range(int(low), int(high) + 1) if low else ()
        parts += [[pattern[after : group.start()]], [str(number) for number in numbers] or listed.split("|")]
        after = group.end()
    parts.append([pattern[after:]])
    choices = itertools.islice(itertools.product(*parts), MAX_EXPANSIONS + 1)
    phrases = [" ".join("".join(choice).split()) for choice in choices]
    if len(phrases) > MAX_EXPANSIONS:
        raise ValueError(f"{pattern!r} stands for more than {MAX_EXPANSIONS} phrases")
    for phrase in phrases:
        if not _WORDS.fullmatch(phrase):
            raise ValueError(f"{pattern!r} stands for {phrase!r}, which is not words of a to z and 0 to 9")
    return list(dict.fromkeys(phrase.strip("? ") for phrase in phrases))


@cache
def term_lists() -> tuple[TermList, ...]:
    """Every shipped list, ordered by category. Raises pydantic's `ValidationError` when a file is not valid."""
    lists = [TermList.model_validate(yaml.load(text, Loader=yaml.CSafeLoader)) for text in _documents()]
    return tuple(sorted(lists, key=lambda document: list(Category).index(document.category)))


def lists_digest() -> str:
    """SHA-256 over the lists' text: a changed list must come with a new version of the signals that use it."""
    return sha256("\0".join(_documents()).encode()).hexdigest()


def _documents() -> list[str]:
    folder = files("moderation.signals.terms") / "lists"
    items = sorted((item for item in folder.iterdir() if item.name.endswith(".yaml")), key=lambda item: item.name)
    return [item.read_text(encoding="utf-8") for item in items]
