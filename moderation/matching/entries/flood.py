"""Floods: an entry that suddenly matches far more than it used to. Pure.

A banned picture is posted again now and then, and more often for some days. An entry that matched twice a week and
matches hundreds of times in an hour is more likely wrong than right: an icon, a blank page or a meme that was banned by
mistake, or a hash that was made to collide with what everybody posts. Then a person should look before it acts.
"""

import math
from dataclasses import dataclass

from moderation.domain.ids import EntryId

RECENT_HOURS = 2
"""What "suddenly" is: this hour, which has begun, and the one before."""
HISTORY_HOURS = 14 * 24
"""How long before that its history reaches at most."""
MIN_HISTORY_HOURS = 24
"""A younger entry has no history to speak of: copies of what was just banned are why it was."""
MIN_MATCHES = 100
"""Fewer recent matches are no flood, whatever they were before."""
MIN_RATIO = 5.0
"""A flood is at least this many times as frequent as before."""
MAX_PROBABILITY = 1e-9
"""Of a million entries, looked at every ten minutes for a year, fifty would be demoted by chance at this limit, if all
of them matched a hundred times in two hours; they hardly ever do."""
QUIET_HOURS = 7 * 24
"""After a flood an entry is not demoted again for so long: a person who lifted the demotion has decided."""


@dataclass(frozen=True, slots=True)
class MatchHistory:
    """How often an entry matched: `recent` times in the last `RECENT_HOURS`, `before` times in the `hours` before."""

    entry_id: EntryId
    bank: str
    recent: int
    before: int
    hours: int

    @property
    def ratio(self) -> float:
        """How many times as frequent it is as before; infinite where it never matched."""
        usual = self.before / self.hours if self.hours else 0.0
        return self.recent / RECENT_HOURS / usual if usual else math.inf


def is_flood(history: MatchHistory) -> bool:
    """Whether it matches so much more than before that chance does not explain it."""
    return (
        history.hours >= MIN_HISTORY_HOURS
        and history.recent >= MIN_MATCHES
        and history.ratio >= MIN_RATIO
        and probability(history) <= MAX_PROBABILITY
    )


def probability(history: MatchHistory) -> float:
    """The probability of at least so many recent matches if it matched as often as before.

    Given the sum of two Poisson counts, one of them is binomial with the share of its time: the exact conditional test
    of Przyborowski and Wilenski (1940), one-sided.
    """
    share = RECENT_HOURS / (RECENT_HOURS + history.hours)
    return upper_tail(history.recent, history.recent + history.before, share)


def upper_tail(least: int, tries: int, share: float) -> float:
    """P(X >= least) for X binomial with `tries` and `share` (0 to 1), summed up to where terms no longer count."""
    if least <= 0 or share >= 1.0:
        return 1.0
    if least > tries or share <= 0.0:
        return 0.0
    if least <= tries * share:
        return 1.0 - lower_part(least - 1, tries, share)
    return _sum(range(least, tries + 1), tries, share)


def lower_part(most: int, tries: int, share: float) -> float:
    """P(X <= most) for X binomial with `tries` and `share`."""
    return _sum(range(most, -1, -1), tries, share)


def _sum(values: range, tries: int, share: float) -> float:
    """Terms away from the mean: each is smaller than the last."""
    total = 0.0
    for value in values:
        term = math.exp(
            math.lgamma(tries + 1)
            - math.lgamma(value + 1)
            - math.lgamma(tries - value + 1)
            + value * math.log(share)
            + (tries - value) * math.log1p(-share)
        )
        total += term
        if term <= total * 1e-17:
            break
    return min(1.0, total)
