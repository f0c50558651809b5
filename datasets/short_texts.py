"""Harmless texts of a word or three, numbers, times, signs: what many captions are, and no corpus has.

A classifier that never saw them reads harm into single words. The words are the encoder's own vocabulary without those
of the term lists, which can be harmful by themselves.
"""

import random
from collections.abc import Collection, Iterator, Sequence

from datasets.rows import HARM_LABELS, Row, TextSurface

SOURCE = "captions:short"
SHORTEST_WORD = 3
SIGNS = ("✨", "🌅", "🌙", "❤️", "🔥", "😊", "🎨", "🌊", "🍂", "☕", "🐶", "🎶", "!!", "...", ":)", "♡", "→", "?!")
_DIGITS = 10


def vocabulary(words: Collection[str], listed: Collection[str]) -> list[str]:
    """Whole words of Latin letters in alphabetical order, without any that stands in a listed term or holds one."""
    parts = {part for term in listed for part in term.casefold().split()}
    stems = tuple(part for part in parts if len(part) > SHORTEST_WORD)
    return sorted(
        word
        for word in words
        if word.isascii()
        and word.isalpha()
        and word.islower()
        and len(word) >= SHORTEST_WORD
        and word not in parts
        and not any(stem in word for stem in stems)
    )


def short_texts(words: Sequence[str], seed: int, count: int) -> list[Row]:
    """`count` different rows, the same for the same words and seed, all labels 0; captions and prompts in turn."""
    chance = random.Random(seed)  # noqa: S311 - repeatable training texts, no secret
    found: dict[str, Row] = {}
    for text in _texts(words, chance):
        surface = TextSurface.CAPTION if len(found) % 2 else TextSurface.PROMPT
        labels = dict.fromkeys(HARM_LABELS, 0)
        found.setdefault(text, Row(f"{SOURCE}:{len(found)}", text, labels, SOURCE, surface, f"{SOURCE}:{text}"))
        if len(found) == count:
            break
    return list(found.values())


def _texts(words: Sequence[str], chance: random.Random) -> Iterator[str]:
    while True:
        kind = chance.random()
        if kind < 0.4:  # noqa: PLR2004 - shares of the kinds
            yield chance.choice((str, str.capitalize, "#{}".format, "{}!".format, "{}.".format))(chance.choice(words))
        elif kind < 0.6:  # noqa: PLR2004
            yield " ".join(chance.sample(words, 2))
        elif kind < 0.75:  # noqa: PLR2004
            yield " ".join(chance.sample(words, 3))
        elif kind < 0.85:  # noqa: PLR2004
            yield f"{chance.choice(words)} {chance.choice(SIGNS)}"
        else:
            yield _figures(chance)


def _figures(chance: random.Random) -> str:
    """A number, a time, a date, a code of letters and digits, or a letter."""
    return chance.choice(
        (
            lambda: str(chance.randrange(_DIGITS ** chance.randint(1, 5))),
            lambda: f"{chance.randrange(24)}:{chance.randrange(60):02}",
            lambda: f"{chance.randrange(1, 29)}.{chance.randrange(1, 13)}.{chance.randrange(1990, 2030)}",
            lambda: f"{chance.choice('ABCDEFGHKLMNPRSTVWXYZ')}{chance.randrange(100)}",
            lambda: f"no. {chance.randrange(100)}",
            lambda: f"{chance.randrange(100)} {chance.choice(SIGNS)}",
            lambda: chance.choice("abcdefghijklmnopqrstuvwxyz"),
            lambda: chance.choice(SIGNS) * chance.randint(1, 3),
        )
    )()
