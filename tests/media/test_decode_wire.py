import copy
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from moderation.domain.media import ImageFacts, Refusal, RefusalReason
from moderation.media.decode_limits import PREVIEW_SIDE, preview_side
from moderation.media.decode_wire import (
    DTYPES,
    MAX_MESSAGE_BYTES,
    ClosedError,
    Fields,
    ProtocolError,
    Writer,
    layout,
    picture_fields,
    plain,
    read_answer,
    receive,
    refusal_fields,
    send,
)
from moderation.media.subject import Picture
from tests.media.images import LIMITS, noise

PIXELS = noise(6, 8)
LUMA = np.arange(12, dtype=np.float32).reshape(3, 4)
FACTS = ImageFacts("PNG", 8, 6, 1, "RGB")


def answer() -> tuple[Fields, memoryview]:
    """A good answer, as it arrives."""
    memory = memoryview(bytearray(1 << 16))
    writer = Writer(memory, 0)
    frame: Fields = {"rgb": writer.put(PIXELS), "reduced": {"luma": writer.put(LUMA)}}
    return json.loads(json.dumps(picture_fields(FACTS, [frame]))), memory


@pytest.fixture
def link() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def soon() -> float:
    return time.monotonic() + 0.05


def test_a_picture_survives_the_way() -> None:
    fields, memory = answer()
    picture = read_answer(fields, memory, LIMITS, ["luma"])
    memory[:] = bytes(len(memory))
    assert isinstance(picture, Picture)
    assert picture.facts == FACTS
    np.testing.assert_array_equal(picture.frames[0].rgb, PIXELS)
    np.testing.assert_array_equal(picture.frames[0].reduced["luma"], LUMA)


@pytest.mark.parametrize("reason", RefusalReason)
def test_every_refusal_survives_the_way(reason: RefusalReason) -> None:
    fields = refusal_fields(reason, "no\x1b[31m\nlight" + "x" * 1000)
    refusal = read_answer(fields, memoryview(b""), LIMITS, ["luma"])
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason
    assert refusal.detail.startswith("no?[31m?light")
    assert len(refusal.detail) == 200


@given(
    array=st.sampled_from(sorted(DTYPES)).flatmap(
        lambda kind: st.integers(1, 5).map(lambda size: np.ones((size, 2), dtype=np.dtype(kind)))
    )
)
def test_every_dtype_survives_the_way(array: np.ndarray) -> None:
    memory = memoryview(bytearray(1 << 12))
    writer = Writer(memory, 7)
    frame: Fields = {"rgb": writer.put(PIXELS), "reduced": {"it": writer.put(array)}}
    picture = read_answer(picture_fields(FACTS, [frame]), memory, LIMITS, ["it"])
    assert isinstance(picture, Picture)
    np.testing.assert_array_equal(picture.frames[0].reduced["it"], array)
    assert picture.frames[0].reduced["it"].dtype == array.dtype


NONSENSE: list[tuple[tuple[str | int, ...], object]] = [
    (("facts",), None),
    (("facts",), [1]),
    (("facts", "format"), "BMP"),
    (("facts", "format"), ["PNG"]),
    (("facts", "mode"), ""),
    (("facts", "mode"), "M" * 17),
    (("facts", "width"), 0),
    (("facts", "width"), -8),
    (("facts", "width"), 8.0),
    (("facts", "width"), True),
    (("facts", "width"), 4_001),
    (("facts", "height"), "6"),
    (("facts", "frames"), 2),
    (("frames",), []),
    (("frames",), {}),
    (("frames", 0), "frame"),
    (("frames", 0, "rgb"), None),
    (("frames", 0, "rgb"), ["|u1", [6, 8, 3]]),
    (("frames", 0, "rgb", 0), "|O"),
    (("frames", 0, "rgb", 0), "<f4"),
    (("frames", 0, "rgb", 0), ["|u1"]),
    (("frames", 0, "rgb", 1), [6, 8]),
    (("frames", 0, "rgb", 1), [6, 8, 4]),
    (("frames", 0, "rgb", 1), [1025, 1, 3]),
    (("frames", 0, "rgb", 1), [6, -8, 3]),
    (("frames", 0, "rgb", 1), [1] * 65),
    (("frames", 0, "rgb", 1), [2**62, 2**62, 3]),
    (("frames", 0, "rgb", 2), -64),
    (("frames", 0, "rgb", 2), 1 << 16),
    (("frames", 0, "rgb", 2), 0.0),
    (("frames", 0, "rgb", 2), None),
    (("frames", 0, "reduced"), {}),
    (("frames", 0, "reduced"), {"luma": ["<f4", [1], 0], "more": ["<f4", [1], 0]}),
    (("refusal",), "because"),
    (("refusal",), None),
]


@pytest.mark.parametrize(("path", "value"), NONSENSE)
def test_nonsense_is_noticed(path: tuple[str | int, ...], value: object) -> None:
    fields, memory = answer()
    target = copy.deepcopy(fields)
    place = target
    for step in path[:-1]:
        place = place[step]  # type: ignore[index, assignment]
    place[path[-1]] = value  # type: ignore[index]
    with pytest.raises(ProtocolError):
        read_answer(target, memory, LIMITS, ["luma"])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PARTS = ["facts", "frames", "refusal", "detail"]


@given(fields=st.dictionaries(st.sampled_from(PARTS) | st.text(max_size=8), JSON, max_size=5))
def test_any_object_is_an_answer_or_a_protocol_error(fields: Fields) -> None:
    try:
        result = read_answer(fields, memoryview(bytes(64)), LIMITS, [])
    except ProtocolError:
        return
    assert isinstance(result, Refusal | Picture)


@given(text=st.text(max_size=300))
def test_details_are_short_printable_ascii(text: str) -> None:
    shown = plain(text)
    assert len(shown) <= 200
    assert shown.isascii()
    assert shown.isprintable()


def test_what_does_not_fit_the_shared_memory_is_not_written() -> None:
    memory = memoryview(bytearray(256))
    writer = Writer(memory, 0)
    writer.put(np.ones(200, dtype=np.uint8))
    with pytest.raises(MemoryError):
        writer.put(np.ones(1, dtype=np.uint8))
    assert bytes(memory[200:]) == bytes(56)


def test_the_shared_memory_holds_the_largest_image_and_all_its_frames() -> None:
    plan = layout(LIMITS)
    assert plan.input_bytes >= LIMITS.max_bytes
    for frames in range(1, LIMITS.max_frames + 1):
        previews = frames * preview_side(frames) ** 2 * 3
        assert previews <= PREVIEW_SIDE**2 * 3
        assert plan.total_bytes - plan.input_bytes >= previews + frames * 4 * 1024 * 1024


def test_messages_arrive_whole_and_in_order(link: tuple[socket.socket, socket.socket]) -> None:
    for number in range(3):
        send(link[0], {"number": number, "text": "é" * 1000})
    assert [receive(link[1], until=soon())["number"] for _ in range(3)] == [0, 1, 2]


def test_silence_half_a_message_and_the_end_are_told_apart(link: tuple[socket.socket, socket.socket]) -> None:
    with pytest.raises(TimeoutError):
        receive(link[1], until=soon())
    link[0].sendall(b"\0\0")
    with pytest.raises(TimeoutError):
        receive(link[1], until=soon())
    link[0].close()
    with pytest.raises(ClosedError):
        receive(link[1], until=soon())
    with pytest.raises(ClosedError):
        send(link[1], {})


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"[" * 100_000], ids=lambda body: body[:5]
)
def test_bodies_that_are_no_object_are_protocol_errors(link: tuple[socket.socket, socket.socket], body: bytes) -> None:
    link[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    link[0].sendall(struct.pack(">I", len(body)) + body)
    with pytest.raises(ProtocolError):
        receive(link[1], until=soon() + 5)


def test_an_endless_message_is_not_awaited(link: tuple[socket.socket, socket.socket]) -> None:
    link[0].sendall(struct.pack(">I", MAX_MESSAGE_BYTES + 1))
    with pytest.raises(ProtocolError):
        receive(link[1], until=soon() + 60)


def test_a_trickle_does_not_outlast_the_time_limit(link: tuple[socket.socket, socket.socket]) -> None:
    stop = threading.Event()

    def trickle() -> None:
        link[0].sendall(struct.pack(">I", MAX_MESSAGE_BYTES))
        while not stop.wait(0.005):
            link[0].sendall(b" ")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        with pytest.raises(TimeoutError):
            receive(link[1], until=soon())
    finally:
        stop.set()
        thread.join()
