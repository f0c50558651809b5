"""The index of corners: it proposes the picture that a part was cut from, and forgets what was removed."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.bench.robustness.scenes import scene
from moderation.bench.robustness.shapes import rotated
from moderation.matching.geometry.keypoint_index import MAX_GONE, MAX_MEETINGS, MIN_VOTES, TABLES, KeypointIndex
from moderation.matching.geometry.keypoints import Keypoints, keypoints_of
from moderation.media.subject import Rgb


def picture(seed: int) -> Rgb:
    return scene(np.random.default_rng(seed), 400, 300)


def filled() -> KeypointIndex:
    index = KeypointIndex()
    index.add([(number, keypoints_of(picture(number))) for number in range(10, 14)])
    index.add([(14, keypoints_of(picture(14)))])
    return index


class Oracle:
    """The same by lists and loops."""

    def __init__(self) -> None:
        self.keys = KeypointIndex()._keys
        self.met: list[dict[int, list[int]]] = [defaultdict(list) for _ in range(TABLES)]

    def add(self, number: int, points: Keypoints) -> None:
        self.remove(number)
        for met, keys in zip(self.met, self.keys(points.descriptors).tolist(), strict=True):
            for key in keys:
                met[key].append(number)

    def remove(self, number: int) -> None:
        for met in self.met:
            for key, numbers in met.items():
                met[key] = [one for one in numbers if one != number]

    def votes(self, query: Keypoints) -> dict[int, float]:
        found: dict[int, float] = defaultdict(float)
        for met, keys in zip(self.met, self.keys(query.descriptors).tolist(), strict=True):
            for key in keys:
                numbers = met.get(key, [])
                for number in numbers[-MAX_MEETINGS:]:
                    found[number] += 1 / len(numbers) ** 0.5
        return {number: vote for number, vote in found.items() if vote >= MIN_VOTES}


def common(seed: int, kinds: int = 12) -> Keypoints:
    """Corners of few kinds, so that many entries share them; some have none."""
    rng = np.random.default_rng(seed)
    descriptors = np.random.default_rng(0).integers(0, 256, (kinds, 32), np.uint8)[rng.integers(0, kinds, seed % 40)]
    return Keypoints(np.zeros((len(descriptors), 2), np.float32), descriptors, 100, 100)


@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 12), min_size=1, max_size=4)), max_size=12),
    merge_after=st.sampled_from([1, 60, 10_000]),
    seed=st.integers(0, 1000),
)
def test_it_proposes_what_lists_and_loops_do(steps: list[tuple[bool, list[int]]], merge_after: int, seed: int) -> None:
    index, oracle = KeypointIndex(merge_after=merge_after), Oracle()
    for place, (adds, numbers) in enumerate(steps):
        if adds:
            entries = {number: common(seed + 7 * place + number) for number in numbers}
            index.add(entries.items())
            for number, points in entries.items():
                oracle.add(number, points)
        else:
            index.remove(numbers)
            for number in numbers:
                oracle.remove(number)
    index._forget()
    query = common(39)
    found = {one.number: one.votes for one in index.near(query, 100)}
    assert found == pytest.approx(oracle.votes(query))


def test_the_picture_that_a_turned_part_was_cut_from_is_proposed_first() -> None:
    index = filled()
    for number in (10, 14):
        part = rotated(picture(number), 8.0)[40:260, 60:340].copy()
        assert index.near(keypoints_of(part), 3)[0].number == number


def test_no_more_are_proposed_than_asked_for_and_the_likeliest_first() -> None:
    votes = [one.votes for one in filled().near(keypoints_of(picture(11)), 2)]
    assert len(votes) <= 2
    assert votes == sorted(votes, reverse=True)


def test_a_picture_that_was_banked_a_hundred_times_is_proposed_for_its_part() -> None:
    index = filled()
    whole = picture(15)
    noise = np.random.default_rng(1)
    copies = [np.clip(whole + noise.integers(-3, 4, whole.shape), 0, 255).astype(np.uint8) for _ in range(100)]
    index.add([(100 + number, keypoints_of(copy)) for number, copy in enumerate(copies)])
    part = keypoints_of(rotated(whole, 8.0)[40:260, 60:340].copy())
    assert max(one.number for one in index.near(part, 4)) >= 100


def test_removed_entries_are_not_proposed() -> None:
    index = filled()
    index.remove([11, 99])
    assert 11 not in [one.number for one in index.near(keypoints_of(picture(11)), 10)]
    assert index.near(keypoints_of(picture(12)), 1)[0].number == 12


def test_an_entry_that_was_removed_and_added_again_is_proposed() -> None:
    index = filled()
    index.remove([11])
    index.add([(11, keypoints_of(picture(11)))])
    assert index.near(keypoints_of(picture(11)), 1)[0].number == 11


def test_many_removed_entries_leave_the_others() -> None:
    index = filled()
    index.remove([10, *range(100, 100 + MAX_GONE)])
    assert [one.number for one in index.near(keypoints_of(picture(10)), 10) if one.number == 10] == []
    assert index.near(keypoints_of(picture(12)), 1)[0].number == 12


def test_nothing_is_proposed_for_a_flat_picture_nor_by_an_empty_index() -> None:
    flat = keypoints_of(np.full((200, 200, 3), 128, dtype=np.uint8))
    assert filled().near(flat, 5) == []
    assert KeypointIndex().near(keypoints_of(picture(1)), 5) == []
    index = KeypointIndex()
    index.add([(1, flat)])
    assert index.near(keypoints_of(picture(1)), 5) == []


def test_of_a_descriptor_that_all_share_only_the_newest_are_met() -> None:
    index = KeypointIndex()
    same = Keypoints(np.zeros((500, 2), np.float32), np.zeros((500, 32), np.uint8), 100, 100)
    index.add([(number, same) for number in range(3)])
    assert [one.number for one in index.near(same, 5)] == [2]
