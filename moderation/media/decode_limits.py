"""How much one image may cost, and how large a preview of it is."""

import math
from dataclasses import dataclass

PREVIEW_SIDE = 1024
"""Longer side, in pixels, of the frames that reach signals; reductions see the full size."""


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one image may cost. `memory_mb` is what decoding may take beyond the decoder's own start-up size.

    `max_pixels` bounds one frame (an animation's canvas), `max_side` each of its sides, `seconds` the whole image.
    """

    max_bytes: int
    max_pixels: int
    max_side: int
    max_frames: int
    seconds: float
    memory_mb: int


def preview_side(frames: int) -> int:
    """Longer side of each preview of a picture shown in `frames` frames.

    The frames of an animation share one still picture's pixels, so that a batch of animations is no memory bomb.
    """
    return int(PREVIEW_SIDE / math.sqrt(frames))
