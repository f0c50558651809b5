"""Text as a reader sees it, whatever characters it was written with, and where each character came from.

Matching looks at several readings of a text, because one spelling can hide another: "w0men|nude" is two words when the
bar separates them, and "s e x" is one. Each step is linear in the text's length.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from moderation.media.confusables import CONFUSABLES

ELONGATED = 3
"""A letter repeated more often than this is cut to this many: no English word has three, so the matcher can tell
"sooo" (elongated) from "soon" (spelled so)."""

_LEET_I = str.maketrans("01345789@$!|+", "oieastbgasiit")
_LEET_L = str.maketrans("01345789@$!|+", "oleastbgasllt")
_PUNCTUATION = str.maketrans("\u2018\u2019\u02bc\uff07\u2010\u2011\u2012\u2013\u2014\u2212", "''''------")
_COMBINING = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))
_BLANK = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | {
    chr(point) for low, high in ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF)) for point in range(low, high + 1)
}
"""Characters that show nothing, besides format and control characters."""

_LEADING_ZEROS = re.compile(r"&#0+(?=[0-9])")
_NO_CHARACTER = re.compile(r"&#[0-9]{8,};?")

_RUN = re.compile(rf"([a-z])\1{{{ELONGATED},}}")
_LEET_WORD = re.compile(r"[a-z0-9@$]+(?:[!|+]+[a-z0-9@$]+)*")
_LEET_CHARACTER = re.compile(r"[0134578@$!|+]")
_SEPARATORS = " ._*~,/-"
_SPACED = re.compile(
    r"(?<![a-z0-9])[a-z0-9@$!]"
    r"(?:(?:[._*~,/-][a-z0-9@$!]){2,}|([ ._*~,/-]{1,3})[a-z0-9@$!](?:\1[a-z0-9@$!])+)(?![a-z0-9])"
)
_SPACED_BY_MARKS = re.compile(r"(?<![a-z0-9])[a-z0-9@$!](?:[._*~,/-][a-z0-9@$!])+(?![a-z0-9])")
_SPACED_BY_BLANKS = re.compile(
    r"(?<![a-z0-9])[a-z0-9@$!]"
    r"(?:(?:[._*~,/-][a-z0-9@$!])+|([ ._*~,/-])[a-z0-9@$!](?:\1[a-z0-9@$!])*"
    r"|([ ._*~,/-]{2,3})[a-z0-9@$!](?:\2[a-z0-9@$!])+)(?![a-z0-9])"
)
"""Two letters are enough beside a longer run, "b e  n u d e", when that run has the same kind of separator."""


@dataclass(frozen=True, slots=True)
class Normalised:
    """One reading of a text. `positions[i]` is the index in the original text of the character behind `text[i]`."""

    text: str
    positions: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the original text behind `text[start:end]`, which must not be empty."""
        return self.positions[start], self.positions[end - 1] + 1


@dataclass(frozen=True, slots=True)
class Readings:
    """Every reading of a text worth matching, the plainest first, without duplicates.

    `runs` has each stretch of single letters by itself, without what separated them: where one word ends there and the
    next begins is lost.
    """

    texts: tuple[Normalised, ...]
    runs: tuple[Normalised, ...]


def normalise(text: str) -> Normalised:
    """The fullest reading: folded characters, spaced-out letters joined, digits and signs read as letters."""
    return _leet(_join(fold(text), _whole), _LEET_I)


def read(text: str) -> Readings:
    """The readings of `text`."""
    plain = fold(text)
    joined = _join(plain, _whole)
    found = [plain, _leet(joined, _LEET_I), _leet(joined, _LEET_L)]
    runs: list[Normalised] = []
    if joined is not plain:
        found.append(_leet(_join(plain, _without_articles), _LEET_I))
        runs = [_leet(_pick(plain, _whole(run)), _LEET_I) for run in _SPACED.finditer(plain.text)]
    distinct = {reading.text: reading for reading in reversed(found)}
    return Readings(tuple(distinct.values())[::-1], tuple(runs))


def unescaped(text: str) -> str:
    """The text with HTML's escapes read, as `html.unescape` does, which raises for numbers of thousands of digits."""
    return html.unescape(_NO_CHARACTER.sub("\ufffd", _LEADING_ZEROS.sub("&#", text)))


def fold(text: str) -> Normalised:
    """Lower case, compatibility forms (NFKC), look-alike letters, no accents, nothing invisible, runs of a letter cut.

    The same for a text and its NFKC form, and folding twice is folding once.
    """
    if text.isascii() and text.isprintable():
        folded = Normalised(text.lower(), range(len(text)))
    else:
        characters: list[str] = []
        positions: list[int] = []
        for index, character in enumerate(text):
            shown = _fold_character(character)
            characters.append(shown)
            positions.extend([index] * len(shown))
        folded = Normalised("".join(characters), positions)
    return _rewrite(folded, _RUN, lambda run: range(run.start(), run.start() + ELONGATED))


@lru_cache(maxsize=1 << 16)
def _fold_character(character: str) -> str:
    if character in CONFUSABLES:
        return CONFUSABLES[character]
    shown = unicodedata.normalize("NFKD", character.translate(_PUNCTUATION))
    return "".join(_fold_decomposed(part) for part in shown)


def _fold_decomposed(character: str) -> str:
    point = ord(character)
    if character in _BLANK or any(low <= point <= high for low, high in _COMBINING):
        return ""
    category = unicodedata.category(character)
    if category == "Cf" or (category == "Cc" and not character.isspace()):
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if character in CONFUSABLES:
        return CONFUSABLES[character]
    lower = character.casefold().translate(_PUNCTUATION)
    return "".join(CONFUSABLES.get(part, part) for part in lower)


def _leet(reading: Normalised, table: dict[int, int]) -> Normalised:
    """Digits and signs as letters, each for one; a sign at a word's end is punctuation."""
    if not _LEET_CHARACTER.search(reading.text):
        return reading
    text = _LEET_WORD.sub(lambda word: word.group().translate(table), reading.text)
    return reading if text == reading.text else Normalised(text, reading.positions)


def _join(reading: Normalised, kept: Callable[[re.Match[str]], Sequence[int]]) -> Normalised:
    runs = [run.group() for run in _SPACED.finditer(reading.text)]
    if not runs:
        return reading
    blanks = any(" " in run for run in runs)
    return _rewrite(reading, _SPACED_BY_BLANKS if blanks else _SPACED_BY_MARKS, kept)


def _whole(run: re.Match[str]) -> Sequence[int]:
    """Where the letters of "s e x" stand."""
    return [index for index in range(run.start(), run.end()) if run.string[index] not in _SEPARATORS]


def _without_articles(run: re.Match[str]) -> Sequence[int]:
    """The same, leaving a first or last "a" or "i" apart with its separator: it may be a word of its own."""
    letters = list(_whole(run))
    head = [letters[0], letters[0] + 1] if run.string[letters[0]] in "ai" else []
    tail = [letters[-1] - 1, letters[-1]] if run.string[letters[-1]] in "ai" else []
    return head + letters[bool(head) : len(letters) - bool(tail)] + tail


def _rewrite(
    reading: Normalised, pattern: re.Pattern[str], kept: Callable[[re.Match[str]], Sequence[int]]
) -> Normalised:
    """Replace each match by the characters that `kept` picks by index; the same object when nothing matches."""
    matches = list(pattern.finditer(reading.text))
    if not matches:
        return reading
    chosen: list[int] = []
    after = 0
    for match in matches:
        chosen.extend(range(after, match.start()))
        chosen.extend(kept(match))
        after = match.end()
    chosen.extend(range(after, len(reading.text)))
    return _pick(reading, chosen)


def _pick(reading: Normalised, indices: Sequence[int]) -> Normalised:
    text = "".join([reading.text[index] for index in indices])
    return Normalised(text, [reading.positions[index] for index in indices])
