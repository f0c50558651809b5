import zlib
from io import BytesIO
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image, ImageOps

from moderation.domain.media import RefusalReason
from moderation.media.decode_image import Decoded, RefusedError, chosen_frames, decode_image, preview
from moderation.media.decode_limits import DecodeLimits
from moderation.media.sniff import Format
from tests.media.images import LIMITS, animation, chunk, encoded, greys, noise, png

PIXELS = noise(64, 96)


def whole(data: bytes, limits: DecodeLimits = LIMITS) -> tuple[Decoded, list[np.ndarray]]:
    decoded = decode_image(data, limits)
    return decoded, list(decoded.frames)


def refusal(data: bytes, limits: DecodeLimits = LIMITS) -> RefusalReason:
    with pytest.raises(RefusedError) as caught:
        whole(data, limits)
    return caught.value.reason


@pytest.mark.parametrize("kind", Format)
def test_every_format_decodes(kind: Format) -> None:
    decoded, frames = whole(encoded(PIXELS, kind.value))
    assert (decoded.facts.format, decoded.facts.width, decoded.facts.height, decoded.facts.frames) == (kind, 96, 64, 1)
    assert [frame.shape for frame in frames] == [(64, 96, 3)]
    assert np.abs(frames[0].astype(int) - PIXELS).mean() < 40


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}, {"quality": 5}, {"restart_marker_rows": 1}],
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg_pixels_are_pillows(mode: str, options: dict[str, object]) -> None:
    data = encoded(Image.fromarray(PIXELS).convert(mode), "JPEG", **options)
    with Image.open(BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(whole(data)[1][0], expected)


def test_jpeg_pixels_are_pillows_for_every_photograph(shared: Path) -> None:
    limits = DecodeLimits(2**24, 2**24, 2**14, 1, 60, 512)
    paths = sorted((shared / "corpora").glob("[lp]*/*.jpg"))
    assert len(paths) > 60
    for path in paths:
        with Image.open(path) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        np.testing.assert_array_equal(next(decode_image(path.read_bytes(), limits).frames), expected, path.name)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "GIF"])
def test_an_animation_yields_evenly_spaced_frames_with_both_ends(kind: str) -> None:
    decoded, frames = whole(animation(kind, 10))
    assert decoded.facts.frames == 10
    wanted = [greys(10)[number] for number in (0, 3, 6, 9)]
    assert [int(frame.mean()) for frame in frames] == pytest.approx(wanted, abs=2)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "GIF"])
def test_a_short_animation_yields_every_frame(kind: str) -> None:
    decoded, frames = whole(animation(kind, 3))
    assert decoded.facts.frames == len(frames) == 3


def test_a_multi_picture_jpeg_is_its_first_picture() -> None:
    data = encoded(PIXELS, "MPO", save_all=True, append_images=[Image.new("RGB", (32, 32))])
    decoded, frames = whole(data)
    assert (decoded.facts.format, decoded.facts.frames, len(frames)) == ("JPEG", 1, 1)
    assert frames[0].shape == PIXELS.shape


@given(count=st.integers(1, 10_000), most=st.integers(2, 64))
def test_chosen_frames_are_distinct_in_order_and_reach_both_ends(count: int, most: int) -> None:
    numbers = chosen_frames(count, most)
    assert numbers == sorted(set(numbers))
    assert len(numbers) == min(count, most)
    assert (numbers[0], numbers[-1]) == (0, count - 1)
    gaps = np.diff(numbers)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


@given(height=st.integers(1, 3000), width=st.integers(1, 3000), side=st.sampled_from([362, 1024]))
@settings(max_examples=40, deadline=None)
def test_a_preview_keeps_the_aspect_and_the_limit(height: int, width: int, side: int) -> None:
    rgb = np.full((height, width, 3), 77, dtype=np.uint8)
    shown = preview(rgb, side)
    assert shown.shape[2] == 3
    assert (shown == 77).all()
    if max(height, width) <= side:
        assert shown is rgb
    else:
        assert max(shown.shape[:2]) == side
        scale = side / max(height, width)
        assert shown.shape[:2] == pytest.approx((max(1, height * scale), max(1, width * scale)), abs=2)


@given(keep=st.integers(3, 1_000_000))
@settings(deadline=None)
def test_a_jpeg_cut_anywhere_is_refused_as_truncated(keep: int) -> None:
    data = encoded(PIXELS, "JPEG")
    assert refusal(data[: min(keep, len(data) - 1)]) is RefusalReason.TRUNCATED


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF"])
@given(share=st.floats(0.05, 0.9))
@settings(deadline=None, max_examples=30)
def test_a_cut_file_never_yields_a_picture(kind: str, share: float) -> None:
    data = encoded(PIXELS, kind)
    assert refusal(data[: int(len(data) * share)]) in {RefusalReason.TRUNCATED, RefusalReason.UNSUPPORTED}


def test_a_gif_cut_inside_its_last_frame_is_refused() -> None:
    assert refusal(animation("GIF", 6)[:-20]) is RefusalReason.TRUNCATED


@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_damaged_files_yield_frames_or_a_refusal(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["PNG", "GIF", "JPEG"]))
    damaged = bytearray(animation(kind, 3) if kind != "JPEG" else encoded(PIXELS, kind))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(8, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        decoded, frames = whole(bytes(damaged))
    except RefusedError:
        return
    assert len(frames) == min(decoded.facts.frames, LIMITS.max_frames)
    assert all(frame.dtype == np.uint8 and frame.shape[2] == 3 for frame in frames)


def _claiming(kind: Format, width: int, height: int) -> bytes:
    """A small file whose header states another size."""
    data = bytearray(animation("WEBP", 2) if kind is Format.WEBP else encoded(PIXELS, kind.value))
    if kind is Format.PNG:
        return png(width, height)
    if kind is Format.GIF:
        data[6:10] = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    if kind is Format.WEBP:
        at = data.index(b"VP8X") + 12
        data[at : at + 6] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    if kind is Format.AVIF:
        at = data.index(b"ispe") + 8
        data[at : at + 8] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    if kind is Format.JPEG:
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return bytes(data)


@pytest.mark.parametrize("kind", Format)
def test_a_header_over_the_pixel_limit_is_too_large(kind: Format) -> None:
    assert refusal(_claiming(kind, 2_001, 2_000)) is RefusalReason.TOO_LARGE


@pytest.mark.parametrize("kind", Format)
def test_a_header_over_the_side_limit_is_too_large(kind: Format) -> None:
    assert refusal(_claiming(kind, 4_001, 10)) is RefusalReason.TOO_LARGE


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (0, 0)])
def test_a_picture_without_pixels_is_corrupt(width: int, height: int) -> None:
    assert refusal(png(width, height)) is RefusalReason.CORRUPT


def test_a_gif_frame_beyond_its_canvas_counts_against_the_limit() -> None:
    data = bytearray(animation("GIF", 2))
    at = data.rindex(b"\x2c\0\0\0\0")
    data[at + 5 : at + 9] = (60_000).to_bytes(2, "little") * 2
    assert refusal(bytes(data)) in {RefusalReason.TOO_LARGE, RefusalReason.TRUNCATED}


def test_a_compressed_text_bomb_is_refused() -> None:
    bomb = chunk(b"zTXt", b"key\0\0" + zlib.compress(b"A" * 50_000_000))
    assert refusal(png(2, 1, rows=bytes(7), extra=bomb)) in {RefusalReason.CORRUPT, RefusalReason.TOO_LARGE}


def test_an_animation_past_its_time_is_refused_between_frames() -> None:
    limits = DecodeLimits(2**22, 2**22, 2**12, 4, 1e-9, 512)
    assert refusal(animation("GIF", 5), limits) is RefusalReason.TIMEOUT


def test_an_animation_that_promises_more_frames_than_it_has_is_refused() -> None:
    data = bytearray(animation("PNG", 5))
    at = data.index(b"acTL") + 4
    body = (9).to_bytes(4, "big") + bytes(data[at + 4 : at + 8])
    data[at - 8 : at + 12] = chunk(b"acTL", body)
    assert refusal(bytes(data)) in {RefusalReason.CORRUPT, RefusalReason.TRUNCATED}
