import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray
from PIL import Image

from moderation.domain.errors import InvalidInputError
from moderation.matching.hashes.pdq import from_hex, hash_and_quality, hashes_and_qualities, pdq_luma64, to_hex
from moderation.media.subject import Rgb
from tests.media.images import noise

PUBLISHED_TOLERANCE_BITS = 16
"""What the reference's own tests allow between its implementations, some of which shrink the picture first."""
NEAR = 0.02
"""The reference adds up in single precision: coefficients this near the median may fall on either side."""


def reference(rgb: Rgb) -> tuple[bytes, int]:
    bits, quality = pdqhash.compute(rgb)
    return np.packbits(bits.astype(np.uint8)).tobytes(), int(quality)


def ours(rgb: Rgb) -> tuple[bytes, int]:
    code, quality = hash_and_quality(pdq_luma64(rgb))
    return code.tobytes(), quality


def smoothed_slowly(rgb: Rgb) -> NDArray[np.float64]:
    """The published algorithm as it is written: two passes of a box filter along each axis, then sampling."""
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    for _ in range(2):
        luma = box(box(luma).T).T
    rows, columns = (((np.arange(64) + 0.5) * side / 64).astype(int) for side in luma.shape)
    return np.asarray(luma[np.ix_(rows, columns)])


def box(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over windows along the rows, adding one sample ahead and dropping one behind."""
    count = values.shape[1]
    window = (count + 127) // 128
    ahead = (window + 2) // 2
    means = [values[:, max(0, at + ahead - window) : at + ahead].mean(axis=1) for at in range(count)]
    return np.stack(means, axis=1)


def speckle(height: int, width: int) -> Rgb:
    """Noise without the symmetries that make coefficients exactly equal, so that rounding decides nothing."""
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def rgb_files(folder: Path) -> Iterator[tuple[str, Rgb]]:
    for path in sorted(folder.iterdir()):
        if path.suffix != ".json":
            with Image.open(BytesIO(path.read_bytes())) as image:
                yield path.name, np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("folder", ["photos", "large", "pdq"])
def test_hash_and_quality_are_the_references_on_photographs(shared: Path, folder: str) -> None:
    different = [name for name, rgb in rgb_files(shared / "corpora" / folder) if ours(rgb) != reference(rgb)]
    assert different == []


@pytest.mark.parametrize(("height", "width"), [(512, 300), (300, 512), (127, 129), (640, 65), (333, 1000), (1025, 64)])
def test_hash_and_quality_are_the_references_at_odd_sizes(shared: Path, height: int, width: int) -> None:
    with Image.open(shared / "corpora/large/01.jpg") as image:
        rgb = np.asarray(image.resize((width, height)))
    assert ours(rgb) == reference(rgb)


@given(height=st.integers(5, 200), width=st.integers(5, 200), seed=st.integers(0, 2**16))
@settings(deadline=None, max_examples=60)
def test_every_decided_bit_is_the_references_at_any_size(height: int, width: int, seed: int) -> None:
    rgb = noise(height, width, seed)
    coefficients = pdqhash.compute_float(rgb)[0]
    decided = np.abs(coefficients - np.partition(coefficients, 127)[127]) > NEAR
    theirs, quality = reference(rgb)
    code, our_quality = ours(rgb)
    bits = np.unpackbits(np.frombuffer(theirs, dtype=np.uint8) ^ np.frombuffer(code, dtype=np.uint8))
    assert not bits[decided].any()
    assert abs(our_quality - quality) <= 1


@given(height=st.integers(5, 300), width=st.integers(5, 300))
@settings(deadline=None, max_examples=30)
def test_smoothing_is_the_published_algorithms(height: int, width: int) -> None:
    rgb = noise(height, width, height * width)
    if (height, width) != (64, 64):
        np.testing.assert_allclose(pdq_luma64(rgb), smoothed_slowly(rgb), atol=2e-3)


def test_a_64_by_64_picture_is_not_smoothed() -> None:
    rgb = speckle(64, 64)
    np.testing.assert_allclose(pdq_luma64(rgb), rgb @ np.array([0.299, 0.587, 0.114]), atol=1e-3)
    assert ours(rgb) == reference(rgb)


def test_published_hashes_are_reached(shared: Path) -> None:
    folder = shared / "corpora/pdq"
    expected: dict[str, dict[str, str]] = json.loads((folder / "expected.json").read_text())
    pictures = {name: rgb for name, rgb in rgb_files(folder) if name in expected}
    assert len(pictures) >= 16
    for name, rgb in pictures.items():
        code, _ = ours(rgb)
        for published in expected[name].values():
            distance = int(np.bitwise_count(from_hex(published) ^ np.frombuffer(code, dtype=np.uint8)).sum())
            assert distance <= (PUBLISHED_TOLERANCE_BITS if max(rgb.shape) > 512 else 0), name


@pytest.mark.parametrize("shape", [(1, 1), (4, 400), (400, 4), (4, 4)])
def test_tiny_pictures_have_the_zero_hash_and_no_quality(shape: tuple[int, int]) -> None:
    assert ours(noise(*shape)) == (bytes(32), 0)


def test_a_side_of_five_is_enough() -> None:
    assert ours(speckle(5, 500)) == reference(speckle(5, 500))


def test_a_flat_picture_has_no_quality() -> None:
    assert ours(np.full((300, 200, 3), 90, dtype=np.uint8))[1] == 0


def test_long_sides_take_little_memory() -> None:
    assert pdq_luma64(np.zeros((16_384, 5, 3), dtype=np.uint8)).shape == (64, 64)


def test_a_batch_gives_what_single_pictures_give() -> None:
    lumas = np.stack([pdq_luma64(noise(100, 140, seed)) for seed in range(7)])
    codes, qualities = hashes_and_qualities(lumas)
    assert codes.shape == (7, 32)
    for luma, code, quality in zip(lumas, codes, qualities, strict=True):
        alone, alone_quality = hash_and_quality(luma)
        assert (alone.tobytes(), alone_quality) == (code.tobytes(), quality)


def test_an_empty_batch_is_empty() -> None:
    codes, qualities = hashes_and_qualities(np.empty((0, 64, 64), dtype=np.float32))
    assert (codes.shape, qualities.shape) == ((0, 32), (0,))


@given(raw=st.binary(min_size=32, max_size=32))
def test_hexadecimal_and_back(raw: bytes) -> None:
    text = to_hex(np.frombuffer(raw, dtype=np.uint8))
    assert text == raw.hex()
    assert from_hex(text.upper()).tobytes() == raw


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "g" * 64, " " * 64, "\u0660" * 64, "0x" + "0" * 62])
def test_what_is_no_hash_is_an_input_error(text: str) -> None:
    with pytest.raises(InvalidInputError):
        from_hex(text)
