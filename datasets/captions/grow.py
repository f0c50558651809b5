"""Grows rows from the families: templates times slots, the same for the same seed."""

from hashlib import blake2b
from random import Random

from datasets.captions.dressing import dress
from datasets.captions.filling import fill, names_group, naming_slots
from datasets.captions.frames import Family, Slots, families, slots
from datasets.rows import Row, TextSurface, plain_key, split_of_group
from moderation.domain.errors import InvalidInputError

TRIES_PER_ROW = 4
"""A family with few frames repeats itself; after so many tries per wanted row it gives fewer rows."""
JOINED_SHARE = 0.15
ONE_SENTENCE = 160
"""Frames of at most so many characters may be joined to a longer post."""


def generate(seed: int, rows_per_family: int) -> list[Row]:
    """Rows of every family, in the families' order; `rows_per_family` times the family's weight at most.

    Groups of people are named in turn, so that each is named as often as any other in every family. No two texts
    differ only in case, digits and punctuation. Raises `InvalidInputError` when `rows_per_family` is below 1 or a
    family is malformed.
    """
    if rows_per_family < 1:
        raise InvalidInputError(f"{rows_per_family} rows per family.", hint="Ask for at least 1.")
    taken: set[str] = set()
    rows: list[Row] = []
    naming = naming_slots(slots())
    for name, family in families().items():
        rng = Random(f"{seed}:{name}")  # noqa: S311 - repeatable draws, nothing secret
        wanted = max(1, round(rows_per_family * family.weight))
        rows += _grow(name, family, slots(), naming, wanted, rng, taken)
    return rows


def _grow(
    name: str, family: Family, known: Slots, naming: frozenset[str], wanted: int, rng: Random, taken: set[str]
) -> list[Row]:
    frames, identities = list(family.lines), list(known.identities)
    rng.shuffle(frames)
    rng.shuffle(identities)
    rows: list[Row] = []
    named = 0
    for attempt in range(wanted * TRIES_PER_ROW):
        if len(rows) == wanted:
            break
        frame = frames[attempt % len(frames)]
        identity = identities[named % len(identities)]
        text = " ".join(fill(part, known, identity, rng) for part in (frame, *_more(frame, frames, family, rng)))
        if family.dress:
            text = dress(text, family.surface, known, rng, may_be_long=family.long)
        key = plain_key(text)
        if key in taken:
            continue
        taken.add(key)
        named += names_group(frame, naming)
        rows.append(_row(name, family, frame, text))
    return rows


def _more(frame: str, frames: list[str], family: Family, rng: Random) -> list[str]:
    """Frames to go on with, sometimes: of the same family, so that the labels hold, and of the same split."""
    joinable = family.long and family.surface is TextSurface.POST and len(frame) <= ONE_SENTENCE
    if not joinable or rng.random() >= JOINED_SHARE:
        return []
    split = split_of_group(frame)
    others = [
        other for other in frames if other != frame and len(other) <= ONE_SENTENCE and split_of_group(other) is split
    ]
    return rng.sample(others, min(len(others), rng.randint(1, 3)))


def _row(name: str, family: Family, frame: str, text: str) -> Row:
    digest = blake2b(text.encode(), digest_size=8).hexdigest()
    return Row(f"captions:{digest}", text, family.labels, f"captions:{name}", family.surface, frame)
