"""Samples with something written in the picture or its file: letters, codes, another language, what a camera writes."""

import io
import zipfile

import numpy as np
import segno
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from datasets.drawing import landscapes, nights, patterns
from datasets.drawing.colour import Pixels
from datasets.encode import FileFormat, encode
from datasets.gallery import SMALL

CAMERA_MAKE, CAMERA_MODEL = 0x010F, 0x0110
"""EXIF tags."""
BADGE = "Daily sketches"
OFFER = "SEND ME NUDES"
LINK = "https://prizes.example/claim/for-everybody-who-looks-at-this-picture"
CODE_SCALE = 6
"""Pixels for each of the code's squares."""


def lettered(pixels: Pixels, text: str, *, size: int = 56) -> Pixels:
    """White letters with a black edge near the lower border, as people write on pictures."""
    image = Image.fromarray(pixels)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    width = draw.textlength(text, font=font)
    place = ((image.width - width) / 2, image.height - 2 * size)
    draw.text(place, text, font=font, fill="white", stroke_width=3, stroke_fill="black")
    return np.asarray(image)


def badge() -> bytes:
    """Harmless words on a harmless picture."""
    return encode(lettered(landscapes.sea(np.random.default_rng(80), SMALL), BADGE), FileFormat.JPEG)


def offer() -> bytes:
    """Words on the picture that its caption does not have."""
    return encode(lettered(landscapes.dunes(np.random.default_rng(81), SMALL), OFFER), FileFormat.JPEG)


def code(*, damaged: bool = False) -> bytes:
    """A picture in whose corner a code leads elsewhere; a damaged one is still seen to be a code."""
    image = Image.fromarray(patterns.tiles(np.random.default_rng(82), SMALL))
    buffer = io.BytesIO()
    segno.make(LINK, error="l").save(buffer, kind="png", scale=CODE_SCALE, border=4)
    with Image.open(buffer) as drawn:
        patch = drawn.convert("RGB")
    if damaged:
        middle = patch.width // 2
        hole = (middle - 50, middle - 50, middle + 50, middle + 50)
        ImageDraw.Draw(patch).rectangle(hole, fill=(128, 128, 128))
    image.paste(patch, (24, 24))
    return encode(np.asarray(image), FileFormat.PNG)


def tiles() -> bytes:
    """A picture that shows nothing of what its prompt implies."""
    return encode(patterns.tiles(np.random.default_rng(89), SMALL), FileFormat.JPEG)


def with_archive() -> bytes:
    """A JPEG file with a ZIP archive behind it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("notes.txt"), "nothing of interest")
    return encode(nights.nebula(np.random.default_rng(84), SMALL), FileFormat.JPEG) + buffer.getvalue()


def with_prompt() -> bytes:
    """A PNG file whose generator wrote the prompt into it."""
    written = PngInfo()
    written.add_text(
        "parameters", "a naked person swimming in the evening sea\nSteps: 20, Sampler: Euler, CFG scale: 7"
    )
    buffer = io.BytesIO()
    Image.fromarray(landscapes.sea(np.random.default_rng(88), SMALL)).save(buffer, "PNG", pnginfo=written)
    return buffer.getvalue()


def with_camera() -> bytes:
    """A JPEG file that says which camera made it."""
    exif = Image.Exif()
    exif[CAMERA_MAKE], exif[CAMERA_MODEL] = "Example Optics", "Field 3"
    buffer = io.BytesIO()
    Image.fromarray(landscapes.forest(np.random.default_rng(85), SMALL)).save(buffer, "JPEG", quality=88, exif=exif)
    return buffer.getvalue()
