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
FLIPPED = 0xFF
"""What a grey level is combined with, bit by bit, to exchange dark and light."""
CLOSE_SIDE = 640
MOST_ENLARGED = 4.0
CLOSE_MARGIN = 0.25
"""Of a code's longer side, around what is looked at again."""
MAX_PAYLOAD_CHARS = 7_089
"""Digits in the largest code (ISO/IEC 18004, table 7). What is longer was put together from several codes."""
MAX_ANSWER_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Codes:
    """What the codes of one frame say. `unread` counts codes that were found and not read, or not in full."""

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
    for marks, flip in ((normal, 0), (inverted, FLIPPED)):
        read, missed = _decoded(grey ^ np.uint8(flip), marks)
        payloads += read
        scale = max(rgb.shape[:2]) / max(grey.shape)
        closer = ["" if corners is None else _decoded_closely(rgb, corners * scale, flip) for corners in missed]
        payloads += filter(None, closer)
        unread += closer.count("")
    different = list(dict.fromkeys(payloads))
    unread += len(different[MAX_CODES:]) + sum(len(payload) > MAX_PAYLOAD_CHARS for payload in different[:MAX_CODES])
    kept = [payload[:MAX_PAYLOAD_CHARS] for payload in different[:MAX_CODES]]
    answer = {"payloads": kept, "unread": min(unread, MAX_CODES)}
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


def _decoded(grey: NDArray[np.uint8], marks: int) -> tuple[list[str], list[NDArray[np.float32] | None]]:
    """Payloads, and the corners (4, 2) of codes that were found and yield none, in a picture with so many marks.

    None stands for a code that it makes no sense to look at again.
    """
    if not 0 < marks <= MAX_DECODED_MARKS:
        return [], [None] if marks else []
    try:
        _, found, corners, _ = cv2.QRCodeDetectorAruco().detectAndDecodeBytesMulti(grey)
    except cv2.error:  # a code's bits can break the library's rules; somebody should look
        return [], [None]
    read = [_text(payload) for payload in found]
    places = [np.asarray(corners[index], dtype=np.float32) for index, payload in enumerate(read) if not payload]
    return [payload for payload in read if payload], [*places]


def _decoded_closely(rgb: Rgb, corners: NDArray[np.float32], flip: int) -> str:
    """The payload of the code inside the corners, in pixels of `rgb`, enlarged; "" where it cannot be read or is large.

    Enlarging twice reads two thirds of the codes whose modules are two or three pixels.
    """
    low, high = corners.min(axis=0), corners.max(axis=0)
    reach = CLOSE_MARGIN * float((high - low).max())
    left, top = (max(0, int(value - reach)) for value in low)
    crop = rgb[top : int(high[1] + reach) + 1, left : int(high[0] + reach) + 1]
    if not 0 < max(crop.shape[:2]) <= CLOSE_SIDE or not min(crop.shape[:2]):
        return ""
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY), dtype=np.uint8) ^ np.uint8(flip)
    scale = min(CLOSE_SIDE / max(crop.shape[:2]), MOST_ENLARGED)
    enlarged = np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    if max(suspects(enlarged)) > MAX_DECODED_MARKS:
        return ""
    try:
        _, found, _, _ = cv2.QRCodeDetectorAruco().detectAndDecodeBytesMulti(enlarged)
    except cv2.error:
        return ""
    return next(filter(None, map(_text, found)), "")


def _text(payload: bytes) -> str:
    return bytes(payload).decode("utf-8", "replace")
