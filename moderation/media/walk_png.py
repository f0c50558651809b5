"""A walk through the chunks of a PNG file (PNG 3rd edition, section 11), which trusts no length."""

from moderation.media.carried import Carried, inflated
from moderation.media.sniff import PNG_SIGNATURE

MAX_CHUNKS = 20_000
CHUNK_OVERHEAD = 12
MAX_TEXT_CHUNK_BYTES = 1024 * 1024
XMP_KEY = b"XML:com.adobe.xmp"
UNREADABLE = b" "
"""Stands for an XMP packet that cannot be inflated, so that no other is tried."""


def walk_png(data: bytes, at: int, carried: Carried) -> None:
    """Collect what the image at `at` carries; `carried.end` is after its end chunk, or where the walk gave up."""
    at += len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        length = int.from_bytes(data[at : at + 4], "big")
        after = at + CHUNK_OVERHEAD + length
        if after > len(data):
            break
        name = data[at + 4 : at + 8]
        if name in COLLECTED:
            _collect(name, data[at + 8 : at + 8 + min(length, MAX_TEXT_CHUNK_BYTES)], carried)
        at = after
        if name == b"IEND":
            carried.end = at
            return
    carried.broken = True
    carried.end = min(at, len(data))


COLLECTED = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"caBX"})


def _collect(name: bytes, body: bytes, carried: Carried) -> None:
    if name == b"eXIf":
        carried.add_exif(body)
    elif name == b"caBX":
        carried.provenance = True
    else:
        key, _, rest = body.partition(b"\0")
        _collect_text(name, key, rest, carried)


def _collect_text(name: bytes, key: bytes, rest: bytes, carried: Carried) -> None:
    # What is not kept is not inflated: thousands of chunks of a kilobyte would take the decoder's time.
    if name == b"iTXt" and key == XMP_KEY:
        if not carried.xmp:
            carried.add_xmp(_international(rest) or UNREADABLE)
    elif carried.is_full():
        return
    elif name == b"tEXt":
        carried.add_text(key, rest)
    elif name == b"zTXt":
        carried.add_text(key, inflated(rest[1:]))
    else:
        carried.add_text(key, _international(rest), "utf-8")


def _international(rest: bytes) -> bytes:
    """The text of an iTXt chunk, whose `rest` comes after its key."""
    text = rest[2:].split(b"\0", 2)[-1]
    return inflated(text) if rest[:1] == b"\1" else text
