"""Finds terms in text by whole words, in time linear in the text: a trie of words, walked from every word."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from moderation.media.text import ELONGATED, Normalised, readings
from moderation.signals.terms.document import Category, TermList, expand

_TOKEN = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_ELONGATED = re.compile(rf"([a-z])\1{{{ELONGATED - 1}}}")
_REPEATED = re.compile(r"([a-z])\1+")
_EDGE_DIGITS = "0123456789"
_ANY = "?"

CO_OCCURRENCE = {1: 2, 2: 3, 3: 3}
"""The minors severity by the adult severity found in the same post as a word for a child's age."""


@dataclass(frozen=True, slots=True)
class Term:
    """A phrase of a list. `category` None marks a harmless phrase, severity 0 a word for a child's age."""

    phrase: str
    category: Category | None
    severity: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A term found at `text[start:end]` of the original text."""

    term: Term
    start: int
    end: int


@dataclass(slots=True)
class _Node:
    children: dict[str, "_Node"] = field(default_factory=dict)
    terms: list[Term] = field(default_factory=list)


class Matcher:
    """Term lists compiled into one trie. Safe to use from several threads."""

    def __init__(self, lists: Sequence[TermList]) -> None:
        self._root = _Node()
        self._words: set[str] = set()
        for document in lists:
            for phrase, term in _terms(document):
                self._add(phrase.split(), term)
        self._prefixes = frozenset(word[:-1] for word in self._words if word.endswith("*"))
        self._prefix_lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._squeezed: dict[str, list[str]] = {}
        for word in self._words:
            self._squeezed.setdefault(_squeeze(word), []).append(word)

    def hits(self, text: str) -> list[Hit]:
        """Every term in any reading of `text`, by position; those inside a harmless phrase are left out."""
        found = {hit for reading in readings(text) for hit in self._scan(reading)}
        harmless = [hit for hit in found if hit.term.category is None]
        kept = [
            hit
            for hit in found
            if hit.term.category is not None
            and not any(shield.start <= hit.start and hit.end <= shield.end for shield in harmless)
        ]
        return sorted(kept, key=lambda hit: (hit.start, hit.end, hit.term.phrase))

    def _add(self, words: list[str], term: Term) -> None:
        node = self._root
        for word in words:
            node = node.children.setdefault(word, _Node())
        node.terms.append(term)
        self._words.update(word for word in words if word != _ANY)

    def _scan(self, reading: Normalised) -> Iterator[Hit]:
        tokens = [(token.start(), token.end(), self._known(token.group())) for token in _TOKEN.finditer(reading.text)]
        words = [known for _, _, known in tokens]
        for index, (first, _, known) in enumerate(tokens):
            for word in known:
                node = self._root.children.get(word)
                if node is None:
                    continue
                for term, last in self._walk(node, words, index):
                    start, end = reading.span(first, tokens[last][1])
                    yield Hit(term, start, end)

    def _walk(self, node: _Node, words: Sequence[Sequence[str]], last: int) -> Iterator[tuple[Term, int]]:
        """Terms that end at `node` or after it; `last` is the index of the word that led there."""
        for term in node.terms:
            yield term, last
        following = last + 1
        if following < len(words):
            for word in words[following]:
                if word in node.children:
                    yield from self._walk(node.children[word], words, following)
        gap = node.children.get(_ANY)
        if gap is not None:
            yield from self._walk(gap, words, last)
            if following < len(words):
                yield from self._walk(gap, words, following)

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
            return tuple(known for known in self._squeezed.get(_squeeze(word), ()) if _stretches(word, known))
        stripped = word.strip(_EDGE_DIGITS)
        return (stripped,) if stripped != word and stripped in self._words else ()


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
            yield phrase, Term(phrase, document.category, 0)


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
