from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image

from moderation.matching.hashes.orientations import ORIENTATIONS, Orientation, codes_in_all, turned
from moderation.matching.hashes.pdq import coefficients, hash_and_quality, pdq_luma64
from tests.media.images import noise

LUMAS = arrays(
    np.float32,
    (64, 64),
    elements=st.floats(0, 255, width=32),
    fill=st.sampled_from([np.float32(0), np.float32(77.7), np.float32(255)]),
)
"""Mostly flat lumas with a few odd samples: the ones whose coefficients are equal but for rounding."""


def assert_each_is_the_hash_of_the_turned(luma: NDArray[np.float32]) -> None:
    (codes,) = codes_in_all(luma[np.newaxis])
    for code, orientation in zip(codes, ORIENTATIONS, strict=True):
        view = np.ascontiguousarray(turned(luma, orientation), dtype=np.float32)
        assert code.tobytes() == hash_and_quality(view)[0].tobytes(), orientation


@given(luma=LUMAS)
@settings(deadline=None, max_examples=50)
def test_every_orientation_is_exactly_the_hash_of_the_turned_luma(luma: NDArray[np.float32]) -> None:
    assert_each_is_the_hash_of_the_turned(luma)


@given(seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([2, 3, 256]))
@settings(deadline=None, max_examples=50)
def test_every_orientation_is_exactly_the_hash_of_turned_noise(seed: int, levels: int) -> None:
    whole = np.random.default_rng(seed).integers(0, levels, (64, 64))
    for luma in (whole, (whole + whole.T) / 3, (whole + whole[::-1]) / 3):
        assert_each_is_the_hash_of_the_turned(luma.astype(np.float32))


@given(seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=30)
def test_coefficients_of_mirrored_and_transposed_lumas_are_exactly_those(seed: int) -> None:
    luma = np.random.default_rng(seed).random((1, 64, 64), dtype=np.float32) * 255
    plain = coefficients(luma)
    signs = np.where(np.arange(1, 17) % 2, -1.0, 1.0)
    np.testing.assert_array_equal(coefficients(luma.swapaxes(1, 2)), plain.swapaxes(1, 2))
    np.testing.assert_array_equal(coefficients(luma[:, ::-1]), plain * signs[:, np.newaxis])
    np.testing.assert_array_equal(coefficients(luma[:, :, ::-1]), plain * signs)


def test_the_coefficients_are_the_cosine_transforms() -> None:
    luma = np.random.default_rng(1).random((1, 64, 64), dtype=np.float32) * 255
    frequency, sample = np.arange(1, 17)[:, np.newaxis], 2 * np.arange(64) + 1
    rows = np.sqrt(2 / 64) * np.cos(np.pi / 128 * frequency * sample)
    np.testing.assert_allclose(coefficients(luma)[0], rows @ luma[0] @ rows.T, atol=1e-3)


@pytest.mark.parametrize("folder", ["photos", "pdq"])
def test_all_eight_are_the_references(shared: Path, folder: str) -> None:
    different = []
    for path in sorted((shared / "corpora" / folder).iterdir())[::3]:
        if path.suffix == ".json":
            continue
        with Image.open(path) as image:
            rgb = np.asarray(image.convert("RGB"))
        bits, _ = pdqhash.compute_dihedral(rgb)
        theirs = np.packbits(np.asarray(bits, dtype=np.uint8).reshape(8, 256), axis=1)
        if not np.array_equal(codes_in_all(pdq_luma64(rgb)[np.newaxis])[0], theirs):
            different.append(path.name)
    assert different == []


def test_the_published_turned_pictures_are_near_their_orientation(shared: Path) -> None:
    folder = shared / "corpora/pdq"
    names = ["1-original", "2-rotate-90", "3-rotate-180", "4-rotate-270", "5-flipx", "6-flipy", "7-flip-plus-1"]
    names.append("8-flip-minus-1")
    lumas = []
    for name in names:
        with Image.open(folder / f"reg-test-input-dih-bridge-{name}.jpg") as image:
            lumas.append(pdq_luma64(np.asarray(image.convert("RGB"))))
    original = codes_in_all(lumas[0][np.newaxis])[0]
    upright = codes_in_all(np.stack(lumas))[:, 0]
    distances = np.bitwise_count(original[:, np.newaxis] ^ upright[np.newaxis]).sum(axis=2)
    assert (distances.diagonal() <= 16).all(), distances.diagonal()
    assert (distances[~np.eye(8, dtype=bool)] > 64).all()


def test_the_names_say_how_pixels_are_turned() -> None:
    pixels = np.arange(6).reshape(2, 3)
    assert np.array_equal(turned(pixels, Orientation.ROTATE90), np.rot90(pixels))
    assert np.array_equal(turned(pixels, Orientation.ROTATE180), np.rot90(pixels, 2))
    assert np.array_equal(turned(pixels, Orientation.ROTATE270), np.rot90(pixels, 3))
    assert np.array_equal(turned(pixels, Orientation.FLIP_X), np.flipud(pixels))
    assert np.array_equal(turned(pixels, Orientation.FLIP_Y), np.fliplr(pixels))
    assert np.array_equal(turned(pixels, Orientation.TRANSPOSE), pixels.T)
    assert np.array_equal(turned(pixels, Orientation.TRANSVERSE), np.rot90(pixels, 2).T)
    assert np.array_equal(turned(pixels, Orientation.UPRIGHT), pixels)


def test_a_batch_gives_what_single_lumas_give_and_nothing_gives_nothing() -> None:
    lumas = np.stack([pdq_luma64(noise(90, 120, seed)) for seed in range(5)])
    together = codes_in_all(lumas)
    assert together.shape == (5, 8, 32)
    for luma, codes in zip(lumas, together, strict=True):
        assert np.array_equal(codes_in_all(luma[np.newaxis])[0], codes)
    assert codes_in_all(lumas[:0]).shape == (0, 8, 32)
