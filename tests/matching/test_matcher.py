"""The matcher over banks in memory. How it loads, follows and recovers is in `test_contents`."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import cv2
import numpy as np
import pytest

from moderation.domain.bank import MIN_INLIERS, Bank, BankEffect, Opinion, Tier
from moderation.domain.errors import CorruptIndexError, InvalidInputError, NotFoundError, UnavailableError
from moderation.matching.geometry.keypoints import keypoints_of, pack
from moderation.matching.geometry.verification import BATCH_SECONDS, MAX_CANDIDATES
from moderation.matching.hashes.frame_hashes import FrameHashes, hashes_of
from moderation.matching.hashes.orientations import ORIENTATIONS, Orientation, turned
from moderation.matching.hashes.secondary import to_hex64
from moderation.matching.hits import Hit, Matched
from moderation.matching.matcher import MAX_HITS, Matcher
from moderation.matching.weighing.candidates import FIRST_LIMIT
from moderation.matching.weighing.recall import Proposals, Recall
from moderation.media.subject import Rgb
from tests.factories import NOW
from tests.matching.memory_banks import ALLOW, BLOCK, DUPLICATE, REVIEW, MemoryBanks, some_hashes

PICTURE = some_hashes(1)
CODE = PICTURE.pdq[0]


def matcher(banks: MemoryBanks, now: datetime = NOW) -> Matcher:
    return Matcher(banks, clock=lambda: now)


def match(banks: MemoryBanks, *frames: FrameHashes, now: datetime = NOW) -> Matched:
    [matched] = matcher(banks, now).match([frames or (PICTURE,)], None)
    return matched


def hit(banks: MemoryBanks, *frames: FrameHashes, now: datetime = NOW) -> Hit:
    [found] = match(banks, *frames, now=now).hits
    return found


def photograph(seed: int = 3) -> Rgb:
    """A picture with corners."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    noisy: Rgb = np.clip(smooth + random.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8)
    return noisy


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("trimmed", [False, True])
def test_every_view_of_a_picture_is_searched(orientation: Orientation, trimmed: bool) -> None:
    picture = some_hashes(1, trimmed=some_hashes(2).pdq, trimmed_quality=90)
    views = picture.trimmed if trimmed else picture.pdq
    assert views is not None
    banks = MemoryBanks()
    entry = banks.add(views[ORIENTATIONS.index(orientation)], flipped=7, quality=80)
    found = hit(banks, picture)
    assert (found.entry, found.bank, found.effect, found.tier) == (entry, BLOCK, BankEffect.BLOCK, Tier.AUTOMATIC)
    assert (found.orientation, found.trimmed, found.distance_bits, found.frame) == (orientation, trimmed, 7, 0)


@pytest.mark.parametrize(
    ("flipped", "tier", "effect"),
    [
        (31, Tier.AUTOMATIC, BankEffect.BLOCK),
        (32, Tier.REVIEW, BankEffect.REVIEW),
        (64, Tier.REVIEW, BankEffect.REVIEW),
        (65, None, None),
    ],
)
def test_a_blocking_bank_asks_for_a_person_where_the_match_is_not_sure(
    flipped: int, tier: Tier | None, effect: BankEffect | None
) -> None:
    banks = MemoryBanks()
    banks.add(CODE, flipped=flipped)
    hits = match(banks).hits
    assert [(one.tier, one.effect) for one in hits] == ([] if tier is None else [(tier, effect)])


def test_the_best_view_counts_and_each_entry_once_for_a_frame() -> None:
    near = replace(PICTURE, trimmed=PICTURE.pdq, trimmed_quality=100)
    banks = MemoryBanks()
    banks.add(CODE, flipped=2)
    assert (hit(banks, near).trimmed, hit(banks, near).distance_bits) == (False, 2)
    frames = match(banks, near, some_hashes(9), near).hits
    assert [one.frame for one in frames] == [0, 2]


def test_a_view_of_low_quality_says_nothing_while_another_does() -> None:
    banks = MemoryBanks()
    banks.add(CODE)
    flat = replace(PICTURE, quality=10)
    assert match(banks, flat).hits == ()
    bordered = replace(flat, trimmed=PICTURE.pdq, trimmed_quality=90)
    assert hit(banks, bordered).trimmed


def test_secondary_hashes_find_what_pdq_does_not_and_the_distance_is_told() -> None:
    banks = MemoryBanks()
    banks.add(some_hashes(7).pdq[0], phash=to_hex64(PICTURE.phash ^ 0b111), dhash=to_hex64(PICTURE.dhash ^ (1 << 60)))
    found = hit(banks)
    assert (found.tier, found.effect, found.orientation) == (Tier.REVIEW, BankEffect.REVIEW, Orientation.UPRIGHT)
    assert found.distance_bits == int(np.bitwise_count(some_hashes(7).pdq[0] ^ CODE).sum())
    banks.define(replace(BLOCK, secondary_bits=2), "update")
    assert match(banks).hits == ()
    banks.define(replace(BLOCK, secondary_bits=None), "update")
    assert match(banks).hits == ()


@pytest.mark.parametrize(("allowed", "kept"), [(9, True), (10, False), (11, False)])
def test_an_allowed_match_silences_what_is_no_nearer(allowed: int, kept: bool) -> None:
    banks = MemoryBanks()
    banks.add(CODE, ALLOW, flipped=10)
    for bank in (BLOCK, REVIEW, DUPLICATE):
        banks.add(CODE, bank, flipped=allowed)
    effects = [one.effect for one in match(banks).hits]
    assert effects == ([BankEffect.BLOCK, BankEffect.REVIEW, BankEffect.DUPLICATE] if kept else []) + [BankEffect.ALLOW]


def test_an_allowed_frame_silences_no_other_frame() -> None:
    other = some_hashes(2)
    banks = MemoryBanks()
    banks.add(CODE, ALLOW)
    banks.add(other.pdq[0], BLOCK, flipped=3)
    assert [one.effect for one in match(banks, PICTURE, other).hits] == [BankEffect.BLOCK, BankEffect.ALLOW]


@pytest.mark.parametrize("facts", [{"opinion": Opinion.DISPUTED}, {"opinion": Opinion.NEGATIVE}, {"demoted": True}])
def test_an_entry_that_is_not_trusted_neither_blocks_nor_silences(facts: dict[str, Any]) -> None:
    banks = MemoryBanks()
    banks.add(CODE, BLOCK, **facts)
    banks.add(CODE, ALLOW, **facts)
    assert [(one.effect, one.tier) for one in match(banks).hits] == [(BankEffect.REVIEW, Tier.REVIEW)]


def test_entries_match_from_when_they_begin_until_they_expire() -> None:
    banks = MemoryBanks()
    hour = timedelta(hours=1)
    entry = banks.add(CODE, disable_until=NOW, expires_at=NOW + hour)
    assert match(banks, now=NOW - timedelta(microseconds=1)).hits == ()
    assert hit(banks, now=NOW).entry == entry
    assert match(banks, now=NOW + hour).hits == ()
    assert match(banks, now=NOW).at == NOW
    assert entry.active(NOW)
    assert not entry.active(NOW + hour)


def test_banks_that_are_not_enabled_or_have_other_distances() -> None:
    banks = MemoryBanks(Bank("strict", BankEffect.BLOCK, distance_bits=4, review_bits=4), replace(BLOCK, enabled=False))
    banks.add(CODE, BLOCK)
    assert match(banks).hits == ()
    banks.add(CODE, Bank("strict", BankEffect.BLOCK), flipped=5)
    assert match(banks).hits == ()
    banks.define(Bank("strict", BankEffect.BLOCK, distance_bits=5), "update")
    assert hit(banks).distance_bits == 5


def test_a_viral_picture_hides_no_other_entry() -> None:
    banks = MemoryBanks()
    for _ in range(FIRST_LIMIT + 50):
        banks.add(CODE, DUPLICATE)
    banks.add(CODE, BLOCK, flipped=30)
    matched = match(banks)
    assert matched.hits[0].effect is BankEffect.BLOCK
    assert (len(matched.hits), matched.capped) == (MAX_HITS, True)


def test_what_was_added_matches_and_what_was_removed_does_not_from_the_next_refresh_on() -> None:
    banks = MemoryBanks()
    one = matcher(banks)
    assert one.match([[PICTURE]], None)[0].hits == ()
    entry = banks.add(CODE)
    one.refresh()
    [matched] = one.match([[PICTURE]], None)
    assert (matched.hits[0].entry, matched.checkpoint, one.checkpoint) == (entry, "5", "5")
    banks.amend(entry, opinion=Opinion.DISPUTED)
    one.refresh()
    assert one.match([[PICTURE]], None)[0].hits[0].tier is Tier.REVIEW
    banks.remove(banks.entries[entry.number])
    one.refresh()
    assert one.match([[PICTURE]], None)[0] == Matched((), "7", at=NOW)


def test_an_entry_that_is_removed_during_a_search_is_not_in_the_answer() -> None:
    banks = MemoryBanks()
    entry = banks.add(CODE)
    one = matcher(banks)
    one.refresh()
    banks.remove(entry)
    assert one.match([[PICTURE]], None)[0] == Matched((), "6", at=NOW)
    assert one.look_up(CODE).hits == ()


def test_no_banks_means_no_answer() -> None:
    banks = MemoryBanks()
    banks.add(CODE)
    one = matcher(banks)
    one.refresh()
    banks.down = True
    with pytest.raises(UnavailableError):
        one.refresh()
    for ask in (lambda: one.match([[some_hashes(5)]], None), lambda: one.look_up(CODE), lambda: one.checkpoint):
        with pytest.raises(UnavailableError):
            ask()
    banks.down = False
    one.refresh()
    assert one.match([[PICTURE]], None)[0].hits


def test_a_compiled_index_that_errs_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise UnavailableError("it does not find what it should")

    one = matcher(MemoryBanks())
    one.prepare()
    one.match([[PICTURE]], None)
    monkeypatch.setattr("moderation.matching.matcher.warm_up", fail)
    for ask in (one.prepare, one.refresh, lambda: one.match([[PICTURE]], None), lambda: one.look_up(CODE)):
        with pytest.raises(CorruptIndexError):
            ask()


def cut(rgb: Rgb) -> Rgb:
    """An eighth away at two sides."""
    height, width = rgb.shape[:2]
    return np.ascontiguousarray(rgb[height // 8 :, width // 8 :])


def near_in_pdq(edited: Rgb, entry: FrameHashes) -> FrameHashes:
    """The hashes of an edited picture, as near to the entry's as such edits are."""
    hashes = hashes_of(edited)
    code = entry.pdq.copy()
    code[:, :9] ^= 0xFF
    return replace(hashes, pdq=code, trimmed=None)


@pytest.mark.parametrize("mirrored", [False, True])
def test_keypoints_make_an_edited_copy_a_verified_match(mirrored: bool) -> None:
    original, banks = photograph(), MemoryBanks()
    known = hashes_of(original)
    banks.add(known.pdq[0], keypoints=pack(keypoints_of(original)))
    edited = turned(cut(original), Orientation.FLIP_Y).astype(np.uint8) if mirrored else cut(original)
    hashes = near_in_pdq(edited, known)
    if mirrored:
        flip = ORIENTATIONS.index(Orientation.FLIP_Y)
        codes = some_hashes(8).pdq.copy()
        codes[flip] = hashes.pdq[0]
        hashes = replace(hashes, pdq=codes)
    [matched] = matcher(banks).match([[hashes]], [[edited]])
    [found] = matched.hits
    assert (found.tier, found.effect, found.distance_bits) == (Tier.VERIFIED, BankEffect.BLOCK, 72)
    assert found.inliers is not None
    assert found.inliers >= MIN_INLIERS
    assert matched.uncompared == 0


def test_another_picture_is_not_verified_however_near_its_hash_is() -> None:
    original, banks = photograph(), MemoryBanks()
    known = hashes_of(original)
    banks.add(known.pdq[0], keypoints=pack(keypoints_of(original)))
    other = photograph(99)
    [matched] = matcher(banks).match([[near_in_pdq(other, known)]], [[other]])
    assert matched.hits == ()
    [unseen] = matcher(banks).match([[near_in_pdq(original, known)]], None)
    assert unseen.hits == ()


def test_keypoints_that_cannot_be_read_or_that_there_is_no_time_for_are_for_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, banks = photograph(), MemoryBanks()
    known = hashes_of(original)
    entry = banks.add(known.pdq[0], keypoints=b"no keypoints")
    [matched] = matcher(banks).match([[near_in_pdq(original, known)]], [[original]])
    assert [(one.tier, one.inliers) for one in matched.hits] == [(Tier.REVIEW, None)]
    assert matched.uncompared == 1
    banks.packed[entry.id] = pack(keypoints_of(original))
    monkeypatch.setattr("moderation.matching.geometry.verification.BATCH_SECONDS", -BATCH_SECONDS)
    [matched] = matcher(banks).match([[near_in_pdq(original, known)]], [[original]])
    assert [(one.tier, one.inliers) for one in matched.hits] == [(Tier.REVIEW, None)]


def test_a_bounded_number_of_the_nearest_candidates_is_compared_beside_those_that_keypoints_propose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, banks = photograph(), MemoryBanks()
    known = hashes_of(original)
    packed, other = pack(keypoints_of(original)), pack(keypoints_of(photograph(99)))
    edited = near_in_pdq(original, known)
    for number in range(MAX_CANDIDATES):
        banks.add(edited.pdq[0], flipped=66 + number % 2, keypoints=other)
    banks.add(edited.pdq[0], flipped=80, keypoints=packed)
    with monkeypatch.context() as patch:
        patch.setattr(Recall, "propose", lambda *_: Proposals([], frozenset()))
        assert matcher(banks).match([[edited]], [[original]])[0].hits == ()
        banks.add(edited.pdq[0], flipped=65, keypoints=packed)
        [found] = matcher(banks).match([[edited]], [[original]])[0].hits
        assert (found.tier, found.distance_bits) == (Tier.VERIFIED, 65)
    hits = matcher(banks).match([[edited]], [[original]])[0].hits
    assert [(found.tier, found.distance_bits) for found in hits] == [(Tier.VERIFIED, 65), (Tier.VERIFIED, 80)]


def test_a_look_up_answers_by_distance_with_tier_bank_and_checkpoint() -> None:
    banks = MemoryBanks()
    far, near = banks.add(CODE, flipped=40), banks.add(CODE, REVIEW, flipped=3)
    found = matcher(banks).look_up(CODE)
    assert [(one.entry, one.distance_bits, one.tier) for one in found.hits] == [
        (near, 3, Tier.AUTOMATIC),
        (far, 40, Tier.REVIEW),
    ]
    assert (found.checkpoint, found.capped) == ("6", False)
    assert [one.entry for one in matcher(banks).look_up(CODE, radius=31).hits] == [near]
    assert [one.entry for one in matcher(banks).look_up(CODE, banks=["blocked"]).hits] == [far]
    first = matcher(banks).look_up(CODE, limit=1)
    assert ([one.entry for one in first.hits], first.capped) == ([near], True)


def test_a_look_up_within_a_radius_tells_also_what_its_bank_would_not_match() -> None:
    banks = MemoryBanks()
    banks.add(CODE, flipped=90, quality=20)
    assert matcher(banks).look_up(CODE).hits == ()
    [found] = matcher(banks).look_up(CODE, radius=90).hits
    assert (found.distance_bits, found.tier, found.effect) == (90, Tier.REVIEW, BankEffect.REVIEW)
    assert matcher(banks).look_up(CODE, radius=89).hits == ()
    banks.add(CODE)
    assert matcher(banks).look_up(CODE, quality=49).hits == ()
    assert len(matcher(banks).look_up(CODE, quality=50).hits) == 1


def test_a_wrong_look_up_is_refused() -> None:
    one = matcher(MemoryBanks())
    with pytest.raises(NotFoundError):
        one.look_up(CODE, banks=["unknown"])
    with pytest.raises(InvalidInputError):
        one.look_up(CODE[:31])
    for radius, limit, quality in ((257, 1, 1), (-1, 1, 1), (1, 0, 1), (1, 1, 101)):
        with pytest.raises(InvalidInputError):
            one.look_up(CODE, radius=radius, limit=limit, quality=quality)
