"""The bench's times as a page with bars, one block for each size of picture."""

from collections.abc import Mapping
from html import escape
from pathlib import Path

from moderation.bench.hash_pictures import SIZES
from moderation.domain.errors import UnavailableError

WIDTH, LABEL, HEIGHT, GAP = 560, 250, 20, 6
OURS, PEER, FLOOR = "#2b6cb0", "#a0aec0", "#c53030"
BARS = (
    ("hashes", "all our hashes, from JPEG bytes", OURS),
    ("reduced_decode", "of that, the reduced decode", FLOOR),
    ("pytx_pdq", "python-threatexchange: one PDQ", PEER),
    ("imagehash_phash", "imagehash: one pHash", PEER),
    ("decode", "a bare full decode", PEER),
)
HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>bench hash</title>
<style>body{font:14px/1.4 system-ui,sans-serif;margin:2em;color:#1a202c}svg text{font-size:12px;fill:#1a202c}</style>
<h1>JPEG bytes to hashes, milliseconds a picture on one thread</h1>
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
    """A complete page without scripts; each size has its own scale."""
    blocks = []
    for size, (height, width) in SIZES.items():
        scale = WIDTH / max(times[f"{name}_ms_{size}"] for name, _, _ in BARS)
        bars = "".join(
            _bar(label, times[f"{name}_ms_{size}"], scale, colour, place * (HEIGHT + GAP))
            for place, (name, label, colour) in enumerate(BARS)
        )
        frame = f'<svg role="img" width="{LABEL + WIDTH + 120}" height="{len(BARS) * (HEIGHT + GAP)}">{bars}</svg>'
        blocks.append(f"<h2>{width} by {height}</h2>\n{frame}\n")
    return HEAD + "".join(blocks) + "</html>\n"


def _bar(label: str, value: float, scale: float, colour: str, top: int) -> str:
    middle = top + HEIGHT * 0.7
    return (
        f'<text x="0" y="{middle:.0f}">{escape(label)}</text>'
        f'<rect x="{LABEL}" y="{top}" width="{value * scale:.0f}" height="{HEIGHT}" fill="{colour}"/>'
        f'<text x="{LABEL + value * scale + 8:.0f}" y="{middle:.0f}">{value:.3g} ms</text>\n'
    )
