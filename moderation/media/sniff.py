"""What a file says of itself in its first bytes, read without any image library."""

from enum import StrEnum
from struct import error as StructError  # noqa: N812 - an exception class
from struct import unpack_from


class Format(StrEnum):
    """The formats that the decoder takes, by the name that Pillow gives them."""

    JPEG = "JPEG"
    PNG = "PNG"
    WEBP = "WEBP"
    AVIF = "AVIF"
    GIF = "GIF"


PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_END = b"\xff\xd9"
MARKER = 0xFF
JPEG_SCAN = 0xDA
BARE_MARKERS = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})
"""JPEG markers (and the stuffed zero) that no length follows (ITU-T T.81, table B.1)."""
MAX_BRANDS = 64
"""Compatible brands of an ISO media file that are looked at."""


def sniff(data: bytes) -> Format | None:
    """The format whose magic number `data` starts with."""
    if data.startswith(b"\xff\xd8\xff"):
        return Format.JPEG
    if data.startswith(PNG_SIGNATURE):
        return Format.PNG
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return Format.WEBP
    if data.startswith((b"GIF87a", b"GIF89a")):
        return Format.GIF
    if data[4:8] == b"ftyp" and _brands(data) & {b"avif", b"avis"}:
        return Format.AVIF
    return None


def stated_size(kind: Format, data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels as the header states them, or None where only the format's library can tell.

    Read before the library allocates anything for a size that may be a lie.
    """
    try:
        if kind is Format.PNG and data[12:16] == b"IHDR":
            width, height = unpack_from(">II", data, 16)
            return width, height
        if kind is Format.GIF:
            width, height = unpack_from("<HH", data, 6)
            return width, height
        if kind is Format.WEBP:
            return _webp_size(data)
    except StructError:
        return None
    return None


def is_cut_off(kind: Format, data: bytes) -> bool:
    """True when the file ends before its format's end mark, or before the length that it states."""
    if kind is Format.JPEG:
        scan = _jpeg_scan(data)
        return scan is None or data.find(JPEG_END, scan) < 0
    if kind is Format.PNG:
        return b"IEND" not in data[-1024:]
    if kind is Format.GIF:
        return not data.rstrip(b"\0").endswith(b";")
    if kind is Format.WEBP:
        return int.from_bytes(data[4:8], "little") + 8 > len(data)
    return _boxes_overrun(data)


def _brands(data: bytes) -> set[bytes]:
    """Major and compatible brands of an ISO base media file (ISO/IEC 14496-12, section 4.3)."""
    end = min(int.from_bytes(data[:4], "big"), len(data), 16 + 4 * MAX_BRANDS)
    return {data[8:12]} | {data[at : at + 4] for at in range(16, end - 3, 4)}


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """The canvas of a WebP file (RFC 9649, sections 2.5 to 2.7)."""
    chunk = data[12:16]
    if chunk == b"VP8X":
        (low,), (high,) = unpack_from("<I", data, 23), unpack_from("<I", data, 26)
        return (low >> 8) + 1, (high >> 8) + 1
    if chunk == b"VP8 ":
        width, height = unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if chunk == b"VP8L":
        (bits,) = unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _jpeg_scan(data: bytes) -> int | None:
    """Where the first scan starts, stepping over segments: a thumbnail inside one has scans and an end of its own."""
    at = 2
    while 0 <= (at := data.find(MARKER, at)) < len(data) - 3:
        marker = data[at + 1]
        if marker == MARKER:
            at += 1
        elif marker == JPEG_SCAN:
            return at
        elif marker in BARE_MARKERS:
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return None


def _boxes_overrun(data: bytes) -> bool:
    """True when a top-level box of an ISO media file reaches past the end of the file."""
    at = 0
    while at < len(data):
        size, header = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        if size == 0:
            return False
        if size < header or at + size > len(data):
            return True
        at += size
    return False
