"""A text as the classifier reads it: folded, and once more with spelling tricks undone where that gives real words.

The term lists try every reading, because a listed word found is a fact. A classifier would see harm in accidents, so
digits and signs become letters, marks inside a word go and drawn-out letters shrink only where that gives a word of
the tokenizer or fewer word pieces ("k1ll" does, "35mm" and "4k" do not), and spaced-out letters are cut into words.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from math import inf, log
from typing import TYPE_CHECKING

from moderation.media.text import fold
from moderation.signals.text_harm.slips import Slips

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LEET = {
    "0": "o", "1": "il", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "!": "il", "|": "il", "+": "t",
}  # fmt: skip
MOST_OPTIONS = 16
"""Spellings tried for one word: "1" and "!" can be i or l, each by itself."""
SHORT_LETTERS = 2
"""Words of this length are decoded only beside a longer one that was: "8k" alone stays, "t0 k1ll" is "to kill"."""
FREQUENT = 1000
"""The rank among words up to which a word of that length is worth decoding to."""
LONGEST_WORD = 24
"""The longest word that spaced-out letters are cut into."""

_WORD = re.compile(r"[a-z0-9@$!|+](?:[a-z0-9@$!|+]|[._*'-](?=[a-z0-9@$]))*")
_TRICK = re.compile(r"[0-9@$+]|[!|](?=[a-z0-9@$])|(?<=[a-z])[._*'-](?=[a-z])|([a-z])\1\1")
_HARMLESS = re.compile(r"[a-z]+(?:'(?:s|t|d|m|re|ve|ll)|[!|]+)?|[a-z]{2,}(?:-[a-z]{2,})+|[^a-z$@]*")
"""Plain words, contractions, compounds and numbers: nothing to undo unless letters are drawn out."""
_HAS_WORD = re.compile(r"[a-z]{3}")
"""What is no word, but a number, a sign or a letter alone, says nothing."""
_MARKS = re.compile(r"[._*'-]")
_TRIPLE = re.compile(r"([a-z])\1{2,}")
_GAP = r"[ ._*~,/|'-]"
_SPACED = re.compile(rf"(?<![a-z0-9@$!])[a-z0-9@$!](?:{_GAP}{{1,4}}[a-z0-9@$!]){{2,}}(?![a-z0-9@$!])")
_GAPS = re.compile(rf"{_GAP}+")

Pieces = Callable[[str], int]
"""How many word pieces the tokenizer cuts a word into."""


class Reader:
    """Makes the readings; `vocabulary` is the tokenizer's words, the most frequent first."""

    def __init__(self, vocabulary: Sequence[str], pieces: Pieces) -> None:
        self._pieces = pieces
        words = [word for word in vocabulary if word.isalpha() and word.isascii() and (len(word) > 1 or word in "ai")]
        # Zipf's law: the frequency of a word is about one over its rank.
        self._slips = Slips(words)
        self._cost = {word: log((rank + 1) * log(len(words) + 2)) for rank, word in enumerate(words)}
        self._unknown = log(len(words) + 2) * 1.5
        self._frequent = log(FREQUENT * log(len(words) + 2))

    def readings(self, text: str) -> tuple[str, ...]:
        """The folded text, then the undone one if it differs; nothing when neither has a word.

        The classifier learned from sentences: what it says of "69", "!!" or a letter alone is an accident.
        """
        plain = fold(text).text
        undone = self._decoded(_SPACED.sub(self._joined, plain))
        if not (_HAS_WORD.search(plain) or _HAS_WORD.search(undone)):
            return ()
        return (plain,) if undone == plain else (plain, undone)

    def _joined(self, run: re.Match[str]) -> str:
        """The words of spaced-out letters: ends of words are where the gap is another than most, or are guessed."""
        shown = run.group()
        gaps = _GAPS.findall(shown)
        letters = _GAPS.sub("", shown)
        if sum(map(str.isalpha, letters)) * 3 < len(letters) * 2:
            return shown
        usual, times = Counter(gaps).most_common(1)[0]
        if times * 2 > len(gaps) and times < len(gaps):
            words = [letters[0]]
            for gap, letter in zip(gaps, letters[1:], strict=True):
                if gap == usual:
                    words[-1] += letter
                else:
                    words.append(letter)
            return " ".join(words)
        return " ".join(self._words(next(_spellings(letters))))

    def _words(self, letters: str) -> list[str]:
        """The likeliest words that the letters spell: the cheapest path over the vocabulary."""
        best: list[tuple[float, int]] = [(0.0, 0)]
        for end in range(1, len(letters) + 1):
            options = [(best[end - 1][0] + self._unknown, end - 1)]
            for start in range(max(0, end - LONGEST_WORD), end):
                cost = self._cost.get(letters[start:end], inf)
                options.append((best[start][0] + cost, start))
            best.append(min(options))
        words: list[str] = []
        end = len(letters)
        while end:
            start = best[end][1]
            words.append(letters[start:end])
            end = start
        return words[::-1]

    def _decoded(self, text: str) -> str:
        words = set(_WORD.findall(text))
        long = {word: self._decoded_word(word) for word in words if len(word) > SHORT_LETTERS}
        if all(word == decoded for word, decoded in long.items()):
            return text
        tricked = any(word != decoded and _TRICK.search(word) for word, decoded in long.items())
        short = self._decoded_short if tricked else str
        return _WORD.sub(lambda word: long.get(word.group()) or short(word.group()), text)

    def _decoded_word(self, word: str) -> str:
        if word in self._cost:
            return word
        if not _TRICK.search(word) or self._is_harmless(word):
            return (self._slips.meant(word) or word) if word.isalpha() else word
        options = list(dict.fromkeys(islice(_options(word), MOST_OPTIONS * 4)))
        known = [option for option in options if option in self._cost]
        if known:
            return min(known, key=lambda option: self._cost[option])
        fewest, place = min((self._pieces(option), place) for place, option in enumerate(options))
        return options[place] if fewest < self._pieces(word) else word

    def _is_harmless(self, word: str) -> bool:
        return _HARMLESS.fullmatch(word) is not None and not _TRIPLE.search(word)

    def _decoded_short(self, word: str) -> str:
        return next((option for option in _spellings(word) if self._cost.get(option, inf) < self._frequent), word)


def reader_of(tokenizer: "Tokenizer") -> Reader:
    """The reader for a word-piece tokenizer whose vocabulary stands in the order of frequency, as BERT's does."""
    vocabulary = tokenizer.get_vocab()
    words = sorted(vocabulary, key=lambda word: vocabulary[word])
    return Reader(words, lambda word: len(tokenizer.encode(word, add_special_tokens=False).ids))


def _spellings(word: str) -> Iterator[str]:
    """The word with signs as letters, in every way that they can be read."""
    return islice(map("".join, product(*(LEET.get(letter, letter) for letter in word))), MOST_OPTIONS)


def _options(word: str) -> list[str]:
    """What a word may stand for: signs as letters, no marks inside it, one or two of a drawn-out letter."""
    found: list[str] = []
    for body in dict.fromkeys((word.rstrip("!|"), word.rstrip("!|+"))):
        for option in _spellings(_MARKS.sub("", body)):
            found += [_TRIPLE.sub(r"\1", option), _TRIPLE.sub(r"\1\1", option)]
    return found
