"""The bench's times as a page with bars: a query alone, in a batch, and among a viral picture's copies."""

from collections.abc import Mapping
from pathlib import Path

from moderation.bench.bars import OURS, PEER, Bar, Block, bar_page, write_drawing

NAMES = {
    "": "ours",
    "pytx_": "python-threatexchange",
    "faiss_multihash_": "faiss MultiHash",
    "faiss_flat_": "faiss Flat",
}
BLOCKS = {
    "{}query_ms": "One query",
    "{}batch_query_ms": "A query in a batch of 256",
    "viral_{}query_ms": "A query for a picture with 20,000 near-copies",
    "{}add_ms": "Adding one entry",
}


def draw(times: Mapping[str, float], place: Path | None) -> None:
    """Write the page of figures and peers to `place`, if any. Raises `UnavailableError` when it cannot be written."""
    if place is not None:
        write_drawing(page(times), place)


def page(times: Mapping[str, float]) -> str:
    """A complete page; each block has its own scale, and the contenders that were measured."""
    blocks = (Block(title, _bars(pattern, times)) for pattern, title in BLOCKS.items())
    heading = f"Exact lookup within 31 bits among {times['size']:,.0f} hashes, one thread"
    return bar_page("bench index", heading, blocks)


def _bars(pattern: str, times: Mapping[str, float]) -> list[Bar]:
    measured = {prefix: times[pattern.format(prefix)] for prefix in NAMES if pattern.format(prefix) in times}
    return [Bar(NAMES[prefix], value, PEER if prefix else OURS) for prefix, value in measured.items()]
