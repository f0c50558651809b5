"""Drawn pictures as files, and a decoder that needs no process."""

from collections.abc import Sequence
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from moderation.domain.media import ImageFacts, Refusal, RefusalReason
from moderation.matching.hashes.reductions import REDUCTIONS
from moderation.media.subject import Frame, Picture, Rgb
from tests.review_ui.requests import BOUNDARY


def drawn(seed: int, side: int = 256) -> Rgb:
    """Coloured shapes: a hash of good quality, and keypoints."""
    generator = np.random.default_rng(seed)
    canvas = np.full((side, side, 3), 255, dtype=np.uint8)
    for _ in range(40):
        (ax, ay), (bx, by) = generator.integers(0, side, (2, 2)).tolist()
        colour = generator.integers(0, 256, 3).tolist()
        cv2.rectangle(canvas, (ax, ay), (bx, by), colour, thickness=-1 if generator.random() < 0.5 else 3)
    return canvas


def flat(shade: int = 90, side: int = 64) -> Rgb:
    """One grey: no usable hash."""
    return np.full((side, side, 3), shade, dtype=np.uint8)


def as_png(*frames: Rgb) -> bytes:
    """A PNG file; an animated one for several frames."""
    output = BytesIO()
    first, *rest = [Image.fromarray(frame) for frame in frames]
    first.save(output, "PNG", save_all=bool(rest), append_images=rest)
    return output.getvalue()


def upload(image: bytes | None, name: str = "photo", **fields: str) -> tuple[dict[str, str], bytes]:
    """Headers and body of a form with a file."""
    files = {} if image is None else {name: image}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part}"; filename="x.png"\r\n\r\n'.encode() + data
        for part, data in files.items()
    ]
    parts += [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part}"\r\n\r\n{value}'.encode()
        for part, value in fields.items()
    ]
    body = b"\r\n".join(parts) + f"\r\n--{BOUNDARY}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}, body


class LocalDecoder:
    """Decodes in this process."""

    def __init__(self) -> None:
        self.closed = False

    def decode(self, images: Sequence[bytes]) -> list[Picture | Refusal]:
        return [_decoded(image) for image in images]

    def close(self) -> None:
        self.closed = True


def _decoded(image: bytes) -> Picture | Refusal:
    try:
        opened = Image.open(BytesIO(image))
        count: int = getattr(opened, "n_frames", 1)
        frames = []
        for number in range(count):
            opened.seek(number)
            frames.append(np.asarray(opened.convert("RGB")))
    except (OSError, ValueError, SyntaxError):
        return Refusal(RefusalReason.CORRUPT, "not a picture")
    facts = ImageFacts("PNG", frames[0].shape[1], frames[0].shape[0], count, "RGB")
    reduced = [{name: reduce(rgb) for name, reduce in REDUCTIONS.items()} for rgb in frames]
    return Picture(facts, tuple(Frame(rgb, made) for rgb, made in zip(frames, reduced, strict=True)))
