"""The bench's times as a page with bars, one block for each size of picture."""

from collections.abc import Mapping
from pathlib import Path

from moderation.bench.bars import FLOOR, OURS, PEER, Bar, Block, bar_page, write_drawing
from moderation.bench.hash_pictures import SIZES

HEADING = "JPEG bytes to hashes, milliseconds a picture on one thread"
BARS = (
    ("hashes", "all our hashes, from JPEG bytes", OURS),
    ("reduced_decode", "of that, the reduced decode", FLOOR),
    ("pytx_pdq", "python-threatexchange: one PDQ", PEER),
    ("imagehash_phash", "imagehash: one pHash", PEER),
    ("decode", "a bare full decode", PEER),
)


def draw(times: Mapping[str, float], place: Path | None) -> None:
    """Write the page of figures and peers to `place`, if any. Raises `UnavailableError` when it cannot be written."""
    if place is not None:
        write_drawing(page(times), place)


def page(times: Mapping[str, float]) -> str:
    """A complete page; each size has its own scale."""
    blocks = (
        Block(f"{width} by {height}", [Bar(label, times[f"{name}_ms_{size}"], colour) for name, label, colour in BARS])
        for size, (height, width) in SIZES.items()
    )
    return bar_page("bench hash", HEADING, blocks)
