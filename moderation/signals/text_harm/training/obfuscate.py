"""Spelling tricks for training texts, so that what undoes them imperfectly meets a model that has seen the rest."""

from collections.abc import Callable

import numpy as np

LEET = {"a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1", "o": "0", "s": "5$", "t": "7"}
LOOK_ALIKE = {"a": "\u0430", "c": "\u0441", "e": "\u0435", "i": "\u0456", "o": "\u043e", "p": "\u0440", "x": "\u0445"}
NEAR = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "ko", "m": "n", "n": "bm", "o": "ip", "p": "ol", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip
"""Keys beside each other on an English keyboard."""
SHORTEST = 4
"""Letters of the shortest word that is changed."""

Random = np.random.Generator


def obfuscated(text: str, random: Random) -> str:
    """`text` with one kind of trick on some of its words."""
    trick = TRICKS[random.integers(len(TRICKS))]
    share = random.uniform(0.3, 1.0)
    words = [
        trick(word, random) if len(word) >= SHORTEST and random.random() < share else word for word in text.split(" ")
    ]
    return " ".join(words)


def _swap(table: dict[str, str], share: float) -> Callable[[str, Random], str]:
    def change(word: str, random: Random) -> str:
        return "".join(
            table[letter][random.integers(len(table[letter]))]
            if letter in table and random.random() < share
            else letter
            for letter in word
        )

    return change


def _spaced(word: str, random: Random) -> str:
    return " .-_*"[random.integers(5)].join(word)


def _typo(word: str, random: Random) -> str:
    """One slip: two letters swapped, one left out, doubled, or taken from the key beside it."""
    place = int(random.integers(1, len(word) - 1))
    before, letter, after = word[:place], word[place], word[place + 1 :]
    near = NEAR.get(letter.lower(), letter)
    slips = (
        before + after[:1] + letter + after[1:],
        before + after,
        before + letter + letter + after,
        before + near[random.integers(len(near))] + after,
    )
    return slips[random.integers(len(slips))]


def _drawn_out(word: str, random: Random) -> str:
    place = int(random.integers(len(word)))
    return word[:place] + word[place] * int(random.integers(2, 5)) + word[place + 1 :]


TRICKS: tuple[Callable[[str, Random], str], ...] = (
    _swap(LEET, 0.6),
    _swap(LEET, 0.9),
    _swap(LOOK_ALIKE, 0.7),
    _spaced,
    _typo,
    _typo,
    _typo,
    _drawn_out,
)
"""Each as likely as any other; typos stand here thrice because nothing undoes them."""
