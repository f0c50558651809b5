"""Recall: a part of a banked picture is found by its keypoints, as the banks are at that moment."""

import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from moderation.bench.robustness.known import AT, BANK, KnownPictures, Query, query_of
from moderation.bench.robustness.negatives import FAMILIES, members
from moderation.bench.robustness.scenes import scene
from moderation.bench.robustness.shapes import rotated
from moderation.domain.bank import Bank, BankChange, BankEffect, BankEntry, Opinion, Tier
from moderation.domain.errors import UnavailableError
from moderation.domain.ids import EntryId
from moderation.matching.entries import contents
from moderation.matching.entries.known_entries import KnownEntries
from moderation.matching.entries.publishing import publish_banks
from moderation.matching.geometry.keypoints import keypoints_of, pack
from moderation.matching.geometry.verification import FrameKeypoints, Verifier
from moderation.matching.hashes.frame_hashes import Orientation
from moderation.matching.matcher import Matcher
from moderation.matching.tiers import RECALLED_INLIERS, Facts, tier_of, trusted, wants_keypoints
from moderation.matching.weighing.recall import PROPOSED, Proposal, Proposals, Recall, add_proposed
from moderation.matching.weighing.recall_room import MAX_ENTRIES
from moderation.media.subject import Rgb
from tests.factories import NOW
from tests.matching.memory_banks import REVIEW, MemoryBanks, some_hashes


def picture(seed: int) -> Rgb:
    return scene(np.random.default_rng(seed), 480, 400)


def part(seed: int) -> Rgb:
    return rotated(picture(seed), 12.0)[70:330, 80:400].copy()


@pytest.fixture(scope="module")
def known() -> KnownPictures:
    return KnownPictures([query_of(picture(seed)) for seed in range(4)])


def test_a_turned_part_is_verified_though_no_hash_is_near(known: KnownPictures) -> None:
    plain, compared = (known.found([query_of(part(2))], compare=compare)[0] for compare in (False, True))
    assert plain.hits == ()
    (hit,) = compared.hits
    assert (hit.entry.number, hit.tier, hit.orientation) == (4, Tier.VERIFIED, Orientation.UPRIGHT)
    assert hit.distance_bits > 64
    assert (hit.inliers or 0) >= RECALLED_INLIERS


def test_a_mirrored_part_is_verified_and_said_to_be_mirrored(known: KnownPictures) -> None:
    (matched,) = known.found([query_of(part(1)[:, ::-1].copy())], compare=True)
    assert [(hit.entry.number, hit.tier, hit.orientation) for hit in matched.hits] == [
        (3, Tier.VERIFIED, Orientation.FLIP_Y)
    ]


def test_other_pictures_match_nothing(known: KnownPictures) -> None:
    assert [one.hits for one in known.found([query_of(picture(9)), query_of(part(8))], compare=True)] == [(), ()]


@pytest.mark.parametrize("name", ["letterhead", "same_interface", "same_template"])
def test_pictures_that_only_share_a_frame_are_not_verified(name: str) -> None:
    family = next(family for family in FAMILIES if family.name == name)
    queries = [query_of(member) for member in members(family, [picture(1), picture(2), picture(3)], 3)]
    for place, matched in enumerate(KnownPictures(queries).found(queries, compare=True)):
        assert {hit.tier for hit in matched.hits if hit.entry.number - 2 != place} <= {Tier.REVIEW}


def test_an_entry_that_was_removed_or_only_disputed_is_not_acted_on() -> None:
    known = KnownPictures([query_of(picture(seed)) for seed in range(2)])
    recall, entries = Recall(known), KnownEntries.load(known)
    query = query_of(part(1))
    keypoints = FrameKeypoints([[query.preview]])
    recall.follow(entries.compared(), 3)
    assert 3 in {one.number for one in recall.propose([(0, 1)], keypoints).found}
    recall.follow(np.array([2], dtype=np.int64), 4)
    assert len(recall) == 1
    assert 3 not in {one.number for one in recall.propose([(0, 1)], keypoints).found}
    facts = Facts(256, 100, 100, inliers=200, recalled=True)
    assert tier_of(facts, BANK) is Tier.VERIFIED
    assert tier_of(replace(facts, trusted=trusted(Opinion.DISPUTED, demoted=False)), BANK) is Tier.REVIEW
    assert tier_of(replace(facts, inliers=RECALLED_INLIERS - 1), BANK) is Tier.REVIEW
    assert tier_of(replace(facts, inliers=3), BANK) is None
    assert tier_of(facts, replace(BANK, verify=False)) is None
    assert not wants_keypoints(facts, replace(BANK, verify=False))


def test_what_was_removed_between_search_and_proposal_is_no_candidate() -> None:
    known = KnownPictures([query_of(picture(0))])
    entries, query = KnownEntries.load(known), query_of(part(0))
    proposals = [Proposal(0, 0, Orientation.UPRIGHT, number) for number in (2, 77)]
    found: list[list[object]] = [[]]
    add_proposed(found, proposals, [[query.hashes]], entries, AT)  # type: ignore[arg-type]
    assert len(found[0]) == 1
    entries.facts.drop([2])
    add_proposed(found, proposals, [[query.hashes]], entries, AT)  # type: ignore[arg-type]
    assert len(found[0]) == 1


@pytest.mark.parametrize(("before", "after"), [(0, 0), (0, 9), (1, 0), (1, 9)])
def test_after_a_restore_the_corners_of_the_restored_entries_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: int, after: int
) -> None:
    """What was banked since has the number of an entry that was lost, or one that was no entry's; the lane runs on."""
    monkeypatch.setattr(contents, "LOOK_SECONDS", 0.0)
    banks, restored = MemoryBanks(), MemoryBanks()
    publish_banks(banks, tmp_path, now=NOW)
    lost = banked(banks, np.random.default_rng(1).integers(0, 256, (400, 480, 3), dtype=np.uint8))
    for _ in range(5):
        banks.amend(lost, note="lost")
    matcher = Matcher(banks, index=tmp_path, clock=lambda: NOW)
    matcher.refresh()
    for _ in range(before):
        restored.define(REVIEW, "update")
    entry = banked(restored, picture(2), id=EntryId("banked-since"))
    for _ in range(after):
        restored.amend(entry, note="again")
    banks.log, banks.entries, banks.packed = restored.log, restored.entries, restored.packed
    publish_banks(banks, tmp_path, now=NOW)
    query, found = query_of(part(2)), set[str]()
    end = time.monotonic() + 2.0
    while not found and time.monotonic() < end:
        with suppress(UnavailableError):
            matcher.refresh()
            found = {hit.entry.id for hit in matcher.match([[query.hashes]], [[query.preview]])[0].hits}
        time.sleep(0.02)
    assert found == {entry.id}


def test_without_time_nothing_is_looked_at(known: KnownPictures) -> None:
    ticks = iter([0.0, 100.0])
    recall = Recall(known, monotonic=lambda: next(ticks))
    assert recall.propose([(0, 1)], FrameKeypoints([[part(1)]])) == Proposals([], frozenset({0}))


def test_only_the_newest_entries_are_held() -> None:
    asked: list[int] = []

    class Asked(KnownPictures):
        def entries_by_number(self, numbers: Collection[int]) -> Mapping[int, BankEntry]:
            asked.extend(numbers)
            return {}

    Recall(Asked([])).follow(np.arange(MAX_ENTRIES + 5, dtype=np.int64), 1)
    assert (min(asked), len(asked)) == (5, MAX_ENTRIES)


def test_of_too_many_entries_those_of_blocking_banks_are_held_first() -> None:
    recall = Recall(KnownPictures([]))
    wanted = np.arange(MAX_ENTRIES + 5, dtype=np.int64)
    with capture_logs() as logs:
        recall.follow(wanted, 1, first=np.arange(3, dtype=np.int64))
        recall.follow(wanted, 2, first=np.arange(3, dtype=np.int64))
    assert recall._held.tolist() == [0, 1, 2, *range(8, MAX_ENTRIES + 5)]
    assert [(one["event"], one["left_out"]) for one in logs] == [("recall_full", 5)], "said once, not at every change"


def test_unreadable_keypoints_are_left_out() -> None:
    known = KnownPictures([query_of(picture(0))])
    known._keypoints = dict.fromkeys(known._keypoints, b"\x01nonsense")
    recall = Recall(known)
    recall.follow(np.array([2], dtype=np.int64), 2)
    assert recall.propose([(0, 1)], FrameKeypoints([[part(0)]])) == Proposals([], frozenset())


def test_a_mere_proposal_that_was_not_compared_is_no_match(
    known: KnownPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Verifier, "inliers", lambda *_: None)
    (matched,) = known.found([query_of(part(2))], compare=True)
    assert (matched.hits, matched.uncompared, matched.complete) == ((), 0, False)


def test_a_picture_that_there_was_no_time_to_look_at_is_said_to_be_so(
    known: KnownPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moderation.matching.weighing.recall.BATCH_SECONDS", -1.0)
    late, sure = known.found([query_of(part(2)), query_of(picture(1))], compare=True)
    assert (late.hits, late.complete) == ((), False)
    assert ([hit.tier for hit in sure.hits], sure.complete) == ([Tier.AUTOMATIC], True)
    monkeypatch.undo()
    assert known.found([query_of(part(2))], compare=True)[0].complete


@pytest.mark.parametrize("effect", [BankEffect.REVIEW, BankEffect.DUPLICATE])
def test_what_another_bank_knows_is_looked_up_in_blocking_banks_all_the_same(effect: BankEffect) -> None:
    """Somebody published a part of a picture, others did so again, and then the picture was banned."""
    banks, query = MemoryBanks(), query_of(part(2))
    banked(banks, picture(2))
    banks.add(query.hashes.pdq[0], Bank({"review": "suspects"}.get(effect, "published"), effect))
    (matched,) = Matcher(banks, clock=lambda: NOW).match([[query.hashes]], [[query.preview]])
    assert [(hit.effect, hit.tier) for hit in matched.hits] == [
        (BankEffect.BLOCK, Tier.VERIFIED),
        (effect, Tier.AUTOMATIC),
    ]


@pytest.mark.parametrize("crowd", [{"bank": REVIEW}, {"expires_at": NOW}, {"disable_until": NOW + timedelta(days=1)}])
def test_entries_that_do_not_block_take_no_place_of_one_that_does(crowd: dict[str, Any]) -> None:
    banks, query = MemoryBanks(), query_of(part(2))
    for _ in range(2 * PROPOSED):
        banked(banks, part(2), **crowd)
    banked(banks, picture(2))
    hashes = replace(query.hashes, pdq=some_hashes(99).pdq, trimmed=None)
    (matched,) = Matcher(banks, clock=lambda: NOW).match([[hashes]], [[query.preview]])
    assert (matched.hits[0].effect, matched.hits[0].tier) == (BankEffect.BLOCK, Tier.VERIFIED)
    assert matched.complete


def banked(banks: MemoryBanks, rgb: Rgb, **facts: Any) -> BankEntry:
    return banks.add(query_of(rgb).hashes.pdq[0], keypoints=pack(keypoints_of(rgb)), **facts)


def test_only_entries_of_banks_that_verify_are_held() -> None:
    entries = KnownEntries.load(KnownPictures([query_of(picture(0))]))
    assert entries.compared().tolist() == [2]
    entries.apply([BankChange(3, "update", bank=replace(BANK, verify=False))])
    assert entries.compared().tolist() == []


def test_an_older_view_of_the_banks_does_not_undo_a_newer_one() -> None:
    recall = Recall(KnownPictures([query_of(picture(0))]))
    recall.follow(np.array([2], dtype=np.int64), 5)
    recall.follow(np.empty(0, dtype=np.int64), 4)
    assert (len(recall), recall.checkpoint) == (1, 5)


def test_while_the_banks_cannot_be_read_nothing_is_taken_for_held() -> None:
    class Down(KnownPictures):
        down = False

        def keypoints(self, entry_ids: Collection[EntryId]) -> Mapping[EntryId, bytes]:
            if self.down:
                raise UnavailableError("down")
            return super().keypoints(entry_ids)

    known = Down([query_of(picture(0))])
    recall, known.down = Recall(known), True
    with pytest.raises(UnavailableError):
        recall.follow(np.array([2], dtype=np.int64), 2)
    assert (len(recall), recall.checkpoint) == (0, -1)


def test_a_picture_of_poor_quality_is_not_recalled() -> None:
    known = KnownPictures([query_of(picture(0))])
    query = query_of(part(0))
    poor = Query(replace(query.hashes, quality=10, trimmed=None), query.preview)
    assert known.found([poor], compare=True)[0].hits == ()
