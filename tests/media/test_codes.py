import json
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from moderation.media.codes import MAX_CODES, MAX_PAYLOAD_CHARS, PICTURE_CODES, Codes, codes_in, picture_codes
from moderation.media.decode import DecodeLimits, DecoderProcess
from moderation.media.finder_patterns import suspects
from moderation.media.subject import Picture, Rgb
from tests.media.codes import LINK, a_code, pasted, scenery, turned
from tests.media.images import LIMITS, animation, encoded, noise


def read(rgb: Rgb) -> Codes:
    return codes_in(picture_codes(np.ascontiguousarray(rgb)))


@pytest.mark.parametrize("scale", [2, 3, 5, 8, 14, 20])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_code_in_a_picture_is_read(scale: int, inverted: bool) -> None:
    code = 255 - a_code(scale=scale) if inverted else a_code(scale=scale)
    assert read(pasted(code, onto=scenery())) == Codes((LINK,), 0)


@pytest.mark.parametrize("scale", [1, 2, 4, 12, 30])
def test_a_code_that_is_the_whole_picture_is_read(scale: int) -> None:
    assert read(a_code(scale=scale)).payloads == (LINK,)
    assert read(255 - a_code(scale=scale)).payloads == (LINK,)


@pytest.mark.parametrize("degrees", [90, 180, 270, 7, 30, 45])
def test_a_turned_code_is_read(degrees: float) -> None:
    assert read(pasted(turned(a_code(scale=6), degrees), onto=scenery())).payloads == (LINK,)


@pytest.mark.parametrize(("dark", "light"), [(115, 145), (220, 250), (20, 60), (60, 20)])
def test_a_pale_code_is_read(dark: int, light: int) -> None:
    code = np.asarray(dark + (light - dark) * (a_code(scale=9) / 255), dtype=np.uint8)
    file = encoded(pasted(code, onto=scenery()), "JPEG", quality=85)
    again = np.asarray(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
    assert read(again).payloads == (LINK,)


def test_a_code_with_a_covered_corner_is_not_overlooked() -> None:
    code = a_code(scale=8).copy()
    code[24 : 24 + 64, 24 : 24 + 64] = 255
    assert suspects(np.ascontiguousarray(pasted(code, onto=scenery())[:, :, 1])) != (0, 0)


@pytest.mark.parametrize("scale", [3, 6])
def test_stripes_in_the_proportions_of_a_mark_hide_no_code(scale: int) -> None:
    stripes = np.tile(np.repeat(np.array([0, 255, 0, 0, 0, 255, 0, 255, 255], np.uint8), 2), 57)[:1024]
    ground = np.ascontiguousarray(np.broadcast_to(stripes[None, :, None], (1024, 1024, 3)))
    started = time.process_time()
    assert read(pasted(a_code(scale=scale), onto=ground, left=700, top=800)).payloads == (LINK,)
    assert time.process_time() - started < 4


@pytest.mark.parametrize("apart", [9, 11])
def test_decoys_hide_no_code(apart: int) -> None:
    mark = np.zeros((apart, apart), np.uint8)
    mark[:7, :7] = 1
    mark[1:6, 1:6] = 0
    mark[2:5, 2:5] = 1
    small = np.tile(1 - mark, (60, 60)) * np.uint8(255)
    ground = np.ascontiguousarray(np.repeat(np.repeat(small, 2, 0), 2, 1)[:1024, :1024, None].repeat(3, 2))
    started = time.process_time()
    assert read(pasted(a_code(scale=6), onto=ground, left=700, top=800)).unread
    assert time.process_time() - started < 4


def test_a_mirrored_code_is_not_overlooked() -> None:
    found = read(pasted(a_code(scale=6)[:, ::-1], onto=scenery()))
    assert found.payloads == (LINK,) or found.unread


def test_two_codes_are_both_read() -> None:
    both = pasted(a_code("https://example.com/one", scale=5), onto=scenery())
    both = pasted(a_code("https://example.com/two", scale=7), onto=both, left=600, top=300)
    assert sorted(read(both).payloads) == ["https://example.com/one", "https://example.com/two"]


def test_the_same_code_twice_is_one_payload() -> None:
    both = pasted(a_code(scale=5), onto=scenery())
    assert read(pasted(a_code(scale=7), onto=both, left=600, top=300)).payloads == (LINK,)


def test_a_damaged_code_is_found_unread() -> None:
    code = a_code("https://example.com/" + "a" * 60, scale=6, error="l").copy()
    side = code.shape[0]
    code[side // 2 - 60 : side // 2 + 60, side // 2 - 60 : side // 2 + 60] = 128
    assert read(pasted(code, onto=scenery())) == Codes((), 1)


@pytest.mark.parametrize("side", [500, 1024, 2048])
def test_a_picture_full_of_codes_is_unread_at_once(side: int) -> None:
    code = a_code(scale=2 * side // 1024 or 1)
    wall = np.tile(code, (16, 16, 1))[:side, :side]
    started = time.process_time()
    assert read(wall) == Codes((), 1)
    assert time.process_time() - started < 5.0


def test_a_small_code_is_looked_at_closely() -> None:
    code = a_code("https://example.com/" + "x" * 60, scale=2, error="l")
    picture = np.asarray(cv2.GaussianBlur(pasted(turned(code, 33), onto=scenery()), (0, 0), 0.6), dtype=np.uint8)
    assert cv2.QRCodeDetectorAruco().detectAndDecodeBytesMulti(picture)[1] == [b""]
    assert len(read(picture).payloads[0]) == 80


def test_six_codes_are_read() -> None:
    picture = scenery()
    for number in range(6):
        code = a_code(f"https://example.com/{number}", scale=4)
        picture = pasted(code, onto=picture, left=60 + number % 3 * 300, top=60 + number // 3 * 300)
    assert len(read(picture).payloads) == 6


def test_a_code_survives_the_size_of_the_picture_and_jpeg() -> None:
    large = pasted(a_code(scale=24), onto=scenery(3000, 4000), left=1500, top=700)
    file = encoded(large, "JPEG", quality=60)
    again = np.asarray(cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR_RGB), dtype=np.uint8)
    assert read(again).payloads == (LINK,)


def test_a_long_and_a_foreign_payload_are_read() -> None:
    text = "https://пример.example/" + "ж" * 40
    assert read(a_code(text, scale=5, encoding="utf-8")).payloads == (text,)
    long = "https://example.com/" + "x" * 700
    assert read(a_code(long, scale=6)).payloads == (long,)


@pytest.mark.parametrize("seed", range(4))
def test_pictures_without_a_code_have_none(seed: int) -> None:
    assert read(scenery(seed=seed)) == Codes((), 0)
    assert read(noise(600, 800, seed)) == Codes((), 0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (7, 7), (2, 900)])
def test_odd_shapes_are_searched(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    assert read(rng.integers(0, 256, (*shape, 3), dtype=np.uint8)) == Codes((), 0)


def test_photographs_have_no_codes(shared: Path) -> None:
    limits = DecodeLimits(20 * 2**20, 50_000_000, 16_384, 8, 10.0, 1_536)
    files = [*sorted((shared / "corpora/photos").iterdir())[::3], *sorted((shared / "corpora/large").iterdir())]
    with DecoderProcess(limits, {PICTURE_CODES: picture_codes}) as decoder:
        results = decoder.decode([path.read_bytes() for path in files])
    pictures = [result for result in results if isinstance(result, Picture)]
    assert len(pictures) == len(files) > 60
    assert {codes_in(picture.frames[0].reduced[PICTURE_CODES]) for picture in pictures} == {Codes((), 0)}


def test_codes_cross_from_the_decoder_frame_by_frame() -> None:
    with DecoderProcess(LIMITS, {PICTURE_CODES: picture_codes}) as decoder:
        still, moving = decoder.decode([encoded(a_code(scale=6), "PNG"), animation("GIF", 3)])
    assert isinstance(still, Picture)
    assert isinstance(moving, Picture)
    assert codes_in(still.frames[0].reduced[PICTURE_CODES]).payloads == (LINK,)
    assert [codes_in(frame.reduced[PICTURE_CODES]) for frame in moving.frames] == [Codes((), 0)] * 3


def answer(value: object) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 2), np.uint8),
        np.zeros(5, np.float32),
        np.zeros(600_000, np.uint8),
        np.frombuffer(b"[" * 50_000, np.uint8),
        answer([]),
        answer({}),
        answer({"payloads": ["a"] * (MAX_CODES + 1), "unread": 0}),
        answer({"payloads": [1], "unread": 0}),
        answer({"payloads": [], "unread": -1}),
        answer({"payloads": [], "unread": True}),
        answer({"payloads": [], "unread": 10**9}),
        answer({"payloads": "text", "unread": 0}),
    ],
)
def test_what_the_search_does_not_make_is_refused(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="code"):
        codes_in(array)


@given(array=hnp.arrays(np.uint8, st.integers(0, 60)))
def test_any_bytes_are_codes_or_an_error(array: np.ndarray) -> None:
    try:
        found = codes_in(array)
    except ValueError:
        return
    assert len(found.payloads) <= MAX_CODES


def test_payloads_are_printable_and_bounded() -> None:
    hostile = "a\0b\x1b[31m\u202e\n" + "x" * 9_000 + "\ud800"
    (payload,) = codes_in(answer({"payloads": [hostile], "unread": 0})).payloads
    assert payload.isprintable()
    assert len(payload) <= MAX_PAYLOAD_CHARS
    (lone,) = codes_in(answer({"payloads": ["\ud800"], "unread": 0})).payloads
    assert lone == "?"


def test_codes_over_the_number_that_is_told_count_as_unread() -> None:
    picture = np.full((1000, 1000, 3), 255, np.uint8)
    for number in range(MAX_CODES + 1):
        code = a_code(f"https://example.com/{number}", scale=7)
        picture = pasted(code, onto=picture, left=40 + number % 3 * 310, top=40 + number // 3 * 310)
    found = read(picture)
    assert (len(found.payloads), found.unread) == (MAX_CODES, 1)


def test_a_link_at_the_end_of_the_longest_payload_is_read() -> None:
    text = "x" * 2_700 + " https://example.com/end"
    assert read(a_code(text, scale=4, error="l")).payloads == (text,)
    digits = "1" * MAX_PAYLOAD_CHARS
    assert read(a_code(digits, scale=4, error="l")).payloads == (digits,)
