from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from moderation.media.decode_image import decode_image
from moderation.media.decode_pixels import orientation_of, to_rgb
from moderation.media.subject import Rgb
from tests.media.images import LIMITS, chunk, encoded, noise, png

PIXELS = noise(24, 40)
ORIENTATION = 0x0112


def first_frame(data: bytes) -> Rgb:
    return next(decode_image(data, LIMITS).frames)


def exif(orientation: object) -> bytes:
    block = Image.Exif()
    block[ORIENTATION] = orientation
    return block.tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_orientation_is_turned_upright(kind: str, orientation: int) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(PIXELS, kind, exif=exif(orientation), **options)
    with Image.open(BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    decoded = decode_image(data, LIMITS)
    np.testing.assert_array_equal(next(decoded.frames), np.asarray(upright))
    assert (decoded.facts.width, decoded.facts.height) == upright.size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_avif_is_turned_upright(orientation: int) -> None:
    turned = first_frame(encoded(PIXELS, "AVIF", exif=exif(orientation), quality=100))
    with Image.open(BytesIO(encoded(PIXELS, "PNG", exif=exif(orientation)))) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert turned.shape == expected.shape
    assert np.abs(turned.astype(int) - expected).mean() < 8


def test_photographs_that_differ_only_in_orientation_come_out_alike(shared: Path) -> None:
    frames = [
        first_frame(path.read_bytes()) for path in sorted((shared / "corpora/formats").glob("exif-Portrait_*.jpg"))
    ]
    assert len(frames) == 9
    for frame in frames[1:]:
        assert frame.shape == frames[0].shape
        assert np.abs(frame.astype(int) - frames[0]).mean() < 12


@pytest.mark.parametrize("orientation", [0, 9, 70_000, "six", (6, 6)])
def test_a_nonsense_orientation_turns_nothing(orientation: object) -> None:
    image = Image.fromarray(PIXELS)
    block = Image.Exif()
    block[ORIENTATION] = orientation
    try:
        image.info["exif"] = block.tobytes()
    except Exception:  # noqa: BLE001 - a value that cannot even be written
        image.info["exif"] = b"Exif\0\0" + repr(orientation).encode()
    assert orientation_of(image) == 1


@pytest.mark.parametrize("block", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", bytes(40), "text", 7])
def test_exif_that_cannot_be_read_turns_nothing(block: object) -> None:
    image = Image.fromarray(PIXELS)
    image.info["exif"] = block
    assert orientation_of(image) == 1


def test_sixteen_bit_grey_keeps_its_high_byte() -> None:
    ramp = np.arange(0, 65_536, 16, dtype=np.uint16).reshape(64, 64)
    frame = first_frame(encoded(Image.fromarray(ramp), "PNG"))
    np.testing.assert_array_equal(frame, np.repeat((ramp >> 8).astype(np.uint8)[:, :, np.newaxis], 3, axis=2))


def test_sixteen_bit_grey_and_colour_agree() -> None:
    levels = [0, 1, 127, 128, 255, 256, 32_767, 32_768, 65_279, 65_280, 65_534, 65_535]
    grey = b"\0" + b"".join(level.to_bytes(2, "big") for level in levels)
    colour = b"\0" + b"".join(level.to_bytes(2, "big") * 3 for level in levels)
    as_grey = first_frame(png(len(levels), 1, depth=16, colour=0, rows=grey))
    as_colour = first_frame(png(len(levels), 1, depth=16, colour=2, rows=colour))
    np.testing.assert_array_equal(as_grey, as_colour)


def test_sixteen_bit_grey_shows_its_transparent_level_as_white() -> None:
    rows = b"\0" + (1000).to_bytes(2, "big") + (2000).to_bytes(2, "big")
    frame = first_frame(png(2, 1, depth=16, colour=0, rows=rows, extra=chunk(b"tRNS", (1000).to_bytes(2, "big"))))
    assert frame[0, 0].tolist() == [255, 255, 255]
    assert frame[0, 1].tolist() == [2000 >> 8] * 3


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_is_shown_over_white(mode: str, kind: str) -> None:
    image = Image.new(mode, (4, 1), (0,) * len(mode))
    for column, alpha in enumerate((0, 64, 128, 255)):
        image.putpixel((column, 0), (*(0,) * (len(mode) - 1), alpha))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    frame = first_frame(encoded(image, kind, **options))
    for column, level in enumerate((255, 191, 127, 0)):
        assert np.abs(frame[0, column].astype(int) - level).max() <= 1


def test_hidden_colour_behind_full_transparency_is_not_shown() -> None:
    hidden = np.dstack([PIXELS, np.zeros(PIXELS.shape[:2], dtype=np.uint8)])
    assert (first_frame(encoded(hidden, "PNG")) == 255).all()


def test_a_palette_with_transparency_is_shown_over_white() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    for column in range(3):
        image.putpixel((column, 0), column)
    frame = first_frame(encoded(image, "PNG", transparency=bytes([0, 255, 128])))
    assert frame[0].tolist() == [[255, 255, 255], [0, 200, 0], [127, 127, 227]]
    by_index = first_frame(encoded(image, "GIF", transparency=1))
    assert by_index[0].tolist() == [[200, 0, 0], [255, 255, 255], [0, 0, 200]]


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_and_palette_become_colour(mode: str) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    np.testing.assert_array_equal(first_frame(encoded(image, "PNG")), np.asarray(image.convert("RGB")))


def test_cmyk_is_not_inverted() -> None:
    inks = np.zeros((16, 16, 4), dtype=np.uint8)
    inks[:, :, 1:3] = 255
    frame = first_frame(encoded(Image.fromarray(inks, mode="CMYK"), "JPEG", quality=100))
    assert np.abs(frame.astype(int) - [255, 0, 0]).max() <= 4


def test_a_32_bit_image_is_clipped_not_wrapped() -> None:
    image = Image.fromarray(np.array([[-5, 0x1234, 0x7FFFFFFF]], dtype=np.int32))
    assert to_rgb(image)[0, :, 0].tolist() == [0, 0x12, 0xFF]


def test_the_png_suite_looks_alike_at_every_depth(shared: Path) -> None:
    """basi and basn are the same picture, interlaced or not; bg only adds a background that nobody has to use."""
    suite = shared / "corpora/formats"
    for plain in sorted(suite.glob("pngsuite-basn*.png")):
        twin = suite / plain.name.replace("basn", "basi")
        np.testing.assert_array_equal(first_frame(plain.read_bytes()), first_frame(twin.read_bytes()), plain.name)
