"""All hashes of a picture's frames, for a batch at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from moderation.matching.hashes.borders import NO_BORDER
from moderation.matching.hashes.orientations import ORIENTATIONS, Orientation, codes_in_all
from moderation.matching.hashes.pdq import SIDE, qualities_of
from moderation.matching.hashes.reductions import PDQ_LUMA64, REDUCTIONS, SECONDARY_LUMA, TRIMMED_LUMA64
from moderation.matching.hashes.secondary import STACKED, dhashes, phashes
from moderation.media.subject import Rgb

__all__ = ["ORIENTATIONS", "FrameHashes", "Orientation", "frame_hashes", "hashes_of"]

FARTHEST = 1024.0
"""No sample of luma, 0 to 255 and interpolated ones a little beyond, is farther from 0."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameHashes:
    """The hashes of one frame. They are secrets, as bank contents are: `repr` shows none.

    `pdq` is (8, 32), a row for each of `ORIENTATIONS`, row 0 upright; `quality` (0 to 100) is that of row 0. `trimmed`
    is the same for the picture without its border, None where it has none, with its `trimmed_quality` (then 0).
    `phash` and `dhash` are 64-bit numbers.
    """

    pdq: NDArray[np.uint8] = field(repr=False)
    quality: int
    trimmed: NDArray[np.uint8] | None = field(repr=False)
    trimmed_quality: int
    phash: int = field(repr=False)
    dhash: int = field(repr=False)


def frame_hashes(frames: Sequence[Mapping[str, NDArray[np.generic]]]) -> list[FrameHashes]:
    """The hashes of each frame, in order, from what the decoder's `REDUCTIONS` made of it.

    Raises `KeyError` for a missing reduction, `ValueError` for one of another shape or with what is no luma: what has
    no hash never passes for a picture that matches nothing.
    """
    if not frames:
        return []
    whole = [_of_shape(frame[PDQ_LUMA64], (SIDE, SIDE)) for frame in frames]
    inner = [frame[TRIMMED_LUMA64] for frame in frames]
    bordered = [number for number, luma in enumerate(inner) if luma.shape != NO_BORDER]
    lumas = np.stack(whole + [_of_shape(inner[number], (SIDE, SIDE)) for number in bordered])
    codes, qualities = codes_in_all(lumas), qualities_of(lumas)
    rows = {number: len(frames) + place for place, number in enumerate(bordered)}
    samples = np.stack([_of_shape(frame[SECONDARY_LUMA], STACKED) for frame in frames]).astype(np.uint8)
    return [
        FrameHashes(
            codes[number],
            int(qualities[number]),
            codes[rows[number]] if number in rows else None,
            int(qualities[rows[number]]) if number in rows else 0,
            phash,
            dhash,
        )
        for number, (phash, dhash) in enumerate(zip(phashes(samples), dhashes(samples), strict=True))
    ]


def hashes_of(rgb: Rgb) -> FrameHashes:
    """The hashes of full-size pixels: what the decoder and `frame_hashes` make of them."""
    return frame_hashes([{name: reduce(rgb) for name, reduce in REDUCTIONS.items()}])[0]


def _of_shape(array: NDArray[np.generic], shape: tuple[int, int]) -> NDArray[np.float32]:
    if array.shape != shape:
        raise ValueError(f"a reduction of shape {array.shape}, wanted {shape}")
    values = np.asarray(array, dtype=np.float32)
    if not (np.abs(values) <= FARTHEST).all():
        raise ValueError("a reduction with samples that are no luma")
    return values
