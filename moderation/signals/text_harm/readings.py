"""A text as the classifier reads it: folded, and once more with spelling tricks undone where that gives real words.

The term lists try every reading, because a listed word found is a fact. A classifier would see harm in accidents, so
digits and signs become letters only where the word then falls into fewer word pieces ("k1ll" does, "35mm" and "4k" do
not), and spaced-out letters are cut into the likeliest words.
"""

import re
from collections.abc import Callable, Sequence
from math import inf, log

from moderation.media.text import fold

_LEET = tuple(str.maketrans("01345789@$!|+", letters) for letters in ("oieastbgasiit", "oleastbgasllt"))
_WORD = re.compile(r"[a-z0-9@$]+(?:[!|+]+[a-z0-9@$]+)*")
_TRICK = re.compile(r"[0134578@$!|+]|9")
_GAP = r"[ ._*~,/|-]"
_SPACED = re.compile(rf"(?<![a-z0-9@$!])[a-z0-9@$!](?:{_GAP}{{1,4}}[a-z0-9@$!]){{2,}}(?![a-z0-9@$!])")
_GAPS = re.compile(rf"{_GAP}+")
_NUMBERS = re.compile(r"[0-9]+")

SHORT_LETTERS = 2
"""Words of this length are decoded only beside a longer one that was: "8k" alone stays, "t0 k1ll" is "to kill"."""
LONGEST_WORD = 24
"""The longest word that spaced-out letters are cut into."""

Pieces = Callable[[str], int]
"""How many word pieces the tokenizer cuts a word into."""


class Reader:
    """Makes the readings; `vocabulary` is the tokenizer's words, the most frequent first."""

    def __init__(self, vocabulary: Sequence[str], pieces: Pieces) -> None:
        self._pieces = pieces
        words = [word for word in vocabulary if word.isalpha() and word.isascii() and (len(word) > 1 or word in "ai")]
        # Zipf's law: the frequency of a word is about one over its rank.
        self._cost = {word: log((rank + 1) * log(len(words) + 2)) for rank, word in enumerate(words)}
        self._unknown = log(len(words) + 2) * 1.5

    def readings(self, text: str) -> tuple[str, ...]:
        """The folded text, then the undone one if it differs; nothing for a text that shows nothing."""
        plain = fold(text).text
        if not plain.strip():
            return ()
        undone = self._decoded(_SPACED.sub(self._joined, plain))
        return (plain,) if undone == plain else (plain, undone)

    def _joined(self, run: re.Match[str]) -> str:
        letters = _GAPS.sub("", run.group())
        if _NUMBERS.fullmatch(letters):
            return run.group()
        gaps = [len(gap) for gap in _GAPS.findall(run.group())]
        if min(gaps) < max(gaps):
            wide = re.compile(rf"{_GAP}{{{min(gaps) + 1},}}")
            return " ".join(_GAPS.sub("", word) for word in wide.split(run.group()))
        return " ".join(self._words(self._letters(letters)))

    def _letters(self, word: str) -> str:
        return word.translate(_LEET[0])

    def _words(self, letters: str) -> list[str]:
        """The likeliest words that the letters spell, by a shortest path over the vocabulary."""
        best: list[tuple[float, int]] = [(0.0, 0)]
        for end in range(1, len(letters) + 1):
            options = (
                (best[start][0] + self._cost.get(letters[start:end], inf), start)
                for start in range(max(0, end - LONGEST_WORD), end)
            )
            best.append(min(*options, (best[end - 1][0] + self._unknown, end - 1), (inf, 0)))
        words: list[str] = []
        end = len(letters)
        while end:
            start = best[end][1]
            words.append(letters[start:end])
            end = start
        return words[::-1]

    def _decoded(self, text: str) -> str:
        if not _TRICK.search(text):
            return text
        long = {word: self._decoded_word(word) for word in set(_WORD.findall(text)) if len(word) > SHORT_LETTERS}
        if all(word == decoded for word, decoded in long.items()):
            return text
        return _WORD.sub(lambda word: long.get(word.group()) or self._decoded_short(word.group()), text)

    def _decoded_word(self, word: str) -> str:
        if not _TRICK.search(word) or _NUMBERS.fullmatch(word):
            return word
        pieces = self._pieces(word)
        options = [(self._pieces(option), option) for option in (word.translate(table) for table in _LEET)]
        fewest, option = min(options, key=lambda found: found[0])
        return option if fewest < pieces else word

    def _decoded_short(self, word: str) -> str:
        option = word.translate(_LEET[0])
        return option if option in self._cost else word
