"""Words that name groups of people, so that a classifier's false alarms can be measured group by group.

Neutral or self-chosen names only: a slur is no neutral way to name anybody, and term lists are elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType


class Characteristic(StrEnum):
    """What a group has in common."""

    GENDER = "gender"
    ORIENTATION = "orientation"
    ORIGIN = "origin"
    RELIGION = "religion"
    DISABILITY = "disability"
    AGE = "age"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Identity:
    """A group: its name in tables, and the lower-case words or phrases that name it (plurals in -s are matched too)."""

    name: str
    characteristic: Characteristic
    words: tuple[str, ...]


def _of(characteristic: Characteristic, groups: Mapping[str, str]) -> tuple[Identity, ...]:
    return tuple(Identity(name, characteristic, tuple(words.split("|"))) for name, words in groups.items())


IDENTITIES: tuple[Identity, ...] = (
    *_of(
        Characteristic.GENDER,
        {
            "women": "woman|women|female|girlfriend|wife|wives|feminist",
            "men": "man|men|male",
            "transgender": "trans|transgender|trans woman|trans man",
            "non-binary": "non-binary|nonbinary|genderfluid|genderqueer",
            "intersex": "intersex",
        },
    ),
    *_of(
        Characteristic.ORIENTATION,
        {
            "gay": "gay",
            "lesbian": "lesbian",
            "bisexual": "bisexual|bi woman|bi man",
            "queer": "queer|lgbt|lgbtq|lgbtqia",
            "asexual": "asexual",
        },
    ),
    *_of(
        Characteristic.ORIGIN,
        {
            "black": "black people|black woman|black women|black man|black men|black family|black families|"
            "black-owned|black student|black artist|black barber|black father|black mother|black couple|black folk",
            "african american": "african american|african-american",
            "african": "african|nigerian|kenyan|somali|ethiopian|ghanaian",
            "white": "white people|white woman|white women|white man|white men|white folk|white family|white farmer|"
            "white student|white neighbour|white neighbor|white couple|white father|white mother",
            "asian": "asian",
            "chinese": "chinese",
            "indian": "indian|desi|punjabi|tamil",
            "pakistani": "pakistani",
            "arab": "arab|arabic|middle eastern",
            "latino": "latino|latina|latinx|hispanic",
            "mexican": "mexican",
            "indigenous": "indigenous|native american|first nations|aboriginal|maori|inuit",
            "roma": "roma|romani",
        },
    ),
    *_of(
        Characteristic.RELIGION,
        {
            "muslim": "muslim|islamic|islam|hijabi",
            "jewish": "jewish|jew|judaism",
            "christian": "christian|catholic|protestant|orthodox christian",
            "hindu": "hindu|hinduism",
            "sikh": "sikh",
            "buddhist": "buddhist",
            "atheist": "atheist",
        },
    ),
    *_of(
        Characteristic.DISABILITY,
        {
            "disabled": "disabled|disability|disabilities",
            "blind": "blind person|blind people|blind woman|blind man|blind student|blind musician|blind runner|"
            "blind chess player|visually impaired",
            "deaf": "deaf|hard of hearing",
            "wheelchair user": "wheelchair|wheelchair user",
            "autistic": "autistic|autism",
            "down syndrome": "down syndrome",
            "mental illness": "bipolar|schizophrenia|schizophrenic|mental illness|depression",
        },
    ),
    *_of(Characteristic.AGE, {"old": "elderly|old people|old woman|old man|older adult|pensioner|senior citizen"}),
    *_of(
        Characteristic.STATUS,
        {
            "immigrant": "immigrant|migrant",
            "refugee": "refugee|asylum seeker",
            "homeless": "homeless|unhoused",
            "fat": "fat woman|fat man|fat people|plus-size|plus size",
        },
    ),
)
"""Every group, each name once."""


def identities(text: str) -> tuple[Identity, ...]:
    """The groups that `text` names, in the order of `IDENTITIES`; whole words, whatever their case."""
    names = _names()
    found = {names[match.group(1)] for match in _pattern().finditer(_plain(text))}
    return tuple(identity for identity in IDENTITIES if identity.name in found)


def _plain(text: str) -> str:
    return re.sub(r"[\s\u2010\u2011-]+", " ", text.casefold())


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    """The name of the group for each word; hyphens are read as blanks."""
    return MappingProxyType(
        {word.replace("-", " "): identity.name for identity in IDENTITIES for word in identity.words}
    )


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    """Any of the words, the longest first; overlapping phrases are found because only a word's start is consumed."""
    words = "|".join(re.escape(word) for word in sorted(_names(), key=len, reverse=True))
    return re.compile(rf"\b(?=({words})s?\b)")
