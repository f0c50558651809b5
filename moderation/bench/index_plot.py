"""The bench's times as a page with bars: a query alone, in a batch, and among a viral picture's copies."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from moderation.domain.errors import UnavailableError

WIDTH, LABEL, HEIGHT, GAP = 560, 250, 20, 6
OURS, PEER = "#2b6cb0", "#a0aec0"
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
HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>bench index</title>
<style>body{font:14px/1.4 system-ui,sans-serif;margin:2em;color:#1a202c}svg text{font-size:12px;fill:#1a202c}</style>
"""


def draw(times: Mapping[str, float], place: Path | None) -> None:
    """Write the page of figures and peers to `place`, if any. Raises `UnavailableError` when it cannot be written."""
    if place is None:
        return
    try:
        place.write_text(page(times), encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"{place} cannot be written: {error.strerror}.") from error


def page(times: Mapping[str, float]) -> str:
    """A complete page without scripts; each block has its own scale."""
    blocks = [f"<h1>Exact lookup within 31 bits among {times['size']:,.0f} hashes, one thread</h1>\n"]
    for pattern, title in BLOCKS.items():
        shown = {NAMES[name]: times[pattern.format(name)] for name in NAMES if pattern.format(name) in times}
        scale = WIDTH / max(shown.values())
        bars = "".join(
            _bar(label, value, scale, place * (HEIGHT + GAP)) for place, (label, value) in enumerate(shown.items())
        )
        frame = f'<svg role="img" width="{LABEL + WIDTH + 120}" height="{len(shown) * (HEIGHT + GAP)}">{bars}</svg>'
        blocks.append(f"<h2>{escape(title)}</h2>\n{frame}\n")
    return HEAD + "".join(blocks) + "</html>\n"


def _bar(label: str, value: float, scale: float, top: int) -> str:
    middle = top + HEIGHT * 0.7
    colour = OURS if label == NAMES[""] else PEER
    return (
        f'<text x="0" y="{middle:.0f}">{escape(label)}</text>'
        f'<rect x="{LABEL}" y="{top}" width="{value * scale:.0f}" height="{HEIGHT}" fill="{colour}"/>'
        f'<text x="{LABEL + value * scale + 8:.0f}" y="{middle:.0f}">{value:.3g} ms</text>\n'
    )
