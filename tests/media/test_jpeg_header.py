"""The short header reader says what Pillow says, or leaves the file to Pillow; it raises for no bytes."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, JpegImagePlugin

from moderation.media.jpeg_header import JpegHeader, plain_header
from tests.media.images import encoded

MODES = {1: "L", 3: "RGB", 4: "CMYK"}


def grey(width: int = 40, height: int = 30) -> Image.Image:
    return Image.fromarray(np.arange(width * height, dtype=np.uint32).reshape(height, width).astype(np.uint8))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"comment": b"by hand"}, {"icc_profile": bytes(3000)}])
def test_it_says_what_the_frame_states(mode: str, options: dict[str, object]) -> None:
    found = plain_header(encoded(grey().convert(mode), "JPEG", **options))
    assert found is not None
    assert (found.width, found.height) == (40, 30)
    assert MODES[found.components] == mode


def test_a_file_with_exif_or_xmp_is_left_to_the_library() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert plain_header(encoded(grey(), "JPEG", exif=exif)) is None
    assert plain_header(encoded(grey(), "JPEG", xmp=b"<x/>")) is None


def test_two_frames_other_depths_and_no_size_are_left_to_the_library() -> None:
    data = encoded(grey(), "JPEG")
    at = data.index(b"\xff\xc0")
    frame = data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]
    assert plain_header(data[:at] + frame + data[at:]) is None
    assert plain_header(data[: at + 4] + b"\x0c" + data[at + 5 :]) is None
    assert plain_header(data[: at + 5] + bytes(2) + data[at + 7 :]) is None
    assert plain_header(data[:at] + data[at + len(frame) :]) is None
    assert plain_header(data) == JpegHeader(40, 30, 1)


@given(cut=st.integers(2, 700), places=st.lists(st.tuples(st.integers(2, 400), st.integers(0, 255)), max_size=3))
def test_no_bytes_raise_and_what_it_says_is_what_pillow_says(cut: int, places: list[tuple[int, int]]) -> None:
    spoilt = bytearray(encoded(grey(), "JPEG")[:cut])
    for place, value in places:
        if place < len(spoilt):
            spoilt[place] = value
    _agrees(bytes(spoilt))


def test_files_that_were_made_to_break_decoders_raise_nothing(shared: Path) -> None:
    for path in sorted((shared / "corpora/malformed").glob("jpeg-*")):
        _agrees(path.read_bytes())


def _agrees(data: bytes) -> None:
    found = plain_header(data)
    try:
        header = JpegImagePlugin.JpegImageFile(BytesIO(data))
    except Exception:  # noqa: BLE001 - hostile bytes raise anything
        return
    if found is not None:
        assert (header.size, header.mode) == ((found.width, found.height), MODES[found.components])
