"""A walk through the segments of a JPEG file (ITU-T T.81, annex B), which trusts no length."""

import re

from moderation.media.carried import Carried

MAX_SEGMENTS = 2_000
START, END, SCAN, COMMENT = 0xD8, 0xD9, 0xDA, 0xFE
APP1, APP11 = 0xE1, 0xEB
BARE = frozenset({0x01, *range(0xD0, 0xD8)})
XMP = b"http://ns.adobe.com/xap/1.0/\0"
JUMBF = b"JP"
"""C2PA manifests lie in APP11 segments of this kind (ISO/IEC 19566-5, annex D)."""
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
"""Entropy-coded data ends at the first marker other than a restart."""
_FILL = re.compile(rb"\xff*(?=\xff)", re.DOTALL)
"""Any number of these may stand before a marker."""


def walk_jpeg(data: bytes, at: int, carried: Carried) -> None:
    """Collect what the image at `at` carries; `carried.end` is after its end mark, or where the walk gave up."""
    at += 2
    for _ in range(MAX_SEGMENTS):
        fill = _FILL.match(data, at)
        at = fill.end() if fill else at
        if at + 2 > len(data) or data[at] != 0xFF:  # noqa: PLR2004 - what every marker starts with
            break
        marker = data[at + 1]
        if marker == END:
            carried.end = at + 2
            return
        if marker in BARE:
            at += 2
            continue
        after = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if after < at + 4 or after > len(data):
            break
        _collect(marker, data[at + 4 : after], carried)
        at = after
        if marker == SCAN:
            found = _AFTER_SCAN.search(data, at)
            if found is None:
                break
            at = found.end() - 2
    carried.broken = True
    carried.end = min(at, len(data))


def _collect(marker: int, body: bytes, carried: Carried) -> None:
    if marker == COMMENT:
        carried.add_text(b"comment", body, "utf-8")
    elif marker == APP1 and body.startswith(b"Exif\0\0"):
        carried.add_exif(body)
    elif marker == APP1 and body.startswith(XMP):
        carried.add_xmp(body[len(XMP) :])
    elif marker == APP11 and body.startswith(JUMBF):
        carried.provenance = True
