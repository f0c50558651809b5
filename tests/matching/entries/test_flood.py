import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.ids import EntryId
from moderation.matching.entries.flood import (
    MAX_PROBABILITY,
    MIN_HISTORY_HOURS,
    MIN_MATCHES,
    MatchHistory,
    is_flood,
    probability,
    upper_tail,
)


def history(recent: int, before: int, hours: int = 336) -> MatchHistory:
    return MatchHistory(EntryId("entry"), "blocked", recent, before, hours)


def exactly(least: int, tries: int, share: Fraction) -> Fraction:
    return sum(
        (math.comb(tries, value) * share**value * (1 - share) ** (tries - value) for value in range(least, tries + 1)),
        Fraction(0),
    )


@given(least=st.integers(0, 40), tries=st.integers(0, 40), parts=st.integers(1, 19))
def test_the_tail_is_that_of_the_binomial_distribution(least: int, tries: int, parts: int) -> None:
    share = Fraction(parts, 20)
    expected = float(exactly(least, tries, share))
    assert upper_tail(least, tries, float(share)) == pytest.approx(expected, rel=1e-9, abs=1e-14)


@pytest.mark.parametrize(
    ("found", "flood"),
    [
        (history(MIN_MATCHES, 0), True),
        (history(MIN_MATCHES - 1, 0), False),
        (history(5_000, 3), True),
        (history(MIN_MATCHES, 336 * 50), False),
        (history(120, 336 * 13), False),
        (history(MIN_MATCHES, 0, MIN_HISTORY_HOURS), True),
        (history(MIN_MATCHES, 0, MIN_HISTORY_HOURS - 1), False),
        (history(10_000, 0, 0), False),
        (history(2_000_000, 1_000_000), True),
        (history(200_000, 16_800_000), False),
    ],
)
def test_a_flood_is_many_matches_that_the_history_does_not_explain(found: MatchHistory, flood: bool) -> None:
    assert is_flood(found) is flood


@given(recent=st.integers(0, 3_000), before=st.integers(0, 3_000), hours=st.integers(1, 336))
def test_more_matches_are_never_less_of_a_flood(recent: int, before: int, hours: int) -> None:
    if is_flood(history(recent, before, hours)):
        assert is_flood(history(recent + 1, before, hours))
        assert before == 0 or is_flood(history(recent, before - 1, hours))


@given(recent=st.integers(0, 500), before=st.integers(0, 500), hours=st.integers(1, 336))
def test_a_probability_is_one(recent: int, before: int, hours: int) -> None:
    assert 0.0 <= probability(history(recent, before, hours)) <= 1.0


def test_an_entry_that_always_matched_so_often_is_no_flood() -> None:
    steady = history(2_000, 1_000 * 336)
    assert probability(steady) > MAX_PROBABILITY
    assert not is_flood(steady)
