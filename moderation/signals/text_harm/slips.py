"""Recognises words with one slip of the keyboard in them, without trying every letter in every place.

Two words that differ by one slip are the same after leaving one letter out of either (Garbe's symmetric deletes).
"""

from collections.abc import Iterator, Sequence

SHORTEST_MISTYPED = 5
"""Letters of the shortest word that is recognised: shorter ones are one slip away from too much."""

LONGEST_MISTYPED = 24
"""Letters of the longest one: leaving each out in turn takes work that grows with the square of the length."""

FREQUENT_STEMS = 9000
"""The rank up to which a word of three letters is one that takes endings."""

ENDINGS = ("s", "es", "d", "ed", "ing", "r", "er", "ers", "y", "ly", "n", "ness", "less", "like", "able", "ish")


class Slips:
    """`words` are those to be recognised, the likeliest first; those that are too short are left out.

    `right` are further words that are no slips.
    """

    def __init__(self, words: Sequence[str], right: Sequence[str] = ()) -> None:
        self._words = frozenset(words).union(right)
        self._short = frozenset(word for word in words[:FREQUENT_STEMS] if len(word) <= len("abc"))
        self._index: dict[str, list[str]] = {}
        for word in words:
            if len(word) >= SHORTEST_MISTYPED:
                for key in {word, *_without_one(word)}:
                    self._index.setdefault(key, []).append(word)

    def meant(self, word: str) -> str | None:
        """The likeliest word that is one slip away from `word`; None without any, and for a word that is right."""
        if not SHORTEST_MISTYPED - 1 <= len(word) <= LONGEST_MISTYPED or word in self._words or self.is_inflected(word):
            return None
        for key in (word, *_without_one(word)):
            for candidate in self._index.get(key, ()):
                if is_slip(word, candidate):
                    return candidate
        return None

    def is_inflected(self, word: str) -> bool:
        """Whether the word is one of the list with a common ending: "trending", "waving", "trimmed"."""
        for ending in ENDINGS:
            if word.endswith(ending):
                stem = word[: -len(ending)]
                doubled = stem[-1:] == stem[-2:-1] and stem[-1:] not in "aeiou" and stem[:-1] in self._words
                if doubled or (stem in self._words and self._is_stem(stem)) or stem + "e" in self._words:
                    return True
        return False

    def _is_stem(self, word: str) -> bool:
        """Tokenizers know many fragments of three letters."""
        return len(word) > len("abc") or word in self._short


def is_slip(word: str, meant: str) -> bool:
    """Whether one letter was left out, added, mistaken, or swapped with its neighbour; the first letter is right."""
    if word[:1] != meant[:1] or word == meant:
        return False
    if len(word) != len(meant):
        longer, shorter = sorted((word, meant), key=len, reverse=True)
        return len(longer) - len(shorter) == 1 and shorter in set(_without_one(longer))
    places = [place for place, (a, b) in enumerate(zip(word, meant, strict=True)) if a != b]
    if len(places) == 1:
        return True
    first, last = places[0], places[-1]
    return len(places) == last - first + 1 == len("ab") and word[first] == meant[last] and word[last] == meant[first]


def _without_one(word: str) -> Iterator[str]:
    """`word` with each letter but the first left out in turn."""
    return (word[:place] + word[place + 1 :] for place in range(1, len(word)))
