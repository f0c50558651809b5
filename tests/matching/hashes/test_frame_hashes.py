from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from moderation.bench.hash_pictures import drawn
from moderation.matching.hashes.frame_hashes import ORIENTATIONS, FrameHashes, frame_hashes, hashes_of
from moderation.matching.hashes.orientations import turned
from moderation.matching.hashes.pdq import SIDE, hash_and_quality, pdq_luma64
from moderation.matching.hashes.reductions import PDQ_LUMA64, REDUCTIONS, SECONDARY_LUMA, TRIMMED_LUMA64
from moderation.media.decode import DecoderProcess
from moderation.media.subject import Picture, Rgb
from tests.media.images import LIMITS, animation, encoded, noise

ORIENTATION = 0x0112
FLAT = np.full((64, 64, 3), 120, dtype=np.uint8)


def reduced(rgb: Rgb) -> Mapping[str, NDArray[np.generic]]:
    return {name: reduce(rgb) for name, reduce in REDUCTIONS.items()}


def same(first: FrameHashes, second: FrameHashes) -> bool:
    trimmed = (first.trimmed is None) == (second.trimmed is None)
    if first.trimmed is not None and second.trimmed is not None:
        trimmed = np.array_equal(first.trimmed, second.trimmed)
    numbers = ("quality", "trimmed_quality", "phash", "dhash")
    equal = all(getattr(first, name) == getattr(second, name) for name in numbers)
    return trimmed and equal and np.array_equal(first.pdq, second.pdq)


def decoded(*files: bytes) -> list[FrameHashes]:
    """The hashes of each file's first frame, by the decoder's process."""
    with DecoderProcess(LIMITS, REDUCTIONS) as decoder:
        pictures = decoder.decode(files)
    assert all(isinstance(picture, Picture) for picture in pictures), pictures
    return [frame_hashes([picture.frames[0].reduced])[0] for picture in pictures if isinstance(picture, Picture)]


def bits(first: FrameHashes, second: FrameHashes) -> int:
    return int(np.bitwise_count(first.pdq[0] ^ second.pdq[0]).sum())


def test_a_batch_gives_what_single_frames_give() -> None:
    bordered = np.asarray(ImageOps.expand(Image.fromarray(drawn(300, 300, 2)), 40, (255, 255, 255)))
    frames = [drawn(300, 400, 1), bordered, FLAT, noise(3, 900), bordered[:, ::-1]]
    together = frame_hashes([reduced(rgb) for rgb in frames])
    assert [hashes.trimmed is not None for hashes in together] == [False, True, False, False, True]
    for rgb, hashes in zip(frames, together, strict=True):
        assert same(hashes_of(rgb), hashes)


def test_the_parts_are_what_they_are_said_to_be() -> None:
    inner = drawn(300, 300, 2)
    hashes = hashes_of(np.asarray(ImageOps.expand(Image.fromarray(inner), 40, (255, 255, 255))))
    assert hashes.pdq.shape == (8, 32)
    assert hashes.trimmed is not None
    assert hashes.trimmed.shape == (8, 32)
    luma = pdq_luma64(inner)
    for orientation, code in zip(ORIENTATIONS, hashes.trimmed, strict=True):
        view = np.ascontiguousarray(turned(luma, orientation), dtype=np.float32)
        assert np.bitwise_count(code ^ hash_and_quality(view)[0]).sum() <= 10
    assert 50 <= hashes.trimmed_quality <= 100
    plain = hashes_of(inner)
    assert (plain.trimmed, plain.trimmed_quality) == (None, 0)
    assert (plain.phash.bit_length(), plain.dhash.bit_length()) <= (64, 64)


def test_a_flat_picture_has_no_quality() -> None:
    assert hashes_of(FLAT).quality == 0


def test_nothing_in_nothing_out() -> None:
    assert frame_hashes([]) == []


@pytest.mark.parametrize("name", [PDQ_LUMA64, TRIMMED_LUMA64, SECONDARY_LUMA])
def test_a_frame_without_a_reduction_is_an_error_never_a_picture_that_matches_nothing(name: str) -> None:
    frame = dict(reduced(noise(80, 80)))
    broken = {**frame, name: np.zeros((3, 3), dtype=np.float32)}
    with pytest.raises(ValueError, match="shape"):
        frame_hashes([frame, broken])
    del frame[name]
    with pytest.raises(KeyError):
        frame_hashes([frame])


@pytest.mark.parametrize(
    ("name", "shape"), [(PDQ_LUMA64, (64, 64)), (TRIMMED_LUMA64, (64, 64)), (SECONDARY_LUMA, (40, 41))]
)
@pytest.mark.parametrize("sample", [np.nan, np.inf, -1e30])
def test_samples_that_are_no_luma_are_an_error_never_a_picture_that_matches_nothing(
    name: str, shape: tuple[int, int], sample: float
) -> None:
    samples = np.full(shape, 100, dtype=np.float32)
    samples[3, 3] = sample
    with pytest.raises(ValueError, match="no luma"):
        frame_hashes([{**reduced(noise(80, 80)), name: samples}])


def test_hashes_are_not_shown() -> None:
    hashes = hashes_of(noise(80, 80))
    assert hashes.pdq[0].tobytes().hex()[:8] not in repr(hashes)
    assert str(hashes.phash) not in repr(hashes)
    assert "quality=100" in repr(hashes)


def test_reductions_are_small() -> None:
    sizes = {name: made.nbytes for name, made in reduced(drawn(1200, 1100, 0)).items()}
    assert sizes == {PDQ_LUMA64: 4 * SIDE**2, TRIMMED_LUMA64: 4, SECONDARY_LUMA: 40 * 41}


def test_the_decoders_process_gives_what_pixels_give() -> None:
    rgb = drawn(500, 700, 5)
    assert same(decoded(encoded(rgb, "PNG"))[0], hashes_of(rgb))


def test_lossless_files_hash_like_their_rgb_twins_in_every_mode() -> None:
    rgb = Image.fromarray(drawn(300, 400, 4))
    grey = rgb.convert("L")
    palette = rgb.convert("P", palette=Image.Palette.ADAPTIVE)
    ramp = Image.fromarray(np.tile(np.linspace(0, 255, 400, dtype=np.uint8), (300, 1)))
    clear = rgb.copy()
    clear.putalpha(ramp)
    over_white = Image.new("RGBA", rgb.size, "white")
    over_white.alpha_composite(clear)
    opaque = rgb.copy()
    opaque.putalpha(255)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    twins = [
        (grey, grey.convert("RGB")),
        (palette, palette.convert("RGB")),
        (clear, over_white.convert("RGB")),
        (opaque, rgb),
        (grey.convert("LA"), grey.convert("RGB")),
        (deep, grey.convert("RGB")),
    ]
    files = [encoded(image, "PNG") for pair in twins for image in pair]
    found = decoded(*files)
    for (image, _), one, twin in zip(twins, found[::2], found[1::2], strict=True):
        assert same(one, twin), image.mode


def test_jpeg_files_hash_like_their_rgb_twins_in_every_mode_and_turn() -> None:
    rgb = Image.fromarray(drawn(300, 400, 6))
    plain, cmyk, grey = (
        decoded(encoded(image, "JPEG", quality=95))[0] for image in (rgb, rgb.convert("CMYK"), rgb.convert("L"))
    )
    assert bits(plain, cmyk) <= 4
    assert bits(plain, grey) <= 4
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    files = []
    for value, way in undo.items():
        exif = Image.Exif()
        exif[ORIENTATION] = value
        files.append(encoded(rgb.transpose(way), "JPEG", quality=95, exif=exif))
    for value, hashes in zip(undo, decoded(*files), strict=True):
        assert bits(plain, hashes) <= 4, value
        assert (plain.phash ^ hashes.phash).bit_count() <= 4


def test_every_frame_of_an_animation_is_hashed() -> None:
    with DecoderProcess(LIMITS, REDUCTIONS) as decoder:
        (picture,) = decoder.decode([animation("GIF", 3)])
    assert isinstance(picture, Picture)
    assert [hashes.quality for hashes in frame_hashes([frame.reduced for frame in picture.frames])] == [0, 0, 0]
