"""How far people who judged the same things agree, beyond what chance alone would give.

All three coefficients are functions of sums over units (posts), so that the bootstrap can draw whole units: ratings of
one post are not independent of each other. Where a coefficient is undefined the answer is None with the reason, never
NaN and never a flattering 1.0.

A percentile interval of few units is too narrow, and it is [1, 1] where nobody ever disagreed: show it beside the
number of units.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from moderation.evaluation.bootstrap import Columns, Resampling, Statistic, percentile_interval

MIN_UNITS = 2
MIN_RATINGS = 2
"""A unit with fewer ratings has no pair to compare."""

DEFAULT_RESAMPLING = Resampling()


class Undefined(StrEnum):
    """Why there is no coefficient."""

    NO_PAIRS = "no_pairs"
    TOO_FEW_UNITS = "too_few_units"
    ONE_LABEL = "one_label"


@dataclass(frozen=True, slots=True)
class Rating:
    """One person's label for one unit."""

    unit: str
    rater: str
    label: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """A coefficient, at most 1, and its interval, which contains it.

    `units` counts the units that at least two raters rated, and `raters` the people who rated those. `value` is None
    where the coefficient is `undefined`; `low` and `high` are None then, and where too many resamplings are undefined.
    """

    value: float | None
    low: float | None
    high: float | None
    units: int
    raters: int
    undefined: Undefined | None = None


def cohens_kappa(pairs: Sequence[tuple[str, str]], *, resampling: Resampling = DEFAULT_RESAMPLING) -> Agreement:
    """Cohen's kappa of two raters; each pair holds the first and the second rater's label of one unit.

    `κ = (p_o - p_e) / (1 - p_e)`, with p_o the share of units with equal labels and p_e the sum over labels of the
    product of both raters' shares. In [-1, 1]; 0 is what chance gives. Undefined when both used one and the same
    label only.

    Source: J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20
    (1960).
    """
    first, second = _codes(label for pair in pairs for label in pair).reshape(-1, 2).T
    labels = max(first.max(initial=-1), second.max(initial=-1)) + 1
    agrees = (first == second).astype(np.float64)
    rows = np.column_stack((agrees, _one_hot(first, labels), _one_hot(second, labels)))
    return _with_interval(rows, _kappa, raters=2, resampling=resampling)


def krippendorffs_alpha(ratings: Sequence[Rating], *, resampling: Resampling = DEFAULT_RESAMPLING) -> Agreement:
    """Krippendorff's alpha for nominal labels; any number of raters, any of whom may have left out any unit.

    `alpha = 1 - D_o / D_e`. With n_uc ratings of unit u with label c, n_u of unit u, n_c with label c and n in
    all (units with one rating left out): `D_o = Σ_u Σ_c n_uc (n_u - n_uc) / (n_u - 1) / n` and
    `D_e = Σ_c n_c (n - n_c) / (n (n - 1))`. At most 1; 0 is what chance gives; below 0 raters disagree
    systematically. Undefined when only one label was used.

    Source: K. Krippendorff, "Content Analysis" (2nd edition 2004), chapter 11; the same, "Computing Krippendorff's
    Alpha-Reliability" (2011), section C.

    Raises ValueError when a rater rated a unit twice.
    """
    counts, raters = _pairable(ratings)
    return _with_interval(_disagreement_rows(counts), _alpha, raters=raters, resampling=resampling)


def percent_agreement(ratings: Sequence[Rating], *, resampling: Resampling = DEFAULT_RESAMPLING) -> Agreement:
    """The share of agreement before any correction for chance, in [0, 1]: `1 - D_o` of `krippendorffs_alpha`.

    For two raters who rated every unit this is the share of units with equal labels; otherwise each unit weighs as
    much as it has ratings. Defined for a single label too.

    Raises ValueError when a rater rated a unit twice.
    """
    counts, raters = _pairable(ratings)
    return _with_interval(_disagreement_rows(counts), _agreeing_share, raters=raters, resampling=resampling)


def _with_interval(rows: Columns, statistic: Statistic, *, raters: int, resampling: Resampling) -> Agreement:
    """The coefficient of all units; its interval is widened to the estimate, which a skewed bootstrap can miss."""
    units = len(rows)
    if units < MIN_UNITS:
        reason = Undefined.TOO_FEW_UNITS if units else Undefined.NO_PAIRS
        return Agreement(None, None, None, units, raters, reason)
    value = float(statistic(rows.sum(axis=0, keepdims=True))[0])
    if np.isnan(value):
        return Agreement(None, None, None, units, raters, Undefined.ONE_LABEL)
    interval = percentile_interval(rows, statistic, resampling)
    if interval is None:
        return Agreement(value, None, None, units, raters)
    return Agreement(value, min(interval[0], value), max(interval[1], value), units, raters)


def _kappa(sums: Columns) -> Columns:
    """Kappa from (agreements, the first rater's label counts, the second's), shape (rounds, 1 + 2 labels)."""
    first, second = np.split(sums[:, 1:], 2, axis=1)
    units = first.sum(axis=1)
    chance = (first * second).sum(axis=1)
    return _ratio(units * sums[:, 0] - chance, units * units - chance)


def _alpha(sums: Columns) -> Columns:
    """Alpha from (disagreement, label counts), shape (rounds, 1 + labels)."""
    counts = sums[:, 1:]
    total = counts.sum(axis=1)
    expected = total * total - (counts * counts).sum(axis=1)
    return 1 - _ratio((total - 1) * sums[:, 0], expected)


def _agreeing_share(sums: Columns) -> Columns:
    return 1 - _ratio(sums[:, 0], sums[:, 1:].sum(axis=1))


def _ratio(over: Columns, under: Columns) -> Columns:
    """`over / under`, NaN where `under` is 0. Denominators are integers, so that 0 is exact."""
    return np.divide(over, under, out=np.full_like(over, np.nan), where=under != 0)


def _disagreement_rows(counts: Columns) -> Columns:
    """For each unit its share of D_o, then its label counts: shape (units, 1 + labels)."""
    ratings = counts.sum(axis=1, keepdims=True)
    disagreement = (counts * (ratings - counts)).sum(axis=1, keepdims=True) / (ratings - 1)
    return np.hstack((disagreement, counts))


def _pairable(ratings: Sequence[Rating]) -> tuple[Columns, int]:
    """How often each unit got each label, shape (units, labels), and how many raters gave them.

    Units with fewer than two ratings are left out.
    """
    if len({(rating.unit, rating.rater) for rating in ratings}) < len(ratings):
        raise ValueError("A rater rated the same unit twice.")
    units, raters = _codes(rating.unit for rating in ratings), _codes(rating.rater for rating in ratings)
    keep = (np.bincount(units) >= MIN_RATINGS)[units] if len(units) else np.zeros(0, dtype=np.bool_)
    labels = _codes(rating.label for rating, kept in zip(ratings, keep, strict=True) if kept)
    _, rows = np.unique(units[keep], return_inverse=True)
    counts = np.zeros((int(rows.max(initial=-1)) + 1, int(labels.max(initial=-1)) + 1))
    np.add.at(counts, (rows, labels), 1)
    return counts, len(np.unique(raters[keep]))


def _codes(values: Iterable[str]) -> NDArray[np.intp]:
    """Each value's place among the distinct values in alphabetical order, so that no order of the input matters."""
    given = list(values)
    numbers = {value: number for number, value in enumerate(sorted(set(given)))}
    return np.array([numbers[value] for value in given], dtype=np.intp)


def _one_hot(codes: NDArray[np.intp], labels: int) -> Columns:
    return np.eye(labels)[codes]
