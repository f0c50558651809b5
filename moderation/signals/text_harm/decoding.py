"""Undoes what was done to one word: signs for letters, marks between them, stars over them, drawn-out letters, slips.

Everything is done only where it gives a word that is known, or one in fewer word pieces: a classifier would see harm
in accidents ("k1ll" is undone, "35mm" and "4k" are not). The work for a word is bounded, whatever it is made of.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from math import inf

from moderation.signals.text_harm.vocabulary import Vocabulary

LEET = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "gb", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "il", "|": "il", "+": "t", "(": "c", "<": "c", "#": "h", "\u00a7": "s", "\u2020": "t",
}  # fmt: skip
MOST_OPTIONS = 16
"""Spellings tried for one word: "1" and "!" can be i or l, each by itself."""
MOST_CUT = 16
"""Spellings that the tokenizer cuts for one word, when none of them is known."""
SHORTEST_DOUBLED = 7
MOST_DOUBLES = 3
"""Doubled letters of a word of which one may be a slip."""
LONGEST_CHUNK = 48
"""Characters of what is taken for one word; longer ones are read by their parts."""
SHORTEST_JOINED = 8
"""Letters of the shortest word that is cut in two: "killyou"; tokenizers cut shorter ones as well."""
JOINTS = frozenset(
    "you your yourself yourselves me my myself them they their him his her she he we our the all those these this that "  # noqa: SIM905
    "who what how are will should must".split()
)
"""What shows that two words are no compound: "killyou", not "raincoat"."""
MOST_JOINED = 4
"""Words between marks that are a compound, "state-of-the-art"; where there are more, marks stand for blanks."""

Pieces = Callable[[str], int]
"""How many word pieces the tokenizer cuts a word into."""

WORD = re.compile(r"(?:[a-z0-9@$\u00a7\u2020]|[!|+](?=[a-z0-9@$]))(?:\S*[a-z0-9@$!|+*\u00a7\u2020])?")
"""A word with what stands in it, without the brackets and punctuation around it."""
_HARMLESS = re.compile(
    r"[^a-z$@]*|[!|*]*[a-z]+[!|*]*"
    r"|\d*(?:0s|1st|2nd|3rd|[04-9]th|[1-4]d)|\d+(?:k|x|m|mm|cm|km|am|pm|px|kg|lb|ft|hz|gb|mb|mp|fps|mph|kmh)|\d{3,}p"
    r"|f/?\d+(?:\.\d+)?"
)
"""Plain words and numbers, with or without a unit."""
_CONTRACTION = re.compile(
    r"(?:do|does|did|is|are|was|were|has|have|had|ca|wo|could|would|should|must|might|need|ai)n't|i'm|(?:you|we|they|who|what|there)'re|(?:i|you|we|they|who|would|could|should|might|must)'ve"
    r"|(?:i|you|he|she|it|we|they|that|there|who|what|where|how|this)'(?:d|ll)"
)
_OF_A_NAME = re.compile(r"[a-z]{3,}'s|[a-z]{3,}(?:-[a-z]{3,})+")
"""Rembrandt's, post-apocalyptic: in a few word pieces less without the mark, and meant as they stand."""
_LEET = re.compile(r"[0-9@$!|+(<#\u00a7\u2020]")
_MARKS = re.compile(r"[^a-z0-9@$!|+(<#\u00a7\u2020]+")
_ALL_MARKS = re.compile(r"[^a-z0-9@$\u00a7\u2020]+")
_TRIPLE = re.compile(r"([a-z])\1{2,}")
_DOUBLE = re.compile(r"([a-z])\1")
_DOUBLED = re.compile(r"(?:([a-z])\1){3,}")
_SIGN = re.compile(r"[^a-z0-9]")
_STARRED = re.compile(r"[a-z][a-z]*[^a-z0-9](?:[a-z]|[^a-z0-9])*")


class Decoder:
    """Decodes words by a vocabulary and the tokenizer that will read them."""

    def __init__(self, vocabulary: Vocabulary, pieces: Pieces) -> None:
        self._vocabulary = vocabulary
        self._pieces = pieces

    def decoded(self, word: str) -> str:
        """What is meant by a match of WORD, possibly several words; the word itself where nothing better is known."""
        if word in self._vocabulary:
            return word
        if word.isalpha():
            return self._of_letters(word) if len(word) <= LONGEST_CHUNK else self._cut(word) or word
        if _CONTRACTION.fullmatch(word) or self._is_harmless(word):
            return word
        if len(word) > LONGEST_CHUNK:
            return self._by_parts(word)
        stem = word.removesuffix("'s")
        if stem != word:
            return f"{self.decoded(stem)}'s"
        return (
            self._vocabulary.hidden(word)
            or self._spelled(word)
            or self._starred(word)
            or self._by_hyphens(word)
            or self._in_fewer_pieces(word)
            or self._by_parts(word)
        )

    def short(self, word: str) -> str:
        """The same for a word of two signs, which means nothing by itself: "t0" is "to" beside "k1ll"."""
        return next((option for option in spellings(word) if self._vocabulary.is_frequent(option)), word)

    def _is_harmless(self, word: str) -> bool:
        starred = word.endswith("*") and not self._vocabulary.is_usual(word.rstrip("*"))
        return _HARMLESS.fullmatch(word) is not None and not _TRIPLE.search(word) and not starred

    def _of_letters(self, word: str) -> str:
        vocabulary = self._vocabulary
        if _TRIPLE.search(word) or _DOUBLED.fullmatch(word):
            return self._spelled(word) or vocabulary.drawn_out(word) or self._in_fewer_pieces(word) or word
        if vocabulary.slips.is_inflected(word):
            return word
        meant = vocabulary.slips.meant(word) or vocabulary.without_vowels(word) or self._cut(word)
        return meant or self._doubled_by_slip(word) or word

    def _doubled_by_slip(self, word: str) -> str | None:
        """The word without one of two like letters, where it is fewer word pieces then: "vermmin" is "vermin"."""
        if len(word) < SHORTEST_DOUBLED:
            return None
        doubles = list(islice(_DOUBLE.finditer(word), MOST_DOUBLES))
        options = [word[: double.start()] + word[double.start() + 1 :] for double in doubles]
        fewest, place = min(((self._pieces(option), place) for place, option in enumerate(options)), default=(inf, 0))
        return options[place] if options and fewest < self._pieces(word) else None

    def _cut(self, letters: str) -> str | None:
        """Words that were written together, where all of them are usual and most are no fragments."""
        if len(letters) < SHORTEST_JOINED:
            return None
        words = self._vocabulary.cut(letters)
        if len(words) <= len(("rain", "coat")) and JOINTS.isdisjoint(words):
            return None
        usual = sum(len(word) for word in words if self._vocabulary.is_usual(word) and len(word) > len("ab"))
        whole = all(self._vocabulary.is_usual(word) for word in words) or len(words) > MOST_JOINED
        return " ".join(words) if whole and len(words) > 1 and usual * 4 >= len(letters) * 3 else None

    def _spelled(self, word: str) -> str | None:
        """The known word that it is with signs as letters and without marks in it."""
        options = _options(word)
        known = [option for option in options if self._vocabulary.is_usual(option)]
        if not known:
            known = [option for option in options if option[-1:] == "s" and self._vocabulary.is_usual(option[:-1])]
        if not known and "*" not in word:
            known = [option for option in options[:MOST_CUT] if self._vocabulary.is_word(option)]
        return min(known, key=self._vocabulary.cost, default=None)

    def _in_fewer_pieces(self, word: str) -> str | None:
        """The same for a word that nobody knows, where its parts are no words and it is one slip or fewer pieces."""
        parts = _parts(word)
        if self._are_words(parts) or len(parts) >= MOST_JOINED:
            return None
        options = _options(word)[:MOST_CUT]
        known = [option for option in options if option in self._vocabulary]
        if known and len(word) > len("abc"):
            return min(known, key=self._vocabulary.cost)
        if _OF_A_NAME.fullmatch(word):
            return None
        meant = self._vocabulary.slips.meant(options[0])
        if meant is not None:
            return meant
        fewest, place = min((self._pieces(option), place) for place, option in enumerate(options))
        return options[place] if fewest < sum(map(self._pieces, parts)) else None

    def _are_words(self, parts: Sequence[str]) -> bool:
        return len(parts) > 1 and all(part.isdigit() or self._vocabulary.is_word(part) for part in parts)

    def _starred(self, word: str) -> str | None:
        if not _STARRED.fullmatch(word):
            return None
        filled = (_SIGN.sub(vowel, word) for vowel in "aeiou") if len(_SIGN.findall(word)) == 1 else ()
        return self._vocabulary.starred(word) or next(filter(self._vocabulary.is_word, filled), None)

    def _by_hyphens(self, word: str) -> str | None:
        """The parts of a compound each by itself, where there are other marks in them."""
        parts = word.split("-")
        if len(parts) == 1 or not _ALL_MARKS.search("".join(parts)):
            return None
        return "-".join(self.decoded(part) if len(part) > len("ab") else part for part in parts)

    def _by_parts(self, word: str) -> str:
        """Every part by itself; between many of them, marks stand for blanks."""
        marks, parts = _ALL_MARKS.findall(word), _ALL_MARKS.split(word)
        read = [self._part(part) for part in parts]
        if len(parts) > MOST_JOINED:
            return " ".join(read)
        return "".join(part + mark for part, mark in zip(read, [*marks, ""], strict=True))

    def _part(self, part: str) -> str:
        if not _LEET.search(part) or len(part) > LONGEST_CHUNK or self._is_harmless(part):
            return part
        return next((option for option in spellings(part) if self._vocabulary.is_usual(option)), part)


def spellings(word: str) -> Iterator[str]:
    """The word with signs as letters, in every way that they can be read, up to a bound."""
    return islice(map("".join, product(*(LEET.get(letter, letter) for letter in word))), MOST_OPTIONS)


def _once(run: re.Match[str]) -> str:
    """The letter that is repeated. A function, since the module for patterns is slow with templates."""
    return run[0][0]


def _twice(run: re.Match[str]) -> str:
    return run[0][:2]


def _parts(word: str) -> list[str]:
    return [part for part in _MARKS.split(word) if part]


def _options(word: str) -> list[str]:
    """What a word may stand for: signs as letters or as marks, no marks inside it, one or two of a drawn-out letter."""
    found: list[str] = []
    for body in dict.fromkeys((word.rstrip("!|"), word.rstrip("!|+"))):
        for option in spellings(_MARKS.sub("", body)):
            if _TRIPLE.search(option):
                found += [_TRIPLE.sub(_once, option), _TRIPLE.sub(_twice, option)]
            else:
                found.append(option)
    unmarked = _ALL_MARKS.sub("", word)
    if unmarked != word:
        found += spellings(unmarked)
    return list(dict.fromkeys(found))
