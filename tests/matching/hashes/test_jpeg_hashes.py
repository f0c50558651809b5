from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image, ImageOps

from moderation.bench.hash_pictures import drawn
from moderation.domain.errors import InvalidInputError
from moderation.matching.hashes.frame_hashes import FrameHashes, hashes_of
from moderation.matching.hashes.jpeg_hashes import (
    LIMITS,
    MIRRORED_COLUMNS,
    MIRRORED_ROWS,
    hashes_of_jpeg,
    reduction_for,
)
from moderation.media.decode_image import decode_image
from moderation.media.decode_pixels import oriented
from moderation.media.subject import Rgb
from tests.media.images import encoded

MOST_BITS = 10
"""The design's bar for the distance between the hashes of a reduced and of the full decode."""
TYPICAL_BITS = 2.0
ORIENTATION = 0x0112


def in_full(data: bytes) -> FrameHashes:
    return hashes_of(next(decode_image(data, LIMITS).frames))


def bits(first: FrameHashes, second: FrameHashes) -> int:
    return int(np.bitwise_count(first.pdq[0] ^ second.pdq[0]).sum())


def photographs(shared: Path, size: tuple[int, int] | None) -> Iterator[bytes]:
    for path in sorted((shared / "corpora/large").iterdir())[::2]:
        if size is None:
            yield path.read_bytes()
            continue
        with Image.open(path) as image:
            yield encoded(image.resize(size, Image.Resampling.BICUBIC), "JPEG", quality=88)


@pytest.mark.parametrize(
    "size", [None, (480, 480), (500, 500), (777, 520), (1000, 1000), (1024, 1024), (1531, 1101), (2049, 2048)]
)
def test_a_reduced_decode_is_near_the_full_one_on_photographs(shared: Path, size: tuple[int, int] | None) -> None:
    distances = [bits(hashes_of_jpeg(data), in_full(data)) for data in photographs(shared, size)]
    assert max(distances) <= MOST_BITS
    assert np.mean(distances) <= TYPICAL_BITS


def test_small_photographs_enlarged_are_near_too(shared: Path) -> None:
    distances = []
    for path in sorted((shared / "corpora/photos").iterdir())[::6]:
        with Image.open(path) as image:
            data = encoded(image.convert("RGB").resize((1024, 1024), Image.Resampling.BICUBIC), "JPEG", quality=85)
        distances.append(bits(hashes_of_jpeg(data), in_full(data)))
    assert max(distances) <= MOST_BITS
    assert np.mean(distances) <= TYPICAL_BITS


@given(height=st.integers(480, 1300), width=st.integers(480, 1300), turn=st.integers(1, 8), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_every_size_and_exif_turn_is_near_the_full_decode(height: int, width: int, turn: int, seed: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = turn
    bordered = ImageOps.expand(Image.fromarray(drawn(height - 120, width - 80, seed)), (40, 60), (255, 255, 255))
    data = encoded(bordered, "JPEG", quality=90, exif=exif)
    full, reduced = in_full(data), hashes_of_jpeg(data)
    assert bits(full, reduced) <= MOST_BITS
    assert abs(full.quality - reduced.quality) <= 3
    assert (full.phash ^ reduced.phash).bit_count() <= 6
    assert (full.dhash ^ reduced.dhash).bit_count() <= 6
    assert full.trimmed is not None
    assert reduced.trimmed is not None
    assert int(np.bitwise_count(full.trimmed[0] ^ reduced.trimmed[0]).sum()) <= 2 * MOST_BITS


def exactly(first: FrameHashes, second: FrameHashes) -> bool:
    return np.array_equal(first.pdq, second.pdq) and (first.phash, first.dhash) == (second.phash, second.dhash)


@pytest.mark.parametrize("shape", [(479, 900), (300, 300), (3, 3), (40, 2000)])
def test_a_picture_too_small_to_be_reduced_has_exactly_the_full_decodes_hashes(shape: tuple[int, int]) -> None:
    data = encoded(drawn(*shape, 1), "JPEG")
    assert exactly(hashes_of_jpeg(data), in_full(data))


@pytest.mark.parametrize("turn", range(1, 9))
def test_it_is_known_where_a_turned_picture_has_its_parts_of_squares(turn: int) -> None:
    """A file has them in its last row and column."""
    rows, columns = np.zeros((2, 4, 6), dtype=np.uint8)
    rows[-1], columns[:, -1] = 1, 1
    turned = [oriented(parts, turn) for parts in (rows, columns)]
    assert any(parts[0].all() for parts in turned) is (turn in MIRRORED_ROWS)
    assert any(parts[:, 0].all() for parts in turned) is (turn in MIRRORED_COLUMNS)


@pytest.mark.parametrize(("options", "mode"), [({"progressive": True}, "RGB"), ({"subsampling": 0}, "RGB"), ({}, "L")])
def test_other_encodings_are_near_the_full_decode(options: dict[str, object], mode: str) -> None:
    data = encoded(Image.fromarray(drawn(800, 700, 2)).convert(mode), "JPEG", quality=90, **options)
    assert bits(hashes_of_jpeg(data), in_full(data)) <= MOST_BITS


def test_cmyk_is_decoded_in_full_and_hashes_like_its_rgb_twin() -> None:
    picture = Image.fromarray(drawn(600, 800, 3))
    cmyk, rgb = (encoded(image, "JPEG", quality=95) for image in (picture.convert("CMYK"), picture))
    assert exactly(hashes_of_jpeg(cmyk), in_full(cmyk))
    assert bits(hashes_of_jpeg(cmyk), hashes_of_jpeg(rgb)) <= MOST_BITS


@pytest.mark.parametrize(
    ("size", "scale"), [((479, 9000), 1), ((480, 480), 2), ((959, 960), 2), ((960, 960), 4), ((4000, 3000), 8)]
)
def test_the_reduced_short_side_keeps_240_samples(size: tuple[int, int], scale: int) -> None:
    assert reduction_for(*size)[0] == reduction_for(*reversed(size))[0] == scale


def picture(side: int = 600) -> bytes:
    return encoded(drawn(side, side, 1), "JPEG")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9",
        picture()[:2000],
        picture()[:-2],
        encoded(drawn(600, 600, 1), "PNG"),
        b"\xff\xd8\xff" + bytes(500) + b"\xff\xd9",
        picture()[:600] + b"\xff\xd9",
    ],
)
def test_what_is_no_whole_jpeg_file_is_an_input_error(data: bytes) -> None:
    with pytest.raises(InvalidInputError):
        hashes_of_jpeg(data)


@pytest.mark.parametrize("side", [600, 300])
def test_a_file_over_the_limits_is_an_input_error(side: int) -> None:
    for limits in (replace(LIMITS, max_bytes=1000), replace(LIMITS, max_side=200), replace(LIMITS, max_pixels=10_000)):
        with pytest.raises(InvalidInputError):
            hashes_of_jpeg(picture(side), limits)


def test_files_that_were_made_to_break_decoders_are_hashed_or_refused(shared: Path) -> None:
    refused = 0
    for path in sorted((shared / "corpora/malformed").glob("jpeg-*"))[::3]:
        try:
            assert hashes_of_jpeg(path.read_bytes()).pdq.shape == (8, 32)
        except InvalidInputError:
            refused += 1
    assert refused


def test_exif_examples_hash_like_their_upright_pictures(shared: Path) -> None:
    for kind in ("Portrait",):
        files = [(shared / f"corpora/formats/exif-{kind}_{turn}.jpg").read_bytes() for turn in range(1, 9)]
        upright = hashes_of_jpeg(files[0])
        assert max(bits(upright, hashes_of_jpeg(data)) for data in files) <= MOST_BITS


def test_pixels_are_those_of_the_lanes_decoder() -> None:
    data = picture(300)
    with Image.open(BytesIO(data)) as image:
        rgb: Rgb = np.asarray(image.convert("RGB"))
    assert exactly(hashes_of_jpeg(data), hashes_of(rgb))
