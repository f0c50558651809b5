"""Image files with something beside their pixels, made for tests."""

import io
import struct
import zipfile
import zlib

import numpy as np
from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo

from tests.media.images import chunk, encoded, noise

PARAMETERS = (
    "a quiet lake at dawn, mist, oil painting\nNegative prompt: blurry, ugly\n"
    "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model: v1-5"
)
PROMPT = "a quiet lake at dawn, mist, oil painting"
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
XMP_GENERATED = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description Iptc4xmpExt:DigitalSourceType='
    b'"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia" xmp:CreatorTool="Adobe Firefly"/>'
    b"</x:xmpmeta>"
)


def plain(kind: str) -> bytes:
    """A small picture without anything else."""
    return encoded(noise(48, 64), kind)


def exif(
    *,
    make: str = "",
    model: str = "",
    software: str = "",
    comment: bytes = b"",
    location: bool = False,
    description: str = "",
) -> bytes:
    """An EXIF block as files carry it, with the leading mark."""
    block = Image.Exif()
    for tag, text in ((Base.Make, make), (Base.Model, model), (Base.Software, software)):
        if text:
            block[tag] = text
    if description:
        block[Base.ImageDescription] = description
    if comment:
        block.get_ifd(IFD.Exif)[Base.UserComment] = comment
    if location:
        block.get_ifd(IFD.GPSInfo).update({1: "N", 2: (52.0, 30.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)})
    return block.tobytes()


def with_exif(kind: str, block: bytes) -> bytes:
    """A small picture with the block."""
    return encoded(noise(48, 64), kind, exif=block)


def with_thumbnail(pixels: np.ndarray, thumbnail: np.ndarray) -> bytes:
    """A JPEG file of `pixels` whose EXIF block has a thumbnail of other pixels."""
    small = encoded(Image.fromarray(thumbnail).resize((64, 48)), "JPEG")
    at = 8 + 2 + 4 + 2 + 2 * 12 + 4
    first = struct.pack("<HI", 0, 14)
    entries = struct.pack("<HHII", 0x0201, 4, 1, at) + struct.pack("<HHII", 0x0202, 4, 1, len(small))
    second = struct.pack("<H", 2) + entries + struct.pack("<I", 0)
    block = b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second
    return with_segment(encoded(pixels, "JPEG"), 0xE1, block + bytes(6 + at - len(block)) + small)


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    """The JPEG file with one more segment right after its start."""
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def with_chunks(*chunks: bytes) -> bytes:
    """A PNG file with these chunks after its header."""
    file = plain("PNG")
    return file[:33] + b"".join(chunks) + file[33:]


def png_text(key: str, text: str, *, compressed: bool = False) -> bytes:
    """A PNG file with a text as Pillow writes it."""
    texts = PngInfo()
    texts.add_text(key, text, zip=compressed)
    return encoded(noise(48, 64), "PNG", pnginfo=texts)


def text_bomb(key: bytes, size: int) -> bytes:
    """A compressed PNG text chunk that becomes `size` bytes."""
    return chunk(b"zTXt", key + b"\0\0" + zlib.compress(bytes([65]) * size))


def archive() -> bytes:
    """A ZIP file."""
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr("a.txt", "text")
        return buffer.getvalue()


def webp_with(name: bytes, body: bytes) -> bytes:
    """A WebP file with one more chunk at its end, its stated size with it."""
    file = plain("WEBP") + name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
    return file[:4] + struct.pack("<I", len(file) - 8) + file[8:]


def gif_with_comment(text: bytes) -> bytes:
    """A GIF file with a comment."""
    return encoded(noise(48, 64), "GIF", comment=text)
