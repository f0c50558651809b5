"""Fills a frame: one alternative of each choice, one phrase for each slot, one group for all the group slots."""

import re
from collections.abc import Sequence
from random import Random

from datasets.captions.frames import Identity, Slots
from moderation.domain.errors import InvalidInputError

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{([A-Za-z_]+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=(?!uni[^nm]|us[ae]|uk|eu|one\b)[aeiou])", re.IGNORECASE)
_SPACES = re.compile(r"\s+")
_BEFORE_POINT = re.compile(r"\s+([,.!?;:])")
GROUP_SLOTS = frozenset({"they", "people", "one", "adj"})
MAX_DEPTH = 5


def naming_slots(slots: Slots) -> frozenset[str]:
    """The slots that name a group of people: the group slots, and those with a phrase that holds such a slot."""
    naming = GROUP_SLOTS
    for _ in range(MAX_DEPTH):
        naming |= {name for name, phrases in slots.phrases.items() if any(names_group(one, naming) for one in phrases)}
    return naming


def names_group(frame: str, naming: frozenset[str] = GROUP_SLOTS) -> bool:
    """Whether a slot of the frame is one of `naming`, those that name a group of people."""
    return any(name.lower() in naming for name in _SLOT.findall(frame))


def fill(frame: str, slots: Slots, identity: Identity, rng: Random) -> str:
    """One text of the frame. Raises `InvalidInputError` for a slot that does not exist."""
    text = frame
    for _ in range(MAX_DEPTH):
        if "[" not in text and "{" not in text:
            break
        text = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), text)
        text = _SLOT.sub(lambda match: _phrase(match[1], slots, identity, rng), text)
    text = _BEFORE_POINT.sub(r"\1", _SPACES.sub(" ", text)).strip(" ,")
    return _ARTICLE.sub(r"\1n ", text)


def _phrase(name: str, slots: Slots, identity: Identity, rng: Random) -> str:
    if name.lower() in GROUP_SLOTS:
        phrase: str = getattr(identity, name.lower())
        return phrase[0].upper() + phrase[1:] if name[0].isupper() else phrase
    if name.lower() == "other":
        found: Sequence[str] = [other.they for other in slots.identities if other != identity]
    else:
        found = slots.phrases.get(name.lower(), ())
    if not found:
        raise InvalidInputError(f"No slot is called {{{name}}}.", hint="Define it in datasets/captions/slots.")
    phrase = rng.choice(found)
    return phrase[0].upper() + phrase[1:] if name[0].isupper() else phrase
