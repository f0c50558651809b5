"""Every pixel mode and orientation of the accepted formats to upright 8-bit RGB."""

import cv2
import numpy as np
from PIL import Image

from moderation.media.subject import Rgb

ORIENTATION_TAG = 0x0112
"""EXIF 2.32, section 4.6.4: 1 is upright, 2 to 8 say how to turn and mirror."""
TRANSPARENT_MODES = frozenset({"RGBA", "LA", "PA", "RGBa", "La"})
OPAQUE = 255


def to_rgb(image: Image.Image) -> Rgb:
    """The loaded frame of `image` as (height, width, 3), before orientation.

    Transparency is shown over white. 16-bit samples keep their high byte, grey as colour does in Pillow's decoder.
    """
    if image.mode.startswith("I"):
        return _deep_grey(image)
    if image.mode in TRANSPARENT_MODES or "transparency" in image.info:
        return _over_white(image)
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def orientation_of(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; 1 where there is none that can be read, as browsers have it."""
    block = image.info.get("exif")
    if not isinstance(block, bytes):
        return 1
    exif = Image.Exif()
    try:
        exif.load(block)
        value = exif.get(ORIENTATION_TAG)
    except Exception:  # noqa: BLE001 - hostile EXIF raises anything; it then turns nothing
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1  # noqa: PLR2004 - the tag's range


def oriented(rgb: Rgb, orientation: int) -> Rgb:
    """`rgb` turned upright; the same array when there is nothing to turn."""
    match orientation:
        case 2:
            turned = cv2.flip(rgb, 1)
        case 3:
            turned = cv2.rotate(rgb, cv2.ROTATE_180)
        case 4:
            turned = cv2.flip(rgb, 0)
        case 5:
            turned = cv2.transpose(rgb)
        case 6:
            turned = cv2.rotate(rgb, cv2.ROTATE_90_CLOCKWISE)
        case 7:
            turned = cv2.rotate(cv2.transpose(rgb), cv2.ROTATE_180)
        case 8:
            turned = cv2.rotate(rgb, cv2.ROTATE_90_COUNTERCLOCKWISE)
        case _:
            return rgb
    return np.asarray(turned, dtype=np.uint8)


def _over_white(image: Image.Image) -> Rgb:
    rgba = image.convert("RGBA")
    if rgba.getchannel("A").getextrema() != (OPAQUE, OPAQUE):
        white = Image.new("RGBA", rgba.size, "white")
        white.alpha_composite(rgba)
        rgba = white
    return np.asarray(rgba.convert("RGB"))


def _deep_grey(image: Image.Image) -> Rgb:
    """16-bit grey, which Pillow's own conversion would clip at 255."""
    samples = np.asarray(image)
    grey = (np.clip(samples, 0, 0xFFFF) >> 8).astype(np.uint8)
    see_through = image.info.get("transparency")
    if isinstance(see_through, int):
        grey[samples == see_through] = OPAQUE
    return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
