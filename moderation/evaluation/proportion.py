"""A share of trials with an interval that stays honest for few trials and for shares near 0 and 1."""

from dataclasses import dataclass
from statistics import NormalDist

DEFAULT_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share and its interval, all in [0, 1]; all three are None when there was no trial."""

    value: float | None
    low: float | None
    high: float | None
    successes: int
    trials: int


def wilson(successes: int, trials: int, *, confidence: float = DEFAULT_CONFIDENCE) -> Proportion:
    """The share `successes / trials` with Wilson's score interval at `confidence` (0 to 1, exclusive).

    With p the share, n the trials and z the two-sided normal quantile, the bounds are
    `(p + z²/2n ± z·sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)`, cut to [0, 1]. The interval always contains the share
    and is never empty, also for 0 of n and n of n.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927);
    recommended for few trials by Brown, Cai and DasGupta, "Interval estimation for a binomial proportion" (2001).

    Raises ValueError unless 0 ≤ successes ≤ trials and 0 < confidence < 1.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is not a share.")
    if not 0 < confidence < 1:
        raise ValueError(f"The confidence {confidence} is not between 0 and 1.")
    if trials == 0:
        return Proportion(None, None, None, successes, trials)
    share = successes / trials
    square = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2
    centre = share + square / (2 * trials)
    half = (square * (share * (1 - share) / trials + square / (4 * trials**2))) ** 0.5
    scale = 1 + square / trials
    low, high = (centre - half) / scale, (centre + half) / scale
    return Proportion(share, max(0.0, min(low, share)), min(1.0, max(high, share)), successes, trials)
