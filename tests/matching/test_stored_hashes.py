"""Stored hashes are turned in place of pictures, and asked for entries instead of the other way round."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from moderation.domain.bank import Bank, BankEffect, BankEntry
from moderation.domain.ids import EntryId
from moderation.domain.signal import PictureHash
from moderation.matching.hashes.orientations import ORIENTATIONS, codes_in_all, turned
from moderation.matching.hashes.pdq import SIDE
from moderation.matching.stored_hashes import SoughtEntries, codes_of, frames_of, turned_codes
from tests.factories import NOW

CODES = arrays.arrays(np.uint8, (3, 32))
BLOCK = Bank("BANNED", BankEffect.BLOCK)


def a_luma(seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """A picture of soft blobs: natural ones have most of their energy in low frequencies, as this has."""
    noise = np.random.default_rng(seed).normal(size=(SIDE, SIDE))
    frequency = np.hypot(*np.meshgrid(np.arange(SIDE), np.arange(SIDE)))
    spectrum = np.fft.ifft2(np.fft.fft2(noise) / (1 + frequency)).real
    low, high = spectrum.min(), spectrum.max()
    return np.asarray((spectrum - low) / (high - low) * 255, dtype=np.float32)


def an_entry(code: bytes, number: int = 1, bank: str = "BANNED", quality: int = 90) -> BankEntry:
    return BankEntry(EntryId(f"entry-{number}"), bank, code.hex(), quality, NOW, number=number)


@given(codes=CODES)
def test_turning_keeps_the_hash_and_all_distances(codes: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    views = turned_codes(codes)
    assert views.shape == (3, len(ORIENTATIONS), 32)
    assert np.array_equal(views[:, 0], codes)
    apart = np.bitwise_count(views[0] ^ views[1]).sum(axis=1)
    assert set(apart) == {np.bitwise_count(codes[0] ^ codes[1]).sum()}


@given(codes=CODES)
def test_turning_is_a_group(codes: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    """Each turn is undone by its inverse: the quarter turns by each other, the others by themselves."""
    views = turned_codes(codes)
    undo = [0, 3, 2, 1, 4, 5, 6, 7]
    for place, inverse in enumerate(undo):
        assert np.array_equal(turned_codes(views[:, place])[:, inverse], codes)


def test_a_turned_hash_is_near_the_turned_pictures_hash() -> None:
    lumas = np.stack([a_luma(seed) for seed in range(40)])
    exact = codes_in_all(lumas)
    apart = np.bitwise_count(exact ^ turned_codes(np.ascontiguousarray(exact[:, 0]))).sum(axis=2)
    assert np.median(apart[:, 1:]) <= 12
    assert apart.max() <= 45
    unrelated = np.bitwise_count(exact[:1] ^ exact[1:]).sum(axis=2)
    assert unrelated.min() > 60


def test_every_orientation_is_the_one_of_its_name() -> None:
    luma = a_luma(3)
    stored = codes_in_all(luma[np.newaxis])[:, 0]
    views = turned_codes(stored)[0]
    for place, orientation in enumerate(ORIENTATIONS):
        pixels = np.ascontiguousarray(turned(luma, orientation)).astype(np.float32)
        exact = codes_in_all(pixels[np.newaxis])[0, 0]
        apart = np.bitwise_count(exact ^ views).sum(axis=1)
        assert apart.argmin() == place


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), flips=st.integers(0, 90), few=st.sampled_from([0, 100]))
def test_whatever_is_within_reach_is_found(seed: int, flips: int, few: int) -> None:
    random = np.random.default_rng(seed)
    stored = random.integers(0, 256, (40, 32), dtype=np.uint8)
    bits = np.unpackbits(stored[7])
    bits[random.choice(256, flips, replace=False)] ^= 1
    entries = [an_entry(np.packbits(bits).tobytes()), an_entry(random.bytes(32), 2)]
    sought = SoughtEntries(entries, {"BANNED": BLOCK}, few=few)
    near = sought.near(stored, np.full(40, 90, dtype=np.int64))
    assert near[7] == (flips <= (64 if few else 31))


@pytest.mark.parametrize("place", range(8))
def test_a_turned_entry_is_found(place: int) -> None:
    stored = np.random.default_rng(5).integers(0, 256, (1, 32), dtype=np.uint8)
    entry = an_entry(turned_codes(stored)[0, place].tobytes())
    assert SoughtEntries([entry], {"BANNED": BLOCK}).near(stored, np.array([90])).all()


def test_flat_pictures_and_banks_that_are_off_find_nothing() -> None:
    stored = np.random.default_rng(5).integers(0, 256, (1, 32), dtype=np.uint8)
    entry = an_entry(stored[0].tobytes())
    assert not SoughtEntries([entry], {"BANNED": BLOCK}).near(stored, np.array([49])).any()
    assert not SoughtEntries([entry], {"BANNED": replace(BLOCK, enabled=False)}).near(stored, np.array([90])).any()
    assert not SoughtEntries([entry], {}).near(stored, np.array([90])).any()
    assert not SoughtEntries([], {"BANNED": BLOCK}).near(stored, np.array([90])).any()


def test_frames_carry_what_was_stored() -> None:
    (whole, more) = frames_of(
        [PictureHash(0, "ab" * 32, 80), PictureHash(1, "cd" * 32, 70, "0" * 15 + "7", "f" * 16, "12" * 32, 60)]
    )
    assert (whole.trimmed, whole.trimmed_quality, whole.phash, whole.quality) == (None, 0, 0, 80)
    assert (more.phash, more.dhash, more.trimmed_quality) == (7, 2**64 - 1, 60)
    assert more.trimmed is not None
    assert more.trimmed[0].tobytes().hex() == "12" * 32
    assert frames_of([]) == []


def test_a_stored_hash_of_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="64 characters"):
        codes_of(["ab" * 31, "ab" * 33])
