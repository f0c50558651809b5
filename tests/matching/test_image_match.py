from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFilter

from moderation.domain.bank import Bank, BankContents, BankEffect, BankEntry
from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.domain.ids import EntryId
from moderation.domain.media import ImageFacts, Refusal, RefusalReason
from moderation.domain.signal import FailureReason, Match, PictureHash, SignalFailure, Value, values_of
from moderation.matching.image_match import IMAGE_MATCH, MAX_HITS, ImageMatch
from moderation.matching.pdq import hash_and_quality, pdq_luma64, to_hex
from moderation.matching.reductions import PDQ_LUMA64, REDUCTIONS
from moderation.media.decode import DecoderProcess
from moderation.media.subject import Frame, Picture, Rgb, Subject
from tests.factories import NOW, a_post
from tests.matching.index_contract import with_flipped
from tests.media.images import LIMITS, encoded, noise

FLAT = np.full((64, 64, 3), 120, dtype=np.uint8)
BLOCK = Bank("blocked", BankEffect.BLOCK)
REVIEW = Bank("suspects", BankEffect.REVIEW)
ALLOW = Bank("logos", BankEffect.ALLOW)


class Source:
    """Bank contents in memory; `down` makes every call fail, `loads` counts what was fetched."""

    def __init__(self, *entries: BankEntry, banks: Sequence[Bank] = (ALLOW, BLOCK, REVIEW)) -> None:
        self.number, self.banks, self.entries = 1, tuple(banks), entries
        self.down, self.loads = False, 0

    def change(self, *entries: BankEntry) -> None:
        self.number, self.entries = self.number + 1, entries

    def checkpoint(self) -> str:
        if self.down:
            raise UnavailableError("the database is away")
        return str(self.number)

    def contents(self, as_of: str | None = None) -> BankContents:
        self.loads += 1
        return BankContents(self.checkpoint(), self.banks, self.entries)


def entry(
    rgb: Rgb, bank: Bank = BLOCK, *, name: str = "entry-1", flipped: int = 0, quality: int = 100, category: str = ""
) -> BankEntry:
    """A bank entry `flipped` bits away from the hash of `rgb`."""
    code, _ = hash_and_quality(pdq_luma64(rgb))
    pdq = to_hex(with_flipped(code, flipped))
    return BankEntry(EntryId(name), bank.name, pdq, quality, NOW, note=f"note of {name}", category=category)


def subject(*frames: Rgb) -> Subject:
    facts = ImageFacts("PNG", frames[0].shape[1], frames[0].shape[0], len(frames), "RGB")
    return Subject(a_post(), Picture(facts, tuple(Frame(rgb, {PDQ_LUMA64: pdq_luma64(rgb)}) for rgb in frames)))


def undecodable() -> Subject:
    return Subject(a_post(), Refusal(RefusalReason.TRUNCATED))


def measured(signal: ImageMatch, *subjects: Subject) -> list[Match]:
    results = signal.measure(subjects)
    assert len(results) == len(subjects)
    assert all(isinstance(result, Match) for result in results)
    return [result for result in results if isinstance(result, Match)]


def values(source: Source, *frames: Rgb) -> dict[str, Value]:
    return values_of(measured(ImageMatch(source), subject(*frames))[0], IMAGE_MATCH)


def test_a_known_picture_is_matched_with_its_evidence() -> None:
    (match,) = measured(ImageMatch(Source(entry(noise(80, 90), category="adult"))), subject(noise(80, 90)))
    assert match.values == {
        "image_match_effect": "block",
        "image_match_distance": 0,
        "image_match_bank": "blocked",
        "image_match_category": "adult",
        "image_pdq_quality": 100,
        "image_hash_usable": True,
    }
    assert match.checkpoint == "1"
    (hit,) = match.hits
    assert (hit.bank, hit.entry_id, hit.effect, hit.distance_bits) == ("blocked", "entry-1", "block", 0)
    assert (hit.entry_quality, hit.frame, hit.note) == (100, 0, "note of entry-1")


def test_an_unknown_picture_matches_nothing_and_says_so() -> None:
    (match,) = measured(ImageMatch(Source(entry(noise(80, 90)))), subject(noise(80, 90, seed=9)))
    assert match.hits == ()
    assert match.values == {
        "image_match_effect": "none",
        "image_match_distance": None,
        "image_match_bank": "",
        "image_match_category": "",
        "image_pdq_quality": 100,
        "image_hash_usable": True,
    }


@pytest.mark.parametrize(("flipped", "found"), [(0, True), (31, True), (32, False)])
def test_a_bank_reaches_as_far_as_31_bits(flipped: int, found: bool) -> None:
    assert (
        values(Source(entry(noise(80, 90), flipped=flipped)), noise(80, 90))["image_match_effect"] == "block"
    ) is found


def test_each_bank_has_its_own_distance() -> None:
    strict, wide = Bank("strict", BankEffect.BLOCK, distance_bits=4), Bank("wide", BankEffect.REVIEW, distance_bits=20)
    picture = noise(80, 90)
    source = Source(entry(picture, strict, flipped=5), entry(picture, wide, flipped=20), banks=(strict, wide))
    found = values(source, picture)
    assert (found["image_match_bank"], found["image_match_distance"]) == ("wide", 20)


@pytest.mark.parametrize(("quality", "floor", "found"), [(49, 50, False), (50, 50, True), (0, 0, True)])
def test_an_entry_under_its_banks_quality_matches_nothing(quality: int, floor: int, found: bool) -> None:
    bank = Bank("some", BankEffect.BLOCK, min_quality=floor)
    source = Source(entry(noise(80, 90), bank, quality=quality), banks=(bank,))
    assert (values(source, noise(80, 90))["image_match_effect"] == "block") is found


def test_a_flat_picture_is_no_match_but_has_no_usable_hash() -> None:
    found = values(Source(entry(FLAT)), FLAT)
    assert found["image_match_effect"] == "none"
    assert found["image_pdq_quality"] == 0
    assert found["image_hash_usable"] is False


def test_the_strictest_effect_wins_and_then_the_nearest() -> None:
    picture = noise(80, 90)
    source = Source(
        entry(picture, ALLOW, name="a"),
        entry(picture, REVIEW, name="b", flipped=1),
        entry(picture, BLOCK, name="c", flipped=20, category="far"),
        entry(picture, BLOCK, name="d", flipped=10, category="near"),
    )
    (match,) = measured(ImageMatch(source), subject(picture))
    assert [hit.entry_id for hit in match.hits] == ["d", "c", "b", "a"]
    assert match.values["image_match_category"] == "near"
    assert match.values["image_match_distance"] == 10


def test_one_matching_frame_is_enough_and_the_worst_quality_counts() -> None:
    (match,) = measured(ImageMatch(Source(entry(noise(80, 80, 5)))), subject(noise(80, 80, 4), noise(80, 80, 5), FLAT))
    assert [hit.frame for hit in match.hits] == [1]
    assert match.values["image_match_effect"] == "block"
    assert match.values["image_pdq_quality"] == 0
    assert match.values["image_hash_usable"] is False


def test_a_batch_has_one_result_each_in_order() -> None:
    signal = ImageMatch(Source(entry(noise(80, 90))))
    batch = [
        undecodable(),
        subject(noise(80, 90)),
        undecodable(),
        subject(FLAT, noise(80, 90, 3)),
        subject(noise(9, 9)),
    ]
    results = signal.measure(batch)
    assert [type(result) for result in results] == [SignalFailure, Match, SignalFailure, Match, Match]
    assert results[0] == SignalFailure("image_match", FailureReason.UNDECODABLE, "truncated")
    assert isinstance(results[1], Match)
    assert results[1].values["image_match_effect"] == "block"
    assert signal.measure([]) == []
    assert len(signal.measure([undecodable()])) == 1


def test_added_and_removed_entries_count_from_the_next_refresh() -> None:
    source = Source()
    signal = ImageMatch(source)
    picture = subject(noise(80, 90))
    signal.refresh()
    assert measured(signal, picture)[0].values["image_match_effect"] == "none"
    source.change(entry(noise(80, 90)))
    signal.refresh()
    (match,) = measured(signal, picture)
    assert (match.values["image_match_effect"], match.checkpoint) == ("block", "2")
    source.change()
    signal.refresh()
    (match,) = measured(signal, picture)
    assert (match.values["image_match_effect"], match.checkpoint) == ("none", "3")


def test_unchanged_banks_are_not_loaded_again() -> None:
    source = Source(entry(noise(80, 90)))
    signal = ImageMatch(source)
    for _ in range(5):
        signal.refresh()
        measured(signal, subject(noise(80, 90)))
    assert source.loads == 1


def test_banks_that_cannot_be_seen_are_an_error_never_a_non_match() -> None:
    source = Source()
    source.down = True
    signal = ImageMatch(source)
    with pytest.raises(UnavailableError):
        signal.refresh()
    with pytest.raises(UnavailableError):
        signal.measure([subject(noise(80, 90))])


def test_an_entry_that_is_no_hash_is_an_error_never_skipped() -> None:
    broken = BankEntry(EntryId("e"), BLOCK.name, "not a hash", 100, NOW)
    with pytest.raises(InvalidInputError):
        ImageMatch(Source(broken)).refresh()


def test_hits_of_a_viral_picture_are_bounded() -> None:
    picture = noise(80, 90)
    source = Source(*(entry(picture, name=f"entry-{number:03d}") for number in range(MAX_HITS + 20)))
    (match,) = measured(ImageMatch(source), subject(picture))
    assert len(match.hits) == MAX_HITS
    assert match.hits[0].entry_id == "entry-000"


def test_every_value_is_one_that_the_spec_declares() -> None:
    kinds = {"integer": int, "boolean": bool, "text": str}
    for found in (
        values(Source(entry(noise(80, 90))), noise(80, 90)),
        values(Source(), FLAT),
        values(Source(banks=()), noise(80, 90)),
    ):
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
    source = Source(entry(np.asarray(original)))
    with DecoderProcess(LIMITS, REDUCTIONS) as decoder:
        pictures = decoder.decode(list(files.values()))
    matches = measured(ImageMatch(source), *(Subject(a_post(), picture) for picture in pictures))
    distances = dict(zip(files, (match.values["image_match_distance"] for match in matches), strict=True))
    assert distances["as it was"] == 0
    assert {
        name: match.values["image_match_effect"] for name, match in zip(files, matches, strict=True)
    } == dict.fromkeys(files, "block"), distances
    with BytesIO(files["as it was"]) as file, Image.open(file) as image:
        assert image.size == (400, 300)


def test_a_match_tells_the_hash_and_quality_of_every_frame() -> None:
    pictures = [noise(80, 90), FLAT]
    (match,) = measured(ImageMatch(Source()), subject(*pictures))
    expected = [hash_and_quality(pdq_luma64(rgb)) for rgb in pictures]
    assert match.hashes == tuple(
        PictureHash(frame, to_hex(code), quality) for frame, (code, quality) in enumerate(expected)
    )
    assert match.values["image_pdq_quality"] == min(quality for _, quality in expected)
