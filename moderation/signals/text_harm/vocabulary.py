"""The words of a language by their frequency, and the ways in which a word that is written otherwise is found again."""

import re
from collections.abc import Callable, Iterable, Sequence
from math import inf, log
from typing import TypeVar

from moderation.signals.text_harm.slips import Slips

LONGEST_WORD = 24
"""Letters of the longest word that is looked for in letters without blanks."""
FREQUENT = 1000
"""The rank up to which a word is worth it that two signs are read as it."""
USUAL_OF_THREE, USUAL = 4000, 10000
"""The rank up to which a word of three letters, and a longer one, is one that people write."""
SHORT_WORDS = frozenset(
    "a i am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we".split()  # noqa: SIM905
)
"""Shorter ones by hand: a tokenizer has most pairs of letters."""
STRANGE = 4.0
"""What a word that is not usual costs more than its frequency says, in nats, where letters are cut into words."""
SHORTEST_SKELETON = 3
HIDDEN = tuple(
    "kill die dead rape raped murder suicide behead shoot stab hang bomb hurt cut "  # noqa: SIM905
    "fuck fucking fucked fucker shit shitty bitch bitches ass dick cock cunt pussy whore slut tits cum "
    "sex sexy nude nudes naked porn penis vagina boobs horny hate nazi scum trash retard faggot".split()
)
"""What people put stars in: of all words that fit a pattern, one of these is meant."""

Key = TypeVar("Key")

_SIGN = re.compile(r"[^a-z0-9]")
_SIGN_OR_VOWEL = re.compile(r"[^a-z0-9]|[aeiou]")
_VOWELS = re.compile(r"[aeiou]")
_RUN = re.compile(r"(.)\1+")
_RUNS = re.compile(r"(.)\1*")


class Vocabulary:
    """`words` come the most frequent first; `listed` are further ones to know, taken for rare."""

    def __init__(self, words: Sequence[str], listed: Sequence[str] = ()) -> None:
        own = [word for word in words if word.isalpha() and word.isascii() and (len(word) > 1 or word in "ai")]
        known = list(dict.fromkeys([*own, *HIDDEN, *listed]))
        self.slips = Slips(own, known)
        self._rank = {word: rank for rank, word in enumerate(known)}
        # Zipf's law: the frequency of a word is about one over its rank.
        self._cost = {word: log((rank + 1) * log(len(known) + 2)) for word, rank in self._rank.items()}
        self._unknown = log(len(known) + 2) * 1.5
        self._listed = frozenset(listed) | frozenset(HIDDEN)
        self._steps = {word: cost + (0.0 if self.is_usual(word) else STRANGE) for word, cost in self._cost.items()}
        self._beginnings = frozenset(word[:end] for word in known for end in range(1, len(word) + 1))
        self._hidden = _by(lambda word: (word[0], len(word)), HIDDEN)
        self._starred = _by(_starred, known)
        self._squeezed = _by(squeezed, known)
        self._skeletons = _by(_skeleton, [*HIDDEN, *known])

    def __contains__(self, word: str) -> bool:
        """Whether the word is known at all."""
        return word in self._rank

    def cost(self, word: str) -> float:
        """How unlikely the word is, in nats; infinite for one that is not known."""
        return self._cost.get(word, inf)

    def is_usual(self, word: str) -> bool:
        """Whether people write the word, or it is listed: tokenizers know many fragments besides."""
        if len(word) < len("abc"):
            return word in SHORT_WORDS
        least = USUAL_OF_THREE if len(word) == len("abc") else USUAL
        return word in self._listed or self._rank.get(word, inf) < least

    def is_frequent(self, word: str) -> bool:
        """Whether the word is among the first thousand."""
        return self._rank.get(word, inf) < FREQUENT

    def is_word(self, word: str) -> bool:
        """Whether the word is usual, or a known one with an ending."""
        return self.is_usual(word) or (len(word) > len("abcde") and self.slips.is_inflected(word))

    def cut(self, letters: str) -> list[str]:
        """The likeliest words that the letters spell: the cheapest path over the vocabulary, linear in the length."""
        best = [(0.0, 0)] + [(inf, 0)] * len(letters)
        for start in range(len(letters)):
            so_far = best[start][0]
            best[start + 1] = min(best[start + 1], (so_far + self._unknown, start))
            for end in range(start + 1, min(start + LONGEST_WORD, len(letters)) + 1):
                piece = letters[start:end]
                if piece not in self._beginnings:
                    break
                if piece in self._steps:
                    best[end] = min(best[end], (so_far + self._steps[piece], start))
        words: list[str] = []
        end = len(letters)
        while end:
            start = best[end][1]
            words.append(letters[start:end])
            end = start
        return words[::-1]

    def hidden(self, pattern: str) -> str | None:
        """The word of HIDDEN over which people put the stars of `pattern`, one for a letter."""
        if "*" not in pattern:
            return None
        return next((word for word in self._hidden.get((pattern[0], len(pattern)), ()) if _fits(pattern, word)), None)

    def starred(self, pattern: str) -> str | None:
        """The likeliest word in which every sign of `pattern`, at most half of it, hides one vowel."""
        if len(_SIGN.findall(pattern)) * 2 > len(pattern) or len(pattern) < len("abc"):
            return None
        return next((word for word in self._starred.get(_starred(pattern), ()) if _fits(pattern, word)), None)

    def drawn_out(self, word: str) -> str | None:
        """The likeliest word of which `word` has every letter, each once or oftener."""
        shown = _lengths(word)
        for candidate in self._squeezed.get(squeezed(word), ()):
            if all(own <= its for own, its in zip(_lengths(candidate), shown, strict=True)):
                return candidate
        return None

    def without_vowels(self, word: str) -> str | None:
        """The likeliest usual word of which `word` is what is left without its vowels."""
        if len(word) < SHORTEST_SKELETON or _VOWELS.search(word):
            return None
        return next((known for known in self._skeletons.get(word, ()) if self.is_usual(known)), None)


def squeezed(word: str) -> str:
    """The word with every run of a letter cut to one."""
    return _RUN.sub(r"\1", word)


def _by(key: Callable[[str], Key], words: Iterable[str]) -> dict[Key, list[str]]:
    found: dict[Key, list[str]] = {}
    for word in words:
        found.setdefault(key(word), []).append(word)
    return found


def _skeleton(word: str) -> str:
    return word[:1] + _VOWELS.sub("", word[1:])


def _starred(word: str) -> str:
    """The word with a star over every vowel and sign but the first letter."""
    return word[:1] + _SIGN_OR_VOWEL.sub("*", word[1:])


def _lengths(word: str) -> list[int]:
    return [len(run.group()) for run in _RUNS.finditer(word)]


def _fits(pattern: str, word: str) -> bool:
    return all(shown == letter or _SIGN.match(shown) for shown, letter in zip(pattern, word, strict=True))
