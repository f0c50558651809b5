import logging
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from moderation.domain.bank import Bank, BankEntry, Opinion
from moderation.domain.errors import BanksUnreadableError, CorruptIndexError, UnavailableError
from moderation.domain.media import ImageFacts, Refusal, RefusalReason
from moderation.domain.signal import BankHit, FailureReason, Match, PictureHash, SignalFailure, Value, values_of
from moderation.matching.hashes.frame_hashes import FrameHashes, hashes_of
from moderation.matching.hashes.pdq import to_hex
from moderation.matching.hashes.reductions import REDUCTIONS
from moderation.matching.hashes.secondary import to_hex64
from moderation.matching.hits import Matched
from moderation.matching.image_match import IMAGE_MATCH, ImageMatch
from moderation.matching.matcher import Matcher
from moderation.matching.weighing.weighing import MAX_HITS
from moderation.media.decode import DecoderProcess
from moderation.media.subject import Frame, Picture, Rgb, Subject
from tests.factories import NOW, a_post
from tests.matching.memory_banks import ALLOW, BLOCK, DUPLICATE, REVIEW, MemoryBanks
from tests.media.images import LIMITS, encoded, noise

FLAT = np.full((64, 64, 3), 120, dtype=np.uint8)
PICTURE = noise(80, 90)
NOTHING = {
    "image_match_effect": "none",
    "image_match_tier": "none",
    "image_match_verified": False,
    "image_match_distance": None,
    "image_match_orientation": "none",
    "image_match_bank": "",
    "image_match_category": "",
    "image_match_opinion": "none",
    "image_match_duplicates": 0,
    "image_match_complete": True,
    "image_pdq_quality": 100,
    "image_hash_usable": True,
}


def banked(rgb: Rgb = PICTURE, bank: Bank = BLOCK, **facts: Any) -> MemoryBanks:
    banks = MemoryBanks()
    add(banks, rgb, bank, **facts)
    return banks


def add(banks: MemoryBanks, rgb: Rgb, bank: Bank = BLOCK, **facts: Any) -> BankEntry:
    return banks.add(hashes_of(rgb).pdq[0], bank, **facts)


def signal_of(banks: MemoryBanks) -> ImageMatch:
    return ImageMatch(Matcher(banks, clock=lambda: NOW))


def subject(*frames: Rgb) -> Subject:
    facts = ImageFacts("PNG", frames[0].shape[1], frames[0].shape[0], len(frames), "RGB")
    reduced = [{name: reduce(rgb) for name, reduce in REDUCTIONS.items()} for rgb in frames]
    return Subject(a_post(), Picture(facts, tuple(map(Frame, frames, reduced))))


def undecodable() -> Subject:
    return Subject(a_post(), Refusal(RefusalReason.TRUNCATED))


def measured(signal: ImageMatch, *subjects: Subject) -> list[Match]:
    results = signal.measure(subjects)
    assert len(results) == len(subjects)
    assert all(isinstance(result, Match) for result in results)
    return [result for result in results if isinstance(result, Match)]


def values(banks: MemoryBanks, *frames: Rgb) -> dict[str, Value]:
    return values_of(measured(signal_of(banks), subject(*frames))[0], IMAGE_MATCH)


def test_a_known_picture_is_matched_with_its_evidence() -> None:
    banks = banked(category="adult", note="ticket 17", quality=90)
    (match,) = measured(signal_of(banks), subject(PICTURE))
    assert match.values == {
        **NOTHING,
        "image_match_effect": "block",
        "image_match_tier": "automatic",
        "image_match_distance": 0,
        "image_match_orientation": "upright",
        "image_match_bank": "blocked",
        "image_match_category": "adult",
        "image_match_opinion": "positive_class",
    }
    assert (match.checkpoint, match.at) == ("5", NOW)
    assert match.hits == (BankHit("blocked", "entry-0005", "block", 0, 90, 0, "ticket 17"),)


def test_an_unknown_picture_matches_nothing_and_says_so() -> None:
    (match,) = measured(signal_of(banked()), subject(noise(80, 90, seed=9)))
    assert match.hits == ()
    assert match.values == NOTHING


def test_a_mirrored_copy_is_matched_and_it_is_told_how_it_was_turned() -> None:
    found = values(banked(), np.ascontiguousarray(PICTURE[:, ::-1]))
    assert (found["image_match_effect"], found["image_match_orientation"]) == ("block", "flip_y")


def test_a_blocking_match_that_is_not_sure_asks_for_a_person() -> None:
    found = values(banked(flipped=50), PICTURE)
    assert (found["image_match_effect"], found["image_match_tier"]) == ("review", "review")
    assert found["image_match_bank"] == "blocked"
    disputed = values(banked(opinion=Opinion.DISPUTED), PICTURE)
    assert (disputed["image_match_effect"], disputed["image_match_opinion"]) == ("review", "disputed")


def test_a_flat_picture_is_no_match_but_has_no_usable_hash() -> None:
    assert values(banked(FLAT), FLAT) == {**NOTHING, "image_pdq_quality": 0, "image_hash_usable": False}


def test_the_strictest_effect_wins_and_then_the_nearest() -> None:
    banks = MemoryBanks()
    add(banks, PICTURE, REVIEW, flipped=1)
    add(banks, PICTURE, BLOCK, flipped=20, category="far")
    add(banks, PICTURE, BLOCK, flipped=10, category="near")
    add(banks, PICTURE, ALLOW, flipped=21)
    add(banks, PICTURE, DUPLICATE, flipped=2)
    (match,) = measured(signal_of(banks), subject(PICTURE))
    assert [(hit.effect, hit.distance_bits) for hit in match.hits] == [
        ("block", 10),
        ("block", 20),
        ("review", 1),
        ("duplicate", 2),
        ("allow", 21),
    ]
    assert (match.values["image_match_category"], match.values["image_match_distance"]) == ("near", 10)
    assert match.values["image_match_duplicates"] == 1


def test_one_matching_frame_is_enough_and_the_worst_quality_counts() -> None:
    (match,) = measured(signal_of(banked(noise(80, 80, 5))), subject(noise(80, 80, 4), noise(80, 80, 5), FLAT))
    assert [hit.frame for hit in match.hits] == [1]
    assert match.values["image_match_effect"] == "block"
    assert match.values["image_pdq_quality"] == 0
    assert match.values["image_hash_usable"] is False


def test_more_hits_than_are_kept_are_told() -> None:
    banks = banked()
    (match,) = measured(signal_of(banks), subject(PICTURE))
    assert not match.capped
    for _ in range(MAX_HITS):
        add(banks, PICTURE)
    (match,) = measured(signal_of(banks), subject(PICTURE))
    assert (len(match.hits), match.capped) == (MAX_HITS, True)


def test_a_batch_has_one_result_each_in_order() -> None:
    signal = signal_of(banked())
    batch = [undecodable(), subject(PICTURE), undecodable(), subject(FLAT, noise(80, 90, 3)), subject(noise(9, 9))]
    results = signal.measure(batch)
    assert [type(result) for result in results] == [SignalFailure, Match, SignalFailure, Match, Match]
    assert results[0] == SignalFailure("image_match", FailureReason.UNDECODABLE, "truncated")
    assert isinstance(results[1], Match)
    assert results[1].values["image_match_effect"] == "block"
    assert signal.measure([]) == []
    assert len(signal.measure([undecodable()])) == 1


def test_added_and_removed_entries_count_from_the_next_refresh() -> None:
    banks = MemoryBanks()
    signal, picture = signal_of(banks), subject(PICTURE)
    signal.refresh()
    assert measured(signal, picture)[0].values["image_match_effect"] == "none"
    entry = add(banks, PICTURE)
    signal.refresh()
    (match,) = measured(signal, picture)
    assert (match.values["image_match_effect"], match.checkpoint) == ("block", "5")
    banks.remove(entry)
    signal.refresh()
    (match,) = measured(signal, picture)
    assert (match.values["image_match_effect"], match.checkpoint) == ("none", "6")


def test_a_database_that_is_away_makes_the_batch_wait_and_never_a_non_match() -> None:
    banks = banked()
    signal = signal_of(banks)
    banks.down = True
    with pytest.raises(UnavailableError):
        signal.refresh()
    assert failures(signal, subject(PICTURE)) == [FailureReason.BANKS_UNAVAILABLE]


class Broken:
    """A matcher whose contents cannot be trusted."""

    def __init__(self, error: UnavailableError) -> None:
        self.error = error

    def prepare(self) -> None:
        raise self.error

    def refresh(self) -> None:
        raise self.error

    def match(
        self, pictures: Sequence[Sequence[FrameHashes]], previews: Sequence[Sequence[Rgb]] | None
    ) -> list[Matched]:
        raise self.error


def failures(signal: ImageMatch, *subjects: Subject) -> list[FailureReason]:
    return [result.reason for result in signal.measure(subjects) if isinstance(result, SignalFailure)]


@pytest.mark.parametrize("error", [CorruptIndexError("cut off"), BanksUnreadableError("no hash")])
def test_banks_that_make_no_sense_fail_every_picture_without_a_wait(error: UnavailableError) -> None:
    signal = ImageMatch(Broken(error))
    signal.prepare()
    signal.refresh()
    reasons = failures(signal, subject(PICTURE), undecodable(), subject(FLAT))
    assert reasons == [FailureReason.BANKS_UNAVAILABLE, FailureReason.UNDECODABLE, FailureReason.BANKS_UNAVAILABLE]


def test_an_entry_that_is_no_hash_fails_every_picture_and_is_never_skipped(caplog: pytest.LogCaptureFixture) -> None:
    banks = banked()
    [(number, entry)] = banks.entries.items()
    banks.entries[number] = broken = BankEntry(entry.id, entry.bank, "not a hash", 100, NOW, number=number)
    banks.log[-1] = type(banks.log[-1])(number, "add", entry=broken)
    signal = signal_of(banks)
    with caplog.at_level(logging.CRITICAL):
        signal.refresh()
    assert failures(signal, subject(noise(80, 90, 7))) == [FailureReason.BANKS_UNAVAILABLE]


def test_every_value_is_one_that_the_spec_declares() -> None:
    kinds = {"integer": int, "boolean": bool, "text": str}
    cases: list[Callable[[], dict[str, Value]]] = [
        lambda: values(banked(), PICTURE),
        lambda: values(banked(flipped=60), PICTURE),
        lambda: values(MemoryBanks(), FLAT),
    ]
    for found in (case() for case in cases):
        for column in IMAGE_MATCH.columns:
            value = found[column.name]
            assert column.nullable if value is None else type(value) is kinds[column.kind]
            assert not column.choices or value in column.choices


def edits(picture: Image.Image) -> dict[str, bytes]:
    """What people do to a picture before they post it again."""
    return {
        "as it was": encoded(picture, "PNG"),
        "JPEG 90": encoded(picture, "JPEG", quality=90),
        "JPEG 30": encoded(picture, "JPEG", quality=30),
        "WebP": encoded(picture, "WEBP", quality=60),
        "half size": encoded(picture.resize((picture.width // 2, picture.height // 2)), "JPEG"),
        "blurred": encoded(picture.filter(ImageFilter.GaussianBlur(1)), "JPEG"),
        "brighter": encoded(picture.point(lambda level: min(255, int(level * 1.1))), "JPEG"),
        "grey": encoded(picture.convert("L"), "JPEG"),
    }


def test_edited_copies_are_matched_from_file_to_value() -> None:
    coarse = Image.fromarray(np.random.default_rng(7).integers(0, 256, (12, 16, 3), dtype=np.uint8))
    original = coarse.resize((400, 300), Image.Resampling.BICUBIC)
    files = edits(original)
    signal = signal_of(banked(np.asarray(original)))
    with DecoderProcess(LIMITS, REDUCTIONS) as decoder:
        pictures = decoder.decode(list(files.values()))
    matches = measured(signal, *(Subject(a_post(), picture) for picture in pictures))
    distances = dict(zip(files, (match.values["image_match_distance"] for match in matches), strict=True))
    assert distances["as it was"] == 0
    assert {
        name: match.values["image_match_effect"] for name, match in zip(files, matches, strict=True)
    } == dict.fromkeys(files, "block"), distances
    with BytesIO(files["as it was"]) as file, Image.open(file) as image:
        assert image.size == (400, 300)


def test_a_match_tells_the_hashes_and_quality_of_every_frame() -> None:
    bordered = np.full((120, 140, 3), 255, dtype=np.uint8)
    bordered[20:100, 25:115] = PICTURE
    frames = [PICTURE, FLAT, bordered]
    (match,) = measured(signal_of(MemoryBanks()), subject(*frames))
    expected = [hashes_of(rgb) for rgb in frames]
    assert match.hashes == tuple(
        PictureHash(
            frame,
            to_hex(one.pdq[0]),
            one.quality,
            to_hex64(one.phash),
            to_hex64(one.dhash),
            "" if one.trimmed is None else to_hex(one.trimmed[0]),
            one.trimmed_quality,
        )
        for frame, one in enumerate(expected)
    )
    assert match.hashes[2].trimmed
    assert match.hashes[0].pdq not in repr(match)
    assert match.values["image_pdq_quality"] == min(one.quality for one in expected)
