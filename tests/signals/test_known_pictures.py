"""The most similar picture, against the plainest way to find it, while pictures come, go and make room."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from moderation.domain.ids import Digest, PostId
from moderation.domain.rejected_picture import RejectedPicture
from moderation.domain.signal import Features
from moderation.signals import known_pictures
from moderation.signals.int8_product import Int8Packer, PackedRows
from moderation.signals.known_pictures import KnownPictures, Nearest, inverse_lengths

MODEL = Digest("a" * 64)
SIZE, MOST = 6, 5
ALIKE = 0.9
vectors = st.lists(st.integers(-127, 127), min_size=SIZE, max_size=SIZE).map(lambda values: np.array(values, np.int8))
steps = st.lists(st.tuples(st.integers(0, 9), st.none() | vectors), min_size=1, max_size=25)
"""A post and its picture, or None: it is no reference any more."""


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_pictures, "BLOCK", 2)


@pytest.fixture(scope="module")
def packer() -> Int8Packer:
    return Int8Packer()


def features(values: NDArray[np.int8]) -> Features:
    return Features(MODEL, values.tobytes())


def name(number: int) -> PostId:
    return PostId(f"post-{number}")


def cosine(one: NDArray[np.int8], other: NDArray[np.int8]) -> float:
    left, right = one.astype(np.float64), other.astype(np.float64)
    lengths = float(np.linalg.norm(left) * np.linalg.norm(right))
    return float(left @ right) / lengths if lengths else 0.0


@given(steps, st.lists(st.tuples(st.integers(0, 12), vectors), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_it_finds_what_the_plainest_search_finds(
    packer: Int8Packer,
    steps: list[tuple[int, NDArray[np.int8] | None]],
    asked: list[tuple[int, NDArray[np.int8]]],
) -> None:
    known, plain = KnownPictures(SIZE, MOST, packer), dict[PostId, NDArray[np.int8]]()
    for number, values in steps:
        if values is None:
            known.remove(name(number))
            plain.pop(name(number), None)
        else:
            known.add(RejectedPicture(name(number), features(values)))
            if name(number) not in plain and len(plain) == MOST:
                del plain[next(iter(plain))]
            plain.setdefault(name(number), values)
        known.settle()
    assert len(known) == len(plain)
    found = known.nearest([(name(number), features(values)) for number, values in asked], alike=ALIKE)
    for (number, values), nearest in zip(asked, found, strict=True):
        others = {post: cosine(values, other) for post, other in plain.items() if post != name(number)}
        assert nearest.compared == len(others)
        if not others:
            assert nearest == Nearest(0.0, "", 0, 0)
            continue
        assert nearest.cosine == pytest.approx(max(others.values()), abs=1e-5)
        assert others[PostId(nearest.post_id)] == pytest.approx(nearest.cosine, abs=1e-5)
        least, most = (sum(one >= ALIKE + sign * 1e-5 for one in others.values()) for sign in (1, -1))
        assert least <= nearest.alike <= most


def test_only_what_changed_is_laid_out_again(packer: Int8Packer, monkeypatch: pytest.MonkeyPatch) -> None:
    known = KnownPictures(SIZE, 6, packer)
    for number in range(6):
        known.add(RejectedPicture(name(number), features(np.full(SIZE, number + 1, np.int8))))
    known.settle()
    packed: list[int] = []
    pack = packer.pack

    def counted(rows: NDArray[np.int8]) -> PackedRows:
        packed.append(int(rows[0, 0]))
        return pack(rows)

    monkeypatch.setattr(packer, "pack", counted)
    known.settle()
    known.nearest([(name(9), features(np.full(SIZE, 1, np.int8)))], alike=ALIKE)
    assert packed == [], "nothing changed"
    known.add(RejectedPicture(name(7), features(np.full(SIZE, 77, np.int8))))
    known.settle()
    assert packed == [77], "the newest takes the place of the oldest"


@pytest.mark.parametrize("values", [b"", b"\x01", bytes(SIZE + 1)])
def test_features_of_another_length_are_a_problem(packer: Int8Packer, values: bytes) -> None:
    known = KnownPictures(len(values) if not values else SIZE, MOST, packer)
    known.add(RejectedPicture(name(1), Features(MODEL, values)))
    known.settle()
    assert "values, not" in known.problem
    assert not len(known)


@given(st.lists(vectors, max_size=5))
def test_inverse_lengths_give_vectors_of_length_one(several: list[NDArray[np.int8]]) -> None:
    stacked = np.array(several, np.int8).reshape(len(several), SIZE)
    units = stacked * inverse_lengths(stacked)[:, np.newaxis]
    expected = [1.0 if one.any() else 0.0 for one in several]
    assert np.linalg.norm(units, axis=1).tolist() == pytest.approx(expected, abs=1e-6)
