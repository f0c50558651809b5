from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from PIL import Image

from moderation.domain.errors import InvalidInputError
from moderation.matching.hashes.grid import grid_of
from moderation.matching.hashes.secondary import (
    STACKED,
    dhashes,
    from_hex64,
    lanczos,
    phashes,
    sampled,
    secondary_luma,
    to_hex64,
)
from moderation.media.subject import Rgb
from tests.media.images import noise

TOLERANCE_BITS = 6
"""Of 64. Pictures are averaged to 256 samples first, and neighbours within a grey level fall on either side; most
photographs differ in none."""
MEAN_TOLERANCE_BITS = 1.0


def ours(rgb: Rgb) -> tuple[int, int]:
    samples = secondary_luma(rgb)[np.newaxis]
    return phashes(samples)[0], dhashes(samples)[0]


def imagehashes(rgb: Rgb) -> tuple[int, int]:
    image = Image.fromarray(rgb)
    return int(str(imagehash.phash(image)), 16), int(str(imagehash.dhash(image)), 16)


def distances(rgb: Rgb) -> tuple[int, int]:
    phash, dhash = (a ^ b for a, b in zip(ours(rgb), imagehashes(rgb), strict=True))
    return phash.bit_count(), dhash.bit_count()


@pytest.mark.parametrize("folder", ["photos", "large", "pdq"])
def test_both_are_imagehashs_within_the_tolerance_on_photographs(shared: Path, folder: str) -> None:
    found = []
    for path in sorted((shared / "corpora" / folder).iterdir())[::2]:
        if path.suffix != ".json":
            with Image.open(path) as image:
                found.append(distances(np.asarray(image.convert("RGB"))))
    assert max(max(pair) for pair in found) <= TOLERANCE_BITS
    assert max(np.mean(found, axis=0)) <= MEAN_TOLERANCE_BITS


@given(height=st.integers(1, 700), width=st.integers(1, 700), seed=st.integers(0, 2**16))
@settings(deadline=None, max_examples=40)
def test_both_are_imagehashs_at_any_size(height: int, width: int, seed: int) -> None:
    smooth = np.random.default_rng(seed).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    rgb = np.asarray(Image.fromarray(smooth).resize((width, height), Image.Resampling.BICUBIC))
    if min(height, width) >= 32:
        assert max(distances(rgb)) <= TOLERANCE_BITS


@pytest.mark.parametrize(("size", "side"), [(1, 32), (8, 8), (9, 32), (32, 32), (100, 8), (257, 9), (1000, 32)])
def test_the_operator_is_pillows_lanczos(size: int, side: int) -> None:
    values = np.random.default_rng(size).random((1, size), dtype=np.float32) * 255
    expected = np.asarray(Image.fromarray(values).resize((side, 1), Image.Resampling.LANCZOS))
    np.testing.assert_allclose(values @ lanczos(size, side).T, expected, atol=2e-2)


def test_without_averaging_the_samples_are_pillows_to_a_level() -> None:
    grey = noise(200, 330)[:, :, 0]
    rgb = np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    samples = sampled(grid_of(rgb))
    assert samples.shape == STACKED
    for part, size in ((samples[:32, :32], (32, 32)), (samples[32:, 32:], (9, 8))):
        pillow = np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.LANCZOS))
        assert np.abs(part.astype(int) - pillow).max() <= 1


@pytest.mark.parametrize("hashes", [phashes, dhashes])
def test_a_batch_gives_what_single_pictures_give(hashes: Callable[[NDArray[np.uint8]], list[int]]) -> None:
    samples = np.stack([secondary_luma(noise(150, 90, seed)) for seed in range(4)])
    assert hashes(samples) == [hashes(one[np.newaxis])[0] for one in samples]
    assert hashes(samples[:0]) == []


def test_a_flat_picture_has_the_hashes_that_imagehash_gives_it() -> None:
    flat = np.full((300, 400, 3), 90, dtype=np.uint8)
    assert ours(flat)[1] == imagehashes(flat)[1] == 0


@given(value=st.integers(0, 2**64 - 1))
def test_hexadecimal_and_back(value: int) -> None:
    text = to_hex64(value)
    assert len(text) == 16
    assert from_hex64(text.upper()) == value
    assert text == str(imagehash.hex_to_hash(text))


@pytest.mark.parametrize("text", ["", "0" * 15, "0" * 17, "g" * 16, " " * 16, "\u0660" * 16, "0x" + "0" * 14, "-" * 16])
def test_what_is_no_hash_is_an_input_error_that_does_not_repeat_it(text: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        from_hex64(text)
    assert not text or text not in str(raised.value)


@pytest.mark.parametrize("value", [-1, 2**64])
def test_a_number_of_more_bits_has_no_text(value: int) -> None:
    with pytest.raises(ValueError, match="64-bit"):
        to_hex64(value)
