"""The slow obvious implementations: pair by pair, as the definitions are told, without any matrix."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations

from moderation.evaluation.agreement import Rating


def kappa(pairs: Sequence[tuple[str, str]]) -> Fraction | None:
    count = len(pairs)
    observed = Fraction(sum(first == second for first, second in pairs), count)
    chance = Fraction(sum(first == second for first, _ in pairs for _, second in pairs), count * count)
    return None if chance == 1 else (observed - chance) / (1 - chance)


def alpha(ratings: Sequence[Rating]) -> Fraction | None:
    values = pairable_values(ratings)
    pooled = [label for labels in values for label in labels]
    expected = disagreeing_share(pooled)
    return None if expected == 0 else 1 - observed_disagreement(values) / expected


def agreement(ratings: Sequence[Rating]) -> Fraction:
    return 1 - observed_disagreement(pairable_values(ratings))


def observed_disagreement(values: Sequence[Sequence[str]]) -> Fraction:
    """Each unit's share of disagreeing ordered pairs, weighted with its number of ratings."""
    total = sum(len(labels) for labels in values)
    return sum((disagreeing_share(labels) * len(labels) for labels in values), Fraction(0)) / total


def disagreeing_share(labels: Sequence[str]) -> Fraction:
    pairs = list(permutations(labels, 2))
    return Fraction(sum(first != second for first, second in pairs), len(pairs))


def pairable_values(ratings: Sequence[Rating]) -> list[list[str]]:
    units: dict[str, list[str]] = defaultdict(list)
    for rating in ratings:
        units[rating.unit].append(rating.label)
    return [labels for labels in units.values() if len(labels) > 1]
