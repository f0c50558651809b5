"""Puts texts that look alike into one group, so that copies never stand on both sides of a split.

Two texts look alike when they share at least `ALIKE` of their words (Jaccard index over word sets); groups are the
connected components. Candidates come from prefix filtering: sets that alike share one of their rarest words (Bayardo,
Ma and Srikant, "Scaling up all pairs similarity search", 2007).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

ALIKE = 0.7


def groups(keys: Sequence[str], alike: float = ALIKE) -> list[str]:
    """The group of each key, in order: the alphabetically first key of its component. `alike` is in 0..1."""
    names = sorted(set(keys))
    words = [frozenset(name.split()) for name in names]
    parents = list(range(len(names)))
    for one, other in _candidates(words, alike):
        root, second = _root(parents, one), _root(parents, other)
        if root != second and _jaccard(words[one], words[other]) >= alike:
            parents[max(root, second)] = min(root, second)
    firsts = {name: names[_root(parents, place)] for place, name in enumerate(names)}
    return [firsts[key] for key in keys]


def _candidates(words: Sequence[frozenset[str]], alike: float) -> Iterator[tuple[int, int]]:
    counts = Counter(word for words_of_one in words for word in words_of_one)
    holders: dict[str, list[int]] = defaultdict(list)
    for place, words_of_one in enumerate(words):
        ordered = sorted(words_of_one, key=lambda word: (counts[word], word))
        for word in ordered[: len(ordered) - math.ceil(alike * len(ordered)) + 1]:
            for earlier in holders[word]:
                if alike * len(words[earlier]) <= len(words_of_one) <= len(words[earlier]) / alike:
                    yield earlier, place
            holders[word].append(place)


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / (len(one | other) or 1)


def _root(parents: list[int], place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]
        place = parents[place]
    return place
