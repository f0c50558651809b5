"""Walks through GIF, WebP and AVIF files, which trust no length."""

from moderation.media.carried import MAX_BLOCK_BYTES, Carried

MAX_BLOCKS = 100_000
"""Of a GIF, sub-blocks among them: those of pixels hold 255 bytes each."""
MAX_CHUNKS = 5_000
EXTENSION, IMAGE, TRAILER = 0x21, 0x2C, 0x3B
COMMENT_LABEL, APPLICATION_LABEL = 0xFE, 0xFF
GIF_HEADER_BYTES = 13
HAS_TABLE, TABLE_SIZE = 0x80, 0x07
XMP_START, XMP_END = b"<x:xmpmeta", b"</x:xmpmeta>"
TOP_BOXES = frozenset(
    {b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"uuid", b"moof", b"sidx", b"mfra", b"idat"}
)
C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""The box type by which ISO media files carry C2PA manifests (C2PA 2.1, section A.5)."""


def walk_gif(data: bytes, at: int, carried: Carried) -> None:
    """Collect what the GIF at `at` carries (GIF89a specification); see `Carried`."""
    at += GIF_HEADER_BYTES + _table_bytes(data, at + 10)
    blocks = 0
    while at < len(data) and blocks < MAX_BLOCKS:
        kind = data[at]
        if kind == TRAILER:
            carried.end = at + 1
            return
        if kind == IMAGE:
            body = at + 11 + _table_bytes(data, at + 9)
        elif kind == EXTENSION:
            body = at + 2
        else:
            break
        after, blocks = _after_blocks(data, body, blocks)
        if kind == EXTENSION:
            _collect_extension(data, at, after, carried)
        at = after
    carried.broken = True
    carried.end = min(at, len(data))


def walk_webp(data: bytes, at: int, carried: Carried) -> None:
    """Collect what the WebP at `at` carries (RFC 9649, section 2.3); see `Carried`."""
    stated = 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    end = min(at + stated + stated % 2, len(data))
    carried.broken = at + stated > len(data)
    carried.end = end
    at += 12
    for _ in range(MAX_CHUNKS):
        if at + 8 > end:
            return
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"EXIF":
            carried.add_exif(data[at + 8 : at + 8 + min(length, MAX_BLOCK_BYTES)])
        elif name == b"XMP ":
            carried.add_xmp(data[at + 8 : at + 8 + min(length, MAX_BLOCK_BYTES)])
        elif name == b"C2PA":
            carried.provenance = True
        at += 8 + length + length % 2
    carried.cut = True


def walk_avif(data: bytes, at: int, carried: Carried) -> None:
    """Collect what the AVIF at `at` carries: boxes of the top level (ISO/IEC 14496-12), EXIF and XMP by their marks.

    Where items lie is told by tables that can lie; their marks cannot be anywhere else by chance.
    """
    carried.end = at
    for _ in range(MAX_CHUNKS):
        name = data[carried.end + 4 : carried.end + 8]
        size = int.from_bytes(data[carried.end : carried.end + 4], "big")
        if size == 1:
            size = int.from_bytes(data[carried.end + 8 : carried.end + 16], "big")
        if size == 0 and name in TOP_BOXES:
            size = len(data) - carried.end
        if name not in TOP_BOXES:
            break
        if size < 8 or carried.end + size > len(data):  # noqa: PLR2004 - a box's header
            carried.broken = True
            break
        carried.provenance |= data[carried.end + 8 : carried.end + 24] == C2PA_BOX
        carried.end += size
    else:
        carried.broken = True
    for mark in (b"Exif\0\0II*\0", b"Exif\0\0MM\0*", b"\0\0\0\0II*\0\x08\0\0\0", b"\0\0\0\0MM\0*\0\0\0\x08"):
        found = data.find(mark, at, carried.end)
        if found >= 0:
            carried.add_exif(data[found + (6 if mark.startswith(b"Exif") else 4) :][:MAX_BLOCK_BYTES])
    _collect_packet(data, at, carried.end, carried)


def _table_bytes(data: bytes, at: int) -> int:
    """Size of the colour table that the packed field at `at` announces."""
    packed = data[at] if at < len(data) else 0
    return 3 << ((packed & TABLE_SIZE) + 1) if packed & HAS_TABLE else 0


def _after_blocks(data: bytes, at: int, blocks: int) -> tuple[int, int]:
    """Where the sub-blocks that start at `at` end, and how many blocks were seen so far."""
    size = len(data)
    while at < size and blocks < MAX_BLOCKS:
        length = data[at]
        at += 1 + length
        blocks += 1
        if not length:
            break
    return at, blocks


def _collect_extension(data: bytes, start: int, end: int, carried: Carried) -> None:
    label = data[start + 1] if start + 1 < len(data) else 0
    if label == COMMENT_LABEL:
        carried.add_text(b"comment", _joined(data, start + 2, min(end, len(data), start + MAX_BLOCK_BYTES)), "utf-8")
    elif label == APPLICATION_LABEL and data[start + 3 : start + 11] == b"XMP Data":
        _collect_packet(data, start, end, carried)


def _joined(data: bytes, at: int, end: int) -> bytes:
    parts: list[bytes] = []
    while at < end and data[at]:
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)


def _collect_packet(data: bytes, start: int, end: int, carried: Carried) -> None:
    first = data.find(XMP_START, start, end)
    if first >= 0:
        last = data.find(XMP_END, first, min(end, first + MAX_BLOCK_BYTES))
        carried.add_xmp(data[first : last if last >= 0 else first + MAX_BLOCK_BYTES])
