"""Images made for tests, encoded in memory."""

import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from moderation.media.decode import DecodeLimits

LIMITS = DecodeLimits(
    max_bytes=4 * 1024 * 1024, max_pixels=4_000_000, max_side=4_000, max_frames=4, seconds=5.0, memory_mb=512
)


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Coarse noise: varied, and still close to itself after lossy compression."""
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    return np.ascontiguousarray(blocks.repeat(8, axis=0).repeat(8, axis=1)[:height, :width])


def encoded(pixels: NDArray[np.uint8] | Image.Image, kind: str, **options: object) -> bytes:
    """An image file of format `kind`."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    with BytesIO() as buffer:
        image.save(buffer, format=kind, **options)
        return buffer.getvalue()


def animation(kind: str, count: int, side: int = 32, **options: object) -> bytes:
    """`count` frames of different flat greys."""
    frames = [Image.new("RGB", (side, side), (level, level, level)) for level in greys(count)]
    lossless = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "AVIF" else {}
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=40, **lossless, **options)


def greys(count: int) -> list[int]:
    """The grey of each frame of `animation`."""
    return [10 + 230 * number // count for number in range(count)]


def chunk(name: bytes, body: bytes) -> bytes:
    """A PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, rows: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG that states what it is told to, with `rows` as its (uncompressed) data and `extra` chunks before it."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
