import hypothesis.strategies as st
import pytest
from hypothesis import given

from moderation.media.sniff import Format, is_cut_off, sniff, stated_size
from tests.media.images import animation, encoded, noise, png

PIXELS = noise(24, 40)
WHOLE = {kind: encoded(PIXELS, kind.value) for kind in Format}


@pytest.mark.parametrize("kind", Format)
def test_each_format_is_known_by_its_first_bytes(kind: Format) -> None:
    assert sniff(WHOLE[kind]) is kind
    assert sniff(b" " + WHOLE[kind]) is None


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"RIFF\0\0\0\0WAVE", b"BM" + bytes(60), b"<svg/>", b"%PDF-1.7"])
def test_what_is_not_accepted_has_no_format(data: bytes) -> None:
    assert sniff(data) is None


def test_other_iso_media_files_are_not_avif() -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    assert sniff(heic) is None
    assert sniff(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif") is Format.AVIF


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (Format.PNG, WHOLE[Format.PNG]),
        (Format.GIF, WHOLE[Format.GIF]),
        (Format.WEBP, WHOLE[Format.WEBP]),
        (Format.WEBP, encoded(PIXELS, "WEBP", lossless=True)),
        (Format.WEBP, encoded(PIXELS, "WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0")),
    ],
)
def test_the_stated_size_is_read_from_the_header(kind: Format, data: bytes) -> None:
    assert stated_size(kind, data) == (40, 24)


def test_a_lying_header_is_believed() -> None:
    assert stated_size(Format.PNG, png(50_000, 60_000)) == (50_000, 60_000)


@pytest.mark.parametrize("kind", Format)
def test_a_file_without_its_end_is_cut_off(kind: Format) -> None:
    assert not is_cut_off(kind, WHOLE[kind])
    assert is_cut_off(kind, WHOLE[kind][:-20])


def test_a_thumbnail_has_no_say_about_the_end() -> None:
    photo = WHOLE[Format.JPEG]
    with_thumbnail = photo[:2] + b"\xff\xe1" + (2 + len(photo)).to_bytes(2, "big") + photo + photo[2:]
    assert sniff(with_thumbnail) is Format.JPEG
    assert is_cut_off(Format.JPEG, with_thumbnail[:-2])


@given(kind=st.sampled_from(Format), data=st.binary(max_size=64), keep=st.integers(0, 64))
def test_no_bytes_make_it_fail(kind: Format, data: bytes, keep: int) -> None:
    hostile = WHOLE[kind][:keep] + data
    assert sniff(hostile) in {None, *Format}
    assert isinstance(is_cut_off(kind, hostile), bool)
    size = stated_size(kind, hostile)
    assert size is None or min(size) >= 0


def test_an_animation_is_of_its_format() -> None:
    assert [sniff(animation(kind, 3)) for kind in ("PNG", "WEBP", "AVIF", "GIF")] == [
        Format.PNG,
        Format.WEBP,
        Format.AVIF,
        Format.GIF,
    ]
