"""The 36 kinds of edit, in one table. A kind is a pure function of the pixels and a seeded generator.

They are what people do to pictures that they post again, from what nobody sees to crops and collages: mixed so that
HMA's rule finds about half, as in the measurement that the design's bars were set by.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from moderation.bench.robustness import overlays, shapes, tones
from moderation.media.subject import Rgb

Edit: TypeAlias = Callable[[Rgb, np.random.Generator], Rgb]


class Kind(NamedTuple):
    """One kind of edit; `group` is what tables are ordered by."""

    name: str
    group: str
    edit: Edit

    @property
    def said(self) -> str:
        """What it does, in a sentence."""
        return (self.edit.__doc__ or "").strip()


EDITS: tuple[Kind, ...] = (
    Kind("jpeg_50", "encoding", tones.jpeg_50),
    Kind("jpeg_10", "encoding", tones.jpeg_10),
    Kind("half", "size", shapes.half),
    Kind("thumbnail", "size", shapes.thumbnail),
    Kind("stretch", "size", shapes.stretch),
    Kind("grey", "tone", tones.grey),
    Kind("tint", "tone", tones.tint),
    Kind("brighter", "tone", tones.brighter),
    Kind("darker", "tone", tones.darker),
    Kind("contrast", "tone", tones.contrast),
    Kind("noise", "tone", tones.noise),
    Kind("blur", "tone", tones.blur),
    Kind("sharpen", "tone", tones.sharpen),
    Kind("watermark", "overlay", overlays.watermark),
    Kind("text", "overlay", overlays.text),
    Kind("sticker", "overlay", overlays.sticker),
    Kind("crop_98", "crop", shapes.crop_98),
    Kind("crop_90", "crop", shapes.crop_90),
    Kind("crop_75", "crop", shapes.crop_75),
    Kind("rotate_1", "turn", shapes.rotate_1),
    Kind("rotate_3", "turn", shapes.rotate_3),
    Kind("rotate_10", "turn", shapes.rotate_10),
    Kind("rotate_90", "turn", shapes.rotate_90),
    Kind("rotate_180", "turn", shapes.rotate_180),
    Kind("rotate_270", "turn", shapes.rotate_270),
    Kind("flip_horizontal", "turn", shapes.flip_horizontal),
    Kind("flip_vertical", "turn", shapes.flip_vertical),
    Kind("perspective", "turn", shapes.perspective),
    Kind("border", "surround", shapes.border),
    Kind("letterbox", "surround", shapes.letterbox),
    Kind("meme_bar", "surround", overlays.meme_bar),
    Kind("screenshot", "surround", overlays.screenshot),
    Kind("collage", "surround", overlays.collage),
    Kind("reuploaded", "combination", overlays.reuploaded),
    Kind("mirrored_crop", "combination", overlays.mirrored_crop),
    Kind("reposted", "combination", overlays.reposted),
)
HARDER: tuple[Kind, ...] = (
    Kind("crop_60", "harder", shapes.crop_60),
    Kind("straightened_10", "harder", shapes.straightened_10),
    Kind("large_sticker", "harder", overlays.large_sticker),
    Kind("disguised", "harder", overlays.disguised),
)
"""Measured beside the 36, and not part of the mean over them."""


def edited(rgb: Rgb, kind: Kind, picture: int) -> Rgb:
    """The edit of picture number `picture`: always the same one."""
    seed = np.random.SeedSequence([picture, (*EDITS, *HARDER).index(kind)])
    return kind.edit(rgb, np.random.default_rng(seed))
