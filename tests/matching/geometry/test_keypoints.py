"""Keypoints: the same picture agrees with itself when edited, another does not, and packed bytes are checked."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.bench.robustness.negatives import FAMILIES, members
from moderation.bench.robustness.scenes import scene
from moderation.domain.bank import MIN_INLIERS
from moderation.domain.errors import InvalidInputError
from moderation.matching.geometry.keypoints import (
    COARSE_LEVEL,
    COARSE_POINTS,
    MAX_POINTS,
    QUERY_POINTS,
    Keypoints,
    corners_of,
    described,
    inliers,
    keypoints_of,
    pack,
    unpack,
)
from moderation.media.subject import Rgb


def drawn(seed: int, width: int = 400, height: int = 300) -> Rgb:
    """A picture of many shapes."""
    random = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128, dtype=np.uint8)
    for _ in range(120):
        x, y = (int(number) for number in random.integers(0, (width, height)))
        size, colour = int(random.integers(5, 50)), tuple(int(part) for part in random.integers(0, 256, 3))
        if random.random() < 0.5:
            cv2.rectangle(picture, (x, y), (x + size, y + size // 2), colour, -1)
        else:
            cv2.circle(picture, (x, y), size // 2, colour, -1)
    return picture


def same(one: Keypoints, other: Keypoints) -> bool:
    return (
        bool(np.array_equal(one.points, other.points) and np.array_equal(one.descriptors, other.descriptors))
        and (one.width, one.height) == (other.width, other.height)
    )  # fmt: skip


def test_the_same_pixels_have_the_same_keypoints() -> None:
    assert same(keypoints_of(drawn(1)), keypoints_of(drawn(1)))


def test_a_crop_turned_and_shrunk_agrees_and_another_picture_does_not() -> None:
    entry = keypoints_of(drawn(1, 600, 450))
    cut = np.rot90(drawn(1, 600, 450)[60:400, 100:520]).copy()
    edited = np.asarray(cv2.resize(cut, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    assert inliers(keypoints_of(edited), entry) >= MIN_INLIERS
    assert inliers(keypoints_of(drawn(2, 600, 450)), entry) == 0


def test_a_mirrored_copy_agrees_only_when_mirrored_back() -> None:
    entry, mirrored = keypoints_of(drawn(3)), drawn(3)[:, ::-1].copy()
    assert inliers(keypoints_of(mirrored), entry) == 0
    assert inliers(keypoints_of(mirrored[:, ::-1].copy()), entry) >= MIN_INLIERS


def test_corners_found_once_describe_the_mirrored_picture_too() -> None:
    picture = scene(np.random.default_rng(8), 420, 310)
    mirrored, corners = picture[:, ::-1].copy(), corners_of(picture)
    assert inliers(described(corners, mirrored=True), keypoints_of(mirrored)) > MAX_POINTS // 2
    assert inliers(described(corners), keypoints_of(mirrored)) == 0
    assert inliers(described(corners), keypoints_of(picture)) > MAX_POINTS // 2


def test_a_quarter_of_a_collage_agrees_and_the_other_quarters_do_not() -> None:
    parts = [scene(np.random.default_rng(number), 256, 256) for number in range(10, 14)]
    whole = scene(np.random.default_rng(9), 512, 512)
    parts[2] = np.asarray(cv2.resize(whole, (256, 256), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    collage = described(corners_of(np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])))
    assert inliers(collage, keypoints_of(whole)) >= MIN_INLIERS
    assert inliers(collage, keypoints_of(scene(np.random.default_rng(14), 512, 512))) == 0


def test_fine_corners_leave_places_for_coarse_ones_and_take_what_those_leave() -> None:
    busy = corners_of(scene(np.random.default_rng(9), 512, 512), MAX_POINTS).found
    assert len(busy) == MAX_POINTS
    assert sum(corner.octave >= COARSE_LEVEL for corner in busy) == COARSE_POINTS
    small = corners_of(scene(np.random.default_rng(9), 96, 96)).found
    assert MIN_INLIERS < len(small) <= QUERY_POINTS
    blurred = np.asarray(cv2.GaussianBlur(scene(np.random.default_rng(9), 512, 512), (0, 0), 6.0), dtype=np.uint8)
    assert sum(corner.octave >= COARSE_LEVEL for corner in corners_of(blurred, MAX_POINTS).found) > COARSE_POINTS


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (31, 31), (300, 400)])
def test_a_flat_picture_has_none_and_agrees_with_nothing(size: tuple[int, int]) -> None:
    flat = keypoints_of(np.full((*size, 3), 90, dtype=np.uint8))
    assert len(flat.points) == len(flat.descriptors) == 0
    assert inliers(flat, keypoints_of(drawn(1))) == inliers(keypoints_of(drawn(1)), flat) == 0
    assert same(unpack(pack(flat)), flat)


def test_packing_keeps_everything_in_little_space() -> None:
    keypoints = keypoints_of(drawn(4, 1024, 700))
    packed = pack(keypoints)
    assert len(packed) <= 20_000
    assert same(unpack(packed), keypoints)


@pytest.mark.parametrize("name", ["letterhead", "same_interface", "same_chat", "same_template"])
def test_a_shared_frame_around_other_contents_is_not_enough(name: str) -> None:
    family = next(family for family in FAMILIES if family.name == name)
    one, two, three = (keypoints_of(member) for member in members(family, [drawn(1), drawn(2), drawn(3)], 3))
    assert inliers(one, two) == inliers(two, three) == inliers(three, one) == 0
    assert inliers(one, one) >= MIN_INLIERS


def test_one_shared_corner_of_the_picture_is_not_enough() -> None:
    one, other = drawn(5, 512, 512), drawn(6, 512, 512)
    logo = drawn(7, 90, 60)
    one[10:70, 10:100] = other[10:70, 10:100] = logo
    assert inliers(keypoints_of(one), keypoints_of(other)) == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:5],
        lambda data: b"\x02" + data[1:],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:1] + b"\xff\xff" + data[3:],
        lambda data: data[:1] + b"\x01\x00" + data[3:],
        lambda data: data[:1] + b"\x00\x00" + data[3:],
        lambda data: data[:5] + b"\xff\xff" + data[7:],
    ],
)
def test_hostile_bytes_are_refused(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(InvalidInputError):
        unpack(spoil(pack(keypoints_of(drawn(1)))))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_no_bytes_do_anything_else_than_be_refused(data: bytes) -> None:
    try:
        keypoints = unpack(data)
    except InvalidInputError:
        return
    assert pack(keypoints) == data


ENTRY = Keypoints(
    np.random.default_rng(0).integers(0, 300, (200, 2)).astype(np.float32),
    np.random.default_rng(1).integers(0, 256, (200, 32), dtype=np.uint8),
    400,
    300,
)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_forged_keypoints_never_raise(seed: int, agreeing: bool) -> None:
    random, entry = np.random.default_rng(seed), ENTRY
    descriptors = entry.descriptors if agreeing else random.integers(0, 256, entry.descriptors.shape, dtype=np.uint8)
    points = random.integers(0, 4, entry.points.shape).astype(np.float32)
    assert inliers(Keypoints(points, descriptors, 400, 300), entry) == 0
