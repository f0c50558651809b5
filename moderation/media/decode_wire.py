"""What passes between the lane and the decoder's child process.

The child handles hostile bytes, so the lane believes nothing it says: answers are JSON of bounded length (never
pickle), every field is checked, and pixels are copied out of shared memory only within its bounds.
"""

import json
import math
import socket
import struct
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from moderation.domain.media import ContainerFacts, ImageFacts, Refusal, RefusalReason
from moderation.media.container_wire import container_fields, read_container
from moderation.media.decode_limits import PREVIEW_SIDE, DecodeLimits
from moderation.media.sniff import Format
from moderation.media.subject import Frame, Picture

Fields: TypeAlias = dict[str, object]

LENGTH = struct.Struct(">I")
MAX_MESSAGE_BYTES = 256 * 1024
MAX_DETAIL_CHARS = 200
MAX_MODE_CHARS = 16
MAX_DIMENSIONS = 4
ALIGNMENT = 64
REDUCED_BYTES = 5 * 1024 * 1024
"""Room for all reductions of one frame."""
DTYPES = frozenset({"|u1", "|i1", "|b1", "<u2", "<i2", "<f2", "<u4", "<i4", "<f4", "<u8", "<i8", "<f8"})


class ProtocolError(Exception):
    """The other side sent something that makes no sense."""


class ClosedError(Exception):
    """The other side is gone."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The shared memory: the image's bytes first, then everything that was made of it."""

    input_bytes: int
    total_bytes: int


def layout(limits: DecodeLimits) -> Layout:
    """Room for the largest image, for the previews, and for the reductions of `max_frames` frames."""
    output = PREVIEW_SIDE * PREVIEW_SIDE * 3 + limits.max_frames * REDUCED_BYTES
    start = _aligned(limits.max_bytes)
    return Layout(start, start + output)


def send(link: socket.socket, fields: Fields) -> None:
    """Send one message. Raises `ClosedError` when nobody is there."""
    body = json.dumps(fields, separators=(",", ":")).encode()
    try:
        link.sendall(LENGTH.pack(len(body)) + body)
    except OSError as error:
        raise ClosedError(str(error)) from error


def receive(link: socket.socket, *, until: float | None) -> Fields:
    """The next message; `until` is a `time.monotonic` moment.

    Raises `TimeoutError` past it, `ClosedError` at the end of the stream, `ProtocolError` for nonsense.
    """
    (length,) = LENGTH.unpack(_read(link, LENGTH.size, until))
    if length > MAX_MESSAGE_BYTES:
        raise ProtocolError(f"a message of {length} bytes")
    try:
        fields = json.loads(_read(link, length, until))
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a message that is not JSON") from error
    if not isinstance(fields, dict):
        raise ProtocolError("a message that is not an object")
    return fields


class Writer:
    """Lays arrays into the shared memory and describes where they are. The child's side."""

    def __init__(self, memory: memoryview, start: int) -> None:
        self._memory = memory
        self._at = start

    def put(self, array: NDArray[np.generic]) -> list[object]:
        """Copy `array` in; returns its dtype, shape and offset. Raises `MemoryError` when there is no room left."""
        offset = _aligned(self._at)
        if offset + array.nbytes > len(self._memory):
            raise MemoryError("frames and reductions do not fit the shared memory")
        target = np.frombuffer(self._memory, dtype=array.dtype, count=array.size, offset=offset)
        np.copyto(target.reshape(array.shape), array)
        self._at = offset + array.nbytes
        return [array.dtype.str, list(array.shape), offset]


def picture_fields(facts: ImageFacts, frames: Sequence[Fields], container: ContainerFacts | None = None) -> Fields:
    """The answer for a decoded image."""
    return {"facts": asdict(facts), "frames": list(frames), **_container_fields(container)}


def refusal_fields(reason: RefusalReason, detail: str, container: ContainerFacts | None = None) -> Fields:
    """The answer for an image that yields no picture."""
    return {"refusal": reason.value, "detail": plain(detail), **_container_fields(container)}


def plain(text: str) -> str:
    """`text` as one short line of printable ASCII: details quote hostile bytes."""
    return "".join(character if " " <= character <= "~" else "?" for character in text[:MAX_DETAIL_CHARS])


def read_answer(
    fields: Fields, memory: memoryview, limits: DecodeLimits, reductions: Collection[str]
) -> Picture | Refusal:
    """What the child says of one image, checked, with its arrays copied. Raises `ProtocolError`."""
    container = _container(fields, limits)
    if "refusal" in fields:
        return replace(_refusal(fields), container=container)
    facts = _facts(fields.get("facts"), limits)
    entries = fields.get("frames")
    if not isinstance(entries, list) or len(entries) != min(facts.frames, limits.max_frames):
        raise ProtocolError("the number of frames is wrong")
    return Picture(facts, tuple(_frame(entry, memory, reductions) for entry in entries), container)


def _container_fields(container: ContainerFacts | None) -> Fields:
    return {} if container is None else {"container": container_fields(container)}


def _container(fields: Fields, limits: DecodeLimits) -> ContainerFacts | None:
    if "container" not in fields:
        return None
    try:
        return read_container(fields["container"], limits.max_bytes)
    except ValueError as error:
        raise ProtocolError(str(error)) from error


def _refusal(fields: Fields) -> Refusal:
    detail = fields.get("detail")
    try:
        return Refusal(RefusalReason(str(fields["refusal"])), plain(detail if isinstance(detail, str) else ""))
    except ValueError as error:
        raise ProtocolError("a refusal without a known reason") from error


def _facts(value: object, limits: DecodeLimits) -> ImageFacts:
    facts = _object(value)
    kind, mode = facts.get("format"), facts.get("mode")
    if not isinstance(kind, str) or kind not in set(Format):
        raise ProtocolError("facts without a known format")
    if not isinstance(mode, str) or not 0 < len(mode) <= MAX_MODE_CHARS:
        raise ProtocolError("facts without a mode")
    width, height, frames = (_positive(facts.get(name)) for name in ("width", "height", "frames"))
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        raise ProtocolError("facts over the limits")
    return ImageFacts(kind, width, height, frames, plain(mode))


def _frame(value: object, memory: memoryview, reductions: Collection[str]) -> Frame:
    entry = _object(value)
    rgb = _array(entry.get("rgb"), memory)
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or max(rgb.shape) > PREVIEW_SIDE:  # noqa: PLR2004
        raise ProtocolError("a frame that is not RGB of preview size")
    reduced = _object(entry.get("reduced"))
    if set(reduced) != set(reductions):
        raise ProtocolError("a frame without exactly the wanted reductions")
    return Frame(np.asarray(rgb, dtype=np.uint8), {name: _array(reduced[name], memory) for name in reductions})


def _array(value: object, memory: memoryview) -> NDArray[np.generic]:
    if not isinstance(value, list) or len(value) != 3:  # noqa: PLR2004 - dtype, shape, offset
        raise ProtocolError("an array without dtype, shape and offset")
    kind, shape, offset = value
    if not isinstance(kind, str) or kind not in DTYPES or not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ProtocolError("an array of an unknown kind")
    sides = tuple(_positive(side) for side in shape)
    dtype = np.dtype(kind)
    count = math.prod(sides)
    if not _is_whole(offset) or offset < 0 or offset + count * dtype.itemsize > len(memory):
        raise ProtocolError("an array outside of the shared memory")
    return np.frombuffer(memory, dtype=dtype, count=count, offset=offset).reshape(sides).copy()


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ProtocolError("a field is missing")
    return value


def _positive(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ProtocolError("a number is missing or not positive")
    return value


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def _read(link: socket.socket, count: int, until: float | None) -> bytes:
    parts: list[bytes] = []
    while count:
        link.settimeout(None if until is None else max(until - time.monotonic(), 1e-3))
        try:
            part = link.recv(count)
        except TimeoutError:
            raise
        except OSError as error:
            raise ClosedError(str(error)) from error
        if not part:
            raise ClosedError("the stream ended")
        if until is not None and time.monotonic() > until:
            raise TimeoutError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
