"""What models need of the full-size pixels, as module-level functions that run inside the decoder's process."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from moderation.media.subject import Rgb

OPENNSFW_RESIZED = 256
OPENNSFW_SIDE = 224


def opennsfw_224(rgb: Rgb) -> NDArray[np.uint8]:
    """The pixels that OpenNSFW looks at: uint8 of shape (224, 224, 3), blue first, without the mean subtracted.

    As the model's publisher does it (`classify_nsfw.py` in yahoo/open_nsfw): bilinear to 256 by 256 without regard
    to aspect, a JPEG round trip at the encoder's default quality (leaving it out moves scores by more than 0.1),
    centre crop. Bytes, not floats, so that a quarter crosses to the lane.
    """
    resized = Image.fromarray(rgb).resize((OPENNSFW_RESIZED, OPENNSFW_RESIZED), Image.Resampling.BILINEAR)
    with BytesIO() as buffer:
        resized.save(buffer, format="JPEG")
        with Image.open(buffer) as reloaded:
            pixels = np.asarray(reloaded)
    start = (OPENNSFW_RESIZED - OPENNSFW_SIDE) // 2
    end = start + OPENNSFW_SIDE
    return np.ascontiguousarray(pixels[start:end, start:end, ::-1])
