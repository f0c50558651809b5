"""Texts as people write them who want to get past a filter: the same words to a reader, other characters to a machine.

Every way is a pure function of text and seed. The tables are this module's own: what undoes such writing elsewhere
(`moderation.media.text`) is never asked here, so that a letter it forgets is found by measuring.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType

import numpy as np

LEET_SHARE = 0.85
HOMOGLYPH_SHARE = 0.7
ZERO_WIDTH_SHARE = 0.4
TYPO_SHARE = 0.5
ELONGATED_SHARE = 0.5
LONGEST_STRETCH = 6
SHORTEST_WORD = 3
"""Shorter words are left as they are: nobody spells "a" and "to" in code."""
SHORTEST_MISTYPED = 5

LEET: Mapping[str, str] = MappingProxyType(
    {"a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1", "o": "0", "s": "5$", "t": "7+"}
)
HOMOGLYPHS: Mapping[str, str] = MappingProxyType(
    {
        "a": "\u0430\u0251\u03b1", "c": "\u0441\u03f2", "d": "\u0501", "e": "\u0435\u0454", "g": "\u0261",
        "h": "\u04bb", "i": "\u0456\u03b9", "j": "\u0458", "k": "\u043a\u03ba", "n": "\u0578", "o": "\u043e\u03bf",
        "p": "\u0440\u03c1", "q": "\u051b", "s": "\u0455", "t": "\u0442", "u": "\u057d\u03c5", "v": "\u03bd",
        "w": "\u051d", "x": "\u0445", "y": "\u0443",
        "A": "\u0410\u0391", "B": "\u0412\u0392", "C": "\u0421", "E": "\u0415\u0395", "H": "\u041d\u0397",
        "I": "\u0406\u0399", "K": "\u041a\u039a", "M": "\u041c\u039c", "N": "\u039d", "O": "\u041e\u039f",
        "P": "\u0420\u03a1", "S": "\u0405", "T": "\u0422\u03a4", "X": "\u0425\u03a7", "Y": "\u03a5",
    }
)  # fmt: skip
INVISIBLE = "\u200b\u200c\u2060\u00ad\ufeff"
MARKS = ".*-_'"
GAPS = " .-_*"
COMBINING = "\u0300\u0301\u0302\u0308\u030a\u0316\u0323\u0332\u0334\u0335\u0336\u0338\u0346\u0357\u035c\u0361"
MOST_COMBINED = 3
EMOJI = "\U0001f525\U0001f480\U0001f608\u2728\u2764\U0001f338\U0001f52a\U0001f4a6"
MATHEMATICAL = (0x1D400, 0x1D468, 0x1D4D0, 0x1D56C, 0x1D5A0, 0x1D5D4, 0x1D63C, 0x1D670)
"""Code points of the capital A of alphabets without holes: bold, italic, script, fraktur, sans-serif, monospace."""
SPLIT_SHARE = 0.5
STARRED_SHARE = 0.5
VOWELS = "aeiouAEIOU"
NEIGHBOURS: Mapping[str, str] = MappingProxyType(
    {
        "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
        "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry",
        "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
    }
)  # fmt: skip
"""Keys beside each other on an English keyboard."""

_WORD = re.compile(r"[A-Za-z]+")
_FULLWIDTH_OFFSET = 0xFEE0


class Obfuscation(StrEnum):
    """A way of writing."""

    LEET = "leet"
    SPACING = "spacing"
    HOMOGLYPHS = "homoglyphs"
    FULLWIDTH = "fullwidth"
    ZERO_WIDTH = "zero_width"
    TYPOS = "typos"
    ELONGATION = "elongation"
    PUNCTUATION = "punctuation"
    COMBINING = "combining"
    MATHEMATICAL = "mathematical"
    EMOJI = "emoji"
    SPLIT = "split"
    STARRED = "starred"
    MIXED = "mixed"


def obfuscate(text: str, kind: Obfuscation, *, seed: int = 0) -> str:
    """`text` written in the way `kind`; the same text, kind and seed give the same result on every machine.

    Digits, punctuation and letters other than English ones stay as they are (fullwidth changes all of ASCII).
    """
    digest = sha256(f"{seed}:{kind}:{text}".encode("utf-8", "surrogatepass")).digest()
    return _WAYS[kind](text, np.random.default_rng(int.from_bytes(digest[:8], "little")))


def _each_word(text: str, change: Callable[[str], str], *, shortest: int = SHORTEST_WORD) -> str:
    return _WORD.sub(lambda word: change(word.group()) if len(word.group()) >= shortest else word.group(), text)


def _leet(text: str, random: np.random.Generator) -> str:
    def change(word: str) -> str:
        return "".join(_swapped(letter, LEET.get(letter.lower(), ""), LEET_SHARE, random) for letter in word)

    return _each_word(text, change)


def _homoglyphs(text: str, random: np.random.Generator) -> str:
    def change(word: str) -> str:
        return "".join(_swapped(letter, HOMOGLYPHS.get(letter, ""), HOMOGLYPH_SHARE, random) for letter in word)

    return _each_word(text, change)


def _swapped(letter: str, others: str, share: float, random: np.random.Generator) -> str:
    return others[random.integers(len(others))] if others and random.random() < share else letter


def _spacing(text: str, random: np.random.Generator) -> str:
    """One kind of gap for the whole text; beside a word that is spaced with blanks stand wider blanks."""
    gap = GAPS[random.integers(len(GAPS))]
    return _each_word(text.replace(" ", "   ") if gap == " " else text, gap.join)


def _fullwidth(text: str, _random: np.random.Generator) -> str:
    return "".join(chr(ord(letter) + _FULLWIDTH_OFFSET) if "!" <= letter <= "~" else letter for letter in text)


def _zero_width(text: str, random: np.random.Generator) -> str:
    def change(word: str) -> str:
        hidden = [
            INVISIBLE[random.integers(len(INVISIBLE))] if random.random() < ZERO_WIDTH_SHARE else "" for _ in word[1:]
        ]
        return word[0] + "".join(gap + letter for gap, letter in zip(hidden, word[1:], strict=True))

    return _each_word(text, change)


def _typos(text: str, random: np.random.Generator) -> str:
    """In half of the longer words one slip that leaves the first letter alone."""

    def change(word: str) -> str:
        if random.random() >= TYPO_SHARE:
            return word
        place = int(random.integers(1, len(word) - 1))
        before, letter, after = word[:place], word[place], word[place + 1 :]
        slips = (
            before + after[0] + letter + after[1:],
            before + after,
            before + letter + letter + after,
            before + _swapped(letter, NEIGHBOURS.get(letter, ""), 1.0, random) + after,
        )
        return slips[random.integers(len(slips))]

    return _each_word(text, change, shortest=SHORTEST_MISTYPED)


def _elongation(text: str, random: np.random.Generator) -> str:
    def change(word: str) -> str:
        vowels = [place for place, letter in enumerate(word) if letter in "aeiouyAEIOUY"]
        if not vowels or random.random() >= ELONGATED_SHARE:
            return word
        place = vowels[random.integers(len(vowels))]
        return word[:place] + word[place] * int(random.integers(3, LONGEST_STRETCH + 1)) + word[place + 1 :]

    return _each_word(text, change)


def _punctuation(text: str, random: np.random.Generator) -> str:
    """One mark inside every word."""

    def change(word: str) -> str:
        place = int(random.integers(1, len(word)))
        return word[:place] + MARKS[random.integers(len(MARKS))] + word[place:]

    return _each_word(text, change)


def _combining(text: str, random: np.random.Generator) -> str:
    """Up to three accents, strokes and ties over and under every letter."""

    def change(word: str) -> str:
        return "".join(letter + _drawn(COMBINING, int(random.integers(MOST_COMBINED + 1)), random) for letter in word)

    return _each_word(text, change)


def _mathematical(text: str, random: np.random.Generator) -> str:
    """One alphabet for the whole text."""
    capital_a = MATHEMATICAL[random.integers(len(MATHEMATICAL))]

    def change(word: str) -> str:
        return "".join(
            chr(capital_a + ord(letter) - (ord("A") if letter.isupper() else ord("a") - 26)) for letter in word
        )

    return _each_word(text, change, shortest=1)


def _emoji(text: str, random: np.random.Generator) -> str:
    """One emoji for the whole text, between the letters of its words, or once inside each."""
    emoji = EMOJI[random.integers(len(EMOJI))]
    everywhere = random.random() < 1 / 2

    def change(word: str) -> str:
        place = int(random.integers(1, len(word)))
        return emoji.join(word) if everywhere else word[:place] + emoji + word[place:]

    return _each_word(text, change)


def _split(text: str, random: np.random.Generator) -> str:
    """A blank inside half of the words that have four letters."""

    def change(word: str) -> str:
        place = int(random.integers(1, len(word)))
        return word[:place] + " " + word[place:] if random.random() < SPLIT_SHARE else word

    return _each_word(text, change, shortest=SHORTEST_WORD + 1)


def _starred(text: str, random: np.random.Generator) -> str:
    """A star over one vowel, not the first letter, in half of the words that have one."""

    def change(word: str) -> str:
        vowels = [place for place, letter in enumerate(word) if place and letter in VOWELS]
        if not vowels or random.random() >= STARRED_SHARE:
            return word
        place = vowels[random.integers(len(vowels))]
        return word[:place] + "*" + word[place + 1 :]

    return _each_word(text, change)


def _mixed(text: str, random: np.random.Generator) -> str:
    """Another way in every word."""
    ways = (_leet, _homoglyphs, _zero_width, _elongation, _punctuation, _combining, _mathematical, _emoji, _dotted)
    return _each_word(text, lambda word: ways[random.integers(len(ways))](word, random))


def _dotted(word: str, random: np.random.Generator) -> str:
    return MARKS[random.integers(len(MARKS))].join(word)


def _drawn(letters: str, count: int, random: np.random.Generator) -> str:
    return "".join(letters[random.integers(len(letters))] for _ in range(count))


_WAYS: Mapping[Obfuscation, Callable[[str, np.random.Generator], str]] = MappingProxyType(
    {
        Obfuscation.LEET: _leet,
        Obfuscation.SPACING: _spacing,
        Obfuscation.HOMOGLYPHS: _homoglyphs,
        Obfuscation.FULLWIDTH: _fullwidth,
        Obfuscation.ZERO_WIDTH: _zero_width,
        Obfuscation.TYPOS: _typos,
        Obfuscation.ELONGATION: _elongation,
        Obfuscation.PUNCTUATION: _punctuation,
        Obfuscation.COMBINING: _combining,
        Obfuscation.MATHEMATICAL: _mathematical,
        Obfuscation.EMOJI: _emoji,
        Obfuscation.SPLIT: _split,
        Obfuscation.STARRED: _starred,
        Obfuscation.MIXED: _mixed,
    }
)
