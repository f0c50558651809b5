"""The sentence frames and slots, read from YAML and checked.

A frame is one line of text. `{slot}` stands for one of the slot's phrases, `[a|b|]` for one of the alternatives, and
the slots `{they} {They} {people} {People} {one} {adj} {Adj}` for one group of people in its grammatical forms; all of
a frame's group slots name the same group. `{other}` names a second one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from datasets.rows import HARM_LABELS, TextSurface
from moderation.domain.errors import InvalidInputError

Letter = Literal["S", "H", "H2", "V", "V2", "HR", "SH", "U"]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Identity(_Strict):
    """A group of people: "Muslims", "Muslim people", "a Muslim", "Muslim"."""

    they: str
    people: str
    one: str
    adj: str


class Family(_Strict):
    """Frames that mean the same kind of thing, so that they carry the same labels.

    `positive` are the categories that every row is of, `unknown` those that cannot be told; the rest is 0. `long` says
    that a row may be set between harmless sentences or made of several frames; `weight` multiplies the number of rows.
    """

    surface: TextSurface
    positive: tuple[Letter, ...] = ()
    unknown: tuple[Letter, ...] = ()
    weight: Annotated[float, Field(gt=0, le=4)] = 1.0
    long: bool = True
    dress: bool = True
    frames: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The frames, one each."""
        return tuple(line.strip() for line in self.frames.splitlines() if line.strip())

    @property
    def labels(self) -> dict[str, int]:
        """The labels of every row.

        A prompt for something harmful is unsafe as a prompt (U). Whether a harmful text that is no prompt would be, is
        unknown.
        """
        labels = {letter: int(letter in self.positive) for letter in HARM_LABELS if letter not in self.unknown}
        if self.positive and "U" not in self.positive + self.unknown:
            if self.surface is TextSurface.PROMPT:
                labels["U"] = 1
            else:
                labels.pop("U")
        return labels


@dataclass(frozen=True, slots=True)
class Slots:
    """The phrases for each slot, and the groups of people."""

    phrases: Mapping[str, tuple[str, ...]]
    identities: tuple[Identity, ...]


def _lines(phrases: object) -> object:
    return [line.strip() for line in phrases.splitlines() if line.strip()] if isinstance(phrases, str) else phrases


class _SlotFile(_Strict):
    """A slot's phrases are a list, or a block of text with one phrase on each line."""

    slots: dict[str, Annotated[tuple[str, ...], BeforeValidator(_lines)]] = Field(default_factory=dict)
    identities: tuple[Identity, ...] = ()


@cache
def families() -> Mapping[str, Family]:
    """Every family by name, in the order of the files. Raises `InvalidInputError` with the file's name."""
    found: dict[str, Family] = {}
    for file in _yaml_files("families"):
        for name, document in _document(file).items():
            if name in found:
                raise InvalidInputError(f"{file.name}: two families are called {name}.")
            try:
                found[name] = Family.model_validate(document)
            except ValidationError as error:
                raise InvalidInputError(f"{file.name}: {name}: {error}") from error
    return found


@cache
def slots() -> Slots:
    """Every slot. Raises `InvalidInputError` with the file's name."""
    phrases: dict[str, tuple[str, ...]] = {}
    identities: tuple[Identity, ...] = ()
    for file in _yaml_files("slots"):
        try:
            content = _SlotFile.model_validate(_document(file))
        except ValidationError as error:
            raise InvalidInputError(f"{file.name}: {error}") from error
        if twice := phrases.keys() & content.slots.keys():
            raise InvalidInputError(f"{file.name}: slot defined before: {', '.join(sorted(twice))}.")
        phrases |= content.slots
        identities += content.identities
    return Slots(phrases, identities)


def _yaml_files(folder: str) -> Iterator[Traversable]:
    entries = files("datasets.captions").joinpath(folder).iterdir()
    return iter(sorted((entry for entry in entries if entry.name.endswith(".yaml")), key=lambda entry: entry.name))


def _document(file: Traversable) -> dict[str, object]:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise InvalidInputError(f"{file.name}: not a mapping.")
    return content
