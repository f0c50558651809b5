"""QR codes in a picture, found and read inside the decoder's process.

A link in a picture is a link that no text filter sees. What a code says comes back as bytes of JSON in an array, like
any other reduction; the lane believes nothing of it (`codes_in`).
"""

import json
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from moderation.media.decode_image import preview
from moderation.media.finder_patterns import suspects
from moderation.media.subject import Rgb
from moderation.media.untrusted_text import printable

PICTURE_CODES = "picture_codes"
"""The reduction's name in the decoder."""
SEARCHED_SIDE = 1024
"""Longer side, in pixels, at which codes are searched."""
COARSE_SIDE = 256
"""The same for codes so large that their modules exceed the neighbourhood that parts dark from light."""
ENLARGED_BELOW = 512
"""Smaller pictures are doubled: the detector needs three pixels a module."""
MAX_CODES = 8
MAX_DECODED_MARKS = 30
"""With hundreds of marks the detector takes minutes: a picture with more than those of ten codes stays unread."""
MAX_PAYLOAD_CHARS = 2_000
"""Of one code; the largest code holds 7,089 digits or 2,953 bytes."""
MAX_ANSWER_BYTES = 128 * 1024


@dataclass(frozen=True, slots=True)
class Codes:
    """What the codes of one frame say. `unread` counts codes that were found and could not be decoded."""

    payloads: tuple[str, ...]
    unread: int


def picture_codes(rgb: Rgb) -> NDArray[np.uint8]:
    """The frame's codes as one-dimensional bytes of JSON, for `codes_in`. A module-level reduction.

    Most pictures only pay for a look for corner marks, at two sizes and in both polarities.
    """
    grey = _searched(rgb)
    normal, inverted = (max(pair) for pair in zip(suspects(grey), suspects(_coarse(grey)), strict=True))
    payloads: list[str] = []
    unread = 0
    for marks, image in ((normal, grey), (inverted, 255 - grey)):
        read, missed = _decoded(image, marks)
        payloads += read
        unread += missed
    answer = {"payloads": list(dict.fromkeys(payloads))[:MAX_CODES], "unread": min(unread, MAX_CODES)}
    return np.frombuffer(json.dumps(answer).encode(), dtype=np.uint8)


def codes_in(array: NDArray[np.generic]) -> Codes:
    """What `picture_codes` found. Raises `ValueError` for anything that it does not make."""
    if array.dtype != np.uint8 or array.ndim != 1 or array.nbytes > MAX_ANSWER_BYTES:
        raise ValueError("not what the search for codes yields")
    try:
        answer = json.loads(array.tobytes())
    except (ValueError, RecursionError) as error:
        raise ValueError("codes that are not JSON") from error
    payloads, unread = (answer.get("payloads"), answer.get("unread")) if isinstance(answer, dict) else (None, None)
    if not isinstance(payloads, list) or len(payloads) > MAX_CODES:
        raise ValueError("codes without a list of payloads")
    if not isinstance(unread, int) or isinstance(unread, bool) or not 0 <= unread <= MAX_CODES:
        raise ValueError("codes without a number of unread ones")
    if not all(isinstance(payload, str) for payload in payloads):
        raise ValueError("a code's payload that is not text")
    return Codes(tuple(printable(payload, MAX_PAYLOAD_CHARS) for payload in payloads), unread)


def _searched(rgb: Rgb) -> NDArray[np.uint8]:
    small = preview(rgb, SEARCHED_SIDE)
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    if max(grey.shape) >= ENLARGED_BELOW:
        return grey
    return np.asarray(cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _coarse(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = COARSE_SIDE / max(grey.shape)
    size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _decoded(grey: NDArray[np.uint8], marks: int) -> tuple[list[str], int]:
    """Payloads, and how many codes were found that yield none, in a picture with so many corner marks."""
    if not 0 < marks <= MAX_DECODED_MARKS:
        return [], int(marks > 0)
    try:
        _, found, _, _ = cv2.QRCodeDetectorAruco().detectAndDecodeBytesMulti(grey)
    except cv2.error:  # a code's bits can break the library's rules; somebody should look
        return [], 1
    payloads = [bytes(payload).decode("utf-8", "replace")[:MAX_PAYLOAD_CHARS] for payload in found[:MAX_CODES]]
    return [payload for payload in payloads if payload], sum(not payload for payload in payloads)
