from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.bank import MIN_INLIERS, TIER_ORDER, VERIFIED_BITS, Bank, BankEffect, Opinion, Tier
from moderation.matching.tiers import (
    Facts,
    effect_of,
    rank,
    silenced,
    tier_of,
    trusted,
    verified_bits,
    wanted_bits,
    wants_keypoints,
    wants_secondary,
)

BLOCK = Bank("blocked", BankEffect.BLOCK)
ALLOW = Bank("logos", BankEffect.ALLOW)
NEAR = Facts(10, 100, 100)

banks = st.builds(
    Bank,
    st.just("bank"),
    st.sampled_from(BankEffect),
    distance_bits=st.integers(0, 31),
    min_quality=st.integers(0, 100),
    review_bits=st.integers(0, 64),
    secondary_bits=st.none() | st.integers(0, 16),
    verify=st.booleans(),
    enabled=st.booleans(),
)
facts = st.builds(
    Facts,
    st.integers(0, 256),
    st.integers(0, 100),
    st.integers(0, 100),
    st.none() | st.tuples(st.integers(0, 64), st.integers(0, 64)),
    st.none() | st.integers(0, 500),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("distance", "tier"), [(0, Tier.AUTOMATIC), (31, Tier.AUTOMATIC), (32, Tier.REVIEW), (64, Tier.REVIEW), (65, None)]
)
def test_the_tier_follows_the_banks_distances(distance: int, tier: Tier | None) -> None:
    assert tier_of(replace(NEAR, distance_bits=distance), BLOCK) is tier


@pytest.mark.parametrize(("secondary", "tier"), [((10, 10), Tier.REVIEW), ((10, 11), None), ((0, 64), None)])
def test_phash_and_dhash_count_only_together(secondary: tuple[int, int], tier: Tier | None) -> None:
    assert tier_of(replace(NEAR, distance_bits=120, secondary=secondary), BLOCK) is tier


@pytest.mark.parametrize(
    ("distance", "inliers", "tier"),
    [
        (VERIFIED_BITS, MIN_INLIERS, Tier.VERIFIED),
        (VERIFIED_BITS + 1, MIN_INLIERS, None),
        (VERIFIED_BITS, MIN_INLIERS - 1, None),
        (60, MIN_INLIERS - 1, Tier.REVIEW),
        (60, 400, Tier.VERIFIED),
    ],
)
def test_keypoints_make_a_wide_candidate_sure(distance: int, inliers: int, tier: Tier | None) -> None:
    assert tier_of(replace(NEAR, distance_bits=distance, inliers=inliers), BLOCK) is tier


@pytest.mark.parametrize(("picture", "entry"), [(49, 100), (100, 49), (0, 0)])
@given(found=facts)
def test_below_the_banks_quality_nothing_matches(picture: int, entry: int, found: Facts) -> None:
    assert tier_of(replace(found, picture_quality=picture, entry_quality=entry), BLOCK) is None


@pytest.mark.parametrize("opinion", [opinion for opinion in Opinion if opinion is not Opinion.POSITIVE])
def test_only_positive_opinions_and_entries_that_are_not_demoted_are_trusted(opinion: Opinion) -> None:
    assert trusted(Opinion.POSITIVE, demoted=False)
    assert not trusted(Opinion.POSITIVE, demoted=True)
    assert not trusted(opinion, demoted=False)


@given(found=facts, bank=banks)
def test_what_is_not_trusted_matches_for_review_at_most(found: Facts, bank: Bank) -> None:
    assert tier_of(replace(found, trusted=False), bank) in {None, Tier.REVIEW}
    sure = tier_of(replace(found, trusted=True), bank)
    if bank.effect is not BankEffect.ALLOW:
        assert (tier_of(replace(found, trusted=False), bank) is None) == (sure is None)


@given(found=facts, bank=banks)
def test_allowing_banks_match_automatically_or_not_at_all(found: Facts, bank: Bank) -> None:
    assert tier_of(found, replace(bank, effect=BankEffect.ALLOW)) in {None, Tier.AUTOMATIC}


@given(found=facts, bank=banks, nearer=st.integers(0, 256))
def test_a_nearer_entry_is_never_less_sure(found: Facts, bank: Bank, nearer: int) -> None:
    far, near = tier_of(found, bank), tier_of(replace(found, distance_bits=min(nearer, found.distance_bits)), bank)
    places: list[Tier | None] = [*TIER_ORDER, None]
    assert places.index(near) <= places.index(far)


@given(found=facts, bank=banks)
def test_what_a_bank_wants_covers_whatever_matches(found: Facts, bank: Bank) -> None:
    tier = tier_of(found, bank)
    if tier is None:
        return
    near = found.distance_bits <= wanted_bits(bank)
    compared = found.distance_bits <= verified_bits(bank) and found.inliers is not None
    bits = wants_secondary([bank])
    secondary = bits is not None and found.secondary is not None and max(found.secondary) <= bits
    assert near or compared or secondary


@given(found=facts, bank=banks)
def test_keypoints_are_wanted_wherever_they_could_make_a_match_surer(found: Facts, bank: Bank) -> None:
    without, agreeing = replace(found, inliers=None), replace(found, inliers=MIN_INLIERS)
    if tier_of(without, bank) is not tier_of(agreeing, bank):
        assert wants_keypoints(without, bank)


@given(found=facts, bank=banks)
def test_a_bank_that_is_not_enabled_matches_nothing(found: Facts, bank: Bank) -> None:
    off = replace(bank, enabled=False)
    assert tier_of(found, off) is None
    assert (wanted_bits(off), verified_bits(off), wants_secondary([off])) == (-1, -1, None)


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("effect", BankEffect)
def test_only_a_blocking_bank_does_less_in_the_review_tier(effect: BankEffect, tier: Tier) -> None:
    expected = BankEffect.REVIEW if (effect, tier) == (BankEffect.BLOCK, Tier.REVIEW) else effect
    assert effect_of(Bank("bank", effect), tier) is expected


@given(distance=st.integers(0, 256), allowed=st.lists(st.integers(0, 31)))
def test_an_allowed_match_silences_only_what_is_no_nearer(distance: int, allowed: list[int]) -> None:
    assert silenced(distance, allowed) is any(bits <= distance for bits in allowed)


def test_the_strictest_effect_comes_first_then_the_surest_tier_then_the_nearest() -> None:
    order = [
        rank(BankEffect.BLOCK, Tier.AUTOMATIC, 9),
        rank(BankEffect.BLOCK, Tier.VERIFIED, 3),
        rank(BankEffect.REVIEW, Tier.AUTOMATIC, 0),
        rank(BankEffect.REVIEW, Tier.REVIEW, 40),
        rank(BankEffect.REVIEW, Tier.REVIEW, 41),
        rank(BankEffect.DUPLICATE, Tier.AUTOMATIC, 0),
        rank(BankEffect.ALLOW, Tier.AUTOMATIC, 0),
    ]
    assert order == sorted(order)
