"""Finds terms in text by whole words, in time linear in the text: a trie of words, walked from every word."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from moderation.media.text import ELONGATED, Normalised, read
from moderation.signals.terms.document import Category, TermList, expand

_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_ELONGATED = re.compile(rf"([a-z])\1{{{ELONGATED - 1}}}")
_REPEATED = re.compile(r"([a-z])\1+")
_EDGE_DIGITS = "0123456789"
_ANY = "?"
_UNSPELLED = re.compile(r"[?{]|\* ")

RUN_LETTERS = 8
"""A run of fewer single letters is one word, matched as such."""
COMPACT_LETTERS = 4
COMPACT_SEVERITY = 2
"""Only clear terms of at least this length are looked for where words are not separated."""

CO_OCCURRENCE = {1: 2, 2: 3, 3: 3}
"""The minors severity by the adult severity found in the same post as a word for a child's age."""


@dataclass(frozen=True, slots=True)
class Term:
    """A phrase of a list. `category` None marks a harmless phrase, `age` a word for a child's age."""

    phrase: str
    category: Category | None
    severity: int
    age: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A term found at `text[start:end]` of the original text."""

    term: Term
    start: int
    end: int


@dataclass(slots=True)
class _Node:
    """A place in a trie; `ends` says that a set's phrase ends here."""

    children: dict[str, "_Node"] = field(default_factory=dict)
    sets: dict[str, "_Node"] = field(default_factory=dict)
    terms: list[Term] = field(default_factory=list)
    ends: bool = False


class _Shields:
    """Harmless phrases, asked for the ones around a hit: in order of their starts, with the furthest end so far."""

    def __init__(self, phrases: Iterable[Hit]) -> None:
        ordered = sorted((hit.start, hit.end) for hit in phrases)
        self._starts = [start for start, _ in ordered]
        self._furthest = list(accumulate((end for _, end in ordered), max))

    def cover(self, hit: Hit) -> bool:
        """Whether the hit lies inside a harmless phrase."""
        before = bisect_right(self._starts, hit.start)
        return before > 0 and self._furthest[before - 1] >= hit.end


class Matcher:
    """Term lists compiled into tries. Safe to use from several threads. Raises `ValueError` for a malformed list."""

    def __init__(self, lists: Sequence[TermList]) -> None:
        self._root = _Node()
        self._words: set[str] = set()
        self._sets: dict[str, _Node] = {}
        for name, alternatives in (item for document in lists for item in document.sets.items()):
            if name in self._sets:
                raise ValueError(f"two sets are called {name!r}")
            self._sets[name] = _Node()
            for phrase in alternatives.split("|"):
                self._add(self._sets[name], phrase).ends = True
        for phrase, term in (item for document in lists for item in _terms(document)):
            self._add(self._root, phrase).terms.append(term)
        self._compact = {
            phrase.replace(" ", "").rstrip("*"): term
            for phrase, term in (item for document in lists for item in _terms(document))
            if term.severity >= COMPACT_SEVERITY and not _UNSPELLED.search(phrase)
        }
        self._compact_lengths = sorted({len(letters) for letters in self._compact if len(letters) >= COMPACT_LETTERS})
        self._prefixes = frozenset(word[:-1] for word in self._words if word.endswith("*"))
        self._prefix_lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._squeezed: dict[str, list[str]] = {}
        for word in self._words:
            self._squeezed.setdefault(_squeeze(word), []).append(word)

    def hits(self, text: str) -> list[Hit]:
        """Every term in any reading of `text`, by position; those inside a harmless phrase are left out."""
        readings = read(text)
        found = {hit for reading in readings.texts for hit in self._scan(reading)}
        found.update(hit for run in readings.runs for hit in self._scan_run(run))
        shields = _Shields(hit for hit in found if hit.term.category is None)
        kept = [hit for hit in found if hit.term.category is not None and not shields.cover(hit)]
        return sorted(kept, key=lambda hit: (hit.start, hit.end, hit.term.phrase))

    def _add(self, node: _Node, phrase: str) -> _Node:
        for word in phrase.split():
            if word.startswith("{"):
                if word[1:-1] not in self._sets:
                    raise ValueError(f"{phrase!r}: no set is called {word}")
                node = node.sets.setdefault(word[1:-1], _Node())
            else:
                node = node.children.setdefault(word, _Node())
                self._words.add(word)
        return node

    def _scan(self, reading: Normalised) -> Iterator[Hit]:
        tokens = [(token.start(), token.end(), self._known(token.group())) for token in _TOKEN.finditer(reading.text)]
        words = [known for _, _, known in tokens]
        for index, (first, _, known) in enumerate(tokens):
            if known:
                for term, last in self._walk(self._root, words, index):
                    yield Hit(term, *reading.span(first, tokens[last][1]))

    def _scan_run(self, run: Normalised) -> Iterator[Hit]:
        """Terms in a run of single letters, where the ends of words are lost; short ones only at the run's ends."""
        size = len(run.text)
        if size < RUN_LETTERS:
            return
        for start in range(size):
            for length in self._compact_lengths:
                term = self._compact.get(run.text[start : start + length]) if start + length <= size else None
                if term is not None and (length > COMPACT_LETTERS or start == 0 or start + length == size):
                    yield Hit(term, *run.span(start, start + length))

    def _walk(self, node: _Node, words: Sequence[Sequence[str]], index: int) -> Iterator[tuple[Term, int]]:
        """Terms on the way on from `node` by the words from `index` on, each with the index of its last word."""
        for child, last in self._steps(node, words, index):
            for term in child.terms:
                yield term, last
            yield from self._walk(child, words, last + 1)
        gap = node.children.get(_ANY)
        if gap is not None:
            yield from self._walk(gap, words, index)
            yield from self._walk(gap, words, index + 1)

    def _steps(self, node: _Node, words: Sequence[Sequence[str]], index: int) -> Iterator[tuple[_Node, int]]:
        """The nodes that one word, or one phrase of a set, leads to."""
        if index >= len(words):
            return
        for word in words[index]:
            child = node.children.get(word)
            if child is not None:
                yield child, index
        for name, child in node.sets.items():
            for last in self._ends(self._sets[name], words, index):
                yield child, last

    def _ends(self, node: _Node, words: Sequence[Sequence[str]], index: int) -> Iterator[int]:
        """Where phrases of a set that start at `index` end."""
        for child, last in self._steps(node, words, index):
            if child.ends:
                yield last
            yield from self._ends(child, words, last + 1)

    def _known(self, token: str) -> tuple[str, ...]:
        """The words of the lists that a token can be read as; usually none."""
        word, _, ending = token.partition("'")
        if ending and ending != "s":
            word += ending
        found = [word] if word in self._words else []
        found += [f"{word[:length]}*" for length in self._prefix_lengths if word[:length] in self._prefixes]
        if found:
            return tuple(found)
        if _ELONGATED.search(word):
            return self._elongated(word)
        stripped = word.strip(_EDGE_DIGITS)
        return (stripped,) if stripped != word and stripped in self._words else ()

    def _elongated(self, word: str) -> tuple[str, ...]:
        """The words that `word` holds letters of for longer, `porn*` and the like by either length of the letter."""
        whole = [known for known in self._squeezed.get(_squeeze(word), ()) if _stretches(word, known)]
        shorter = {_ELONGATED.sub(r"\1", word), _ELONGATED.sub(r"\1\1", word)}
        starts = {f"{start[:length]}*" for start in shorter for length in self._prefix_lengths}
        return (*whole, *sorted(starts & self._words))


def severities(hits: Iterable[Hit]) -> dict[Category, int]:
    """The highest severity for each category, 0 where nothing was found."""
    found = dict.fromkeys(Category, 0)
    for hit in hits:
        if hit.term.category is not None:
            found[hit.term.category] = max(found[hit.term.category], hit.term.severity)
    return found


def _terms(document: TermList) -> Iterator[tuple[str, Term]]:
    for group in document.groups:
        for pattern in group.terms:
            for phrase in expand(pattern):
                yield phrase, Term(phrase, document.category, group.severity)
    for pattern in document.harmless:
        for phrase in expand(pattern):
            yield phrase, Term(phrase, None, 0)
    for pattern in document.ages:
        for phrase in expand(pattern):
            yield phrase, Term(phrase, document.category, 1, age=True)


def _squeeze(word: str) -> str:
    return _REPEATED.sub(r"\1", word)


def _stretches(token: str, word: str) -> bool:
    """Whether `token` is `word` with letters held longer: each run as long as the word's, or at least three."""
    runs = [run.group() for run in re.finditer(r"(.)\1*", token)]
    own = [run.group() for run in re.finditer(r"(.)\1*", word)]
    return len(runs) == len(own) and all(
        run[0] == ours[0] and (len(run) == len(ours) or len(run) >= ELONGATED)
        for run, ours in zip(runs, own, strict=True)
    )
