import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.ids import PostId
from moderation.matching.hashes.pdq import from_hex
from moderation.review import near_pictures
from moderation.review.near_pictures import NearPictures
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.hashes import HashPlace, HashStore, StoredHash
from tests.factories import accept
from tests.storage.review.picture_rows import a_pdq, store_hashes


class ListedHashes(HashStore):
    """Hashes from a list instead of a database; the post of number n is "n"."""

    def __init__(self, hashes: list[StoredHash]) -> None:
        self.hashes = hashes
        self.read = 0

    def after(self, place: HashPlace, limit: int) -> list[StoredHash]:
        later = [one for one in self.hashes if (one.place.number, one.place.frame) > (place.number, place.frame)]
        self.read += len(later[:limit])
        return later[:limit]

    def posts_at(self, numbers: object) -> dict[int, PostId]:
        assert isinstance(numbers, list)
        return {number: PostId(str(number)) for number in numbers}


def stored(number: int, pdq: str, *, frame: int = 0, quality: int = 90) -> StoredHash:
    return StoredHash(HashPlace(number, frame), pdq, quality)


def test_posts_are_found_nearest_first_and_each_once(database: Database) -> None:
    ids = [accept(PostStore(database)).id for _ in range(4)]
    store_hashes(database, ids[0], 1, [a_pdq(7, flipped=20), a_pdq(7, flipped=3)])
    store_hashes(database, ids[1], 2, [a_pdq(7)])
    store_hashes(database, ids[2], 3, [a_pdq(8)])
    store_hashes(database, ids[3], 4, [a_pdq(7)], quality=49)
    near = NearPictures(HashStore(database))
    found = near.search([from_hex(a_pdq(7))], radius=31)
    assert [(one.post_id, one.distance_bits) for one in found] == [(ids[1], 0), (ids[0], 3)]
    assert near.codes_of(ids[3]) == []
    assert near.codes_of(ids[1])[0].tobytes().hex() == a_pdq(7)


def test_what_is_stored_later_is_found_without_reading_everything_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_pictures, "PAGE_HASHES", 3)
    source = ListedHashes([stored(number, a_pdq(number)) for number in range(1, 8)])
    near = NearPictures(source)
    assert near.refresh() == 7
    source.hashes.append(stored(8, a_pdq(99)))
    assert [one.post_id for one in near.search([from_hex(a_pdq(99))], radius=0)] == ["8"]
    assert source.read == 8


def test_the_list_is_bounded_and_keeps_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_pictures, "MAX_NEAR", 2)
    source = ListedHashes([stored(number, a_pdq(1, flipped=10 - number)) for number in range(1, 10)])
    found = NearPictures(source).search([from_hex(a_pdq(1))], radius=31)
    assert [one.distance_bits for one in found] == [1, 2]


def test_nothing_to_compare_finds_nothing() -> None:
    assert NearPictures(ListedHashes([])).search([from_hex(a_pdq(1))], radius=60) == []
    assert NearPictures(ListedHashes([stored(1, a_pdq(1))])).search([], radius=60) == []


@settings(deadline=None, max_examples=40)
@given(
    flips=st.lists(st.integers(0, 80), max_size=30),
    segment=st.integers(1, 7),
    page=st.integers(1, 5),
    radius=st.sampled_from(near_pictures.RADII),
)
def test_it_finds_what_comparing_with_each_hash_finds(flips: list[int], segment: int, page: int, radius: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near_pictures, "SEGMENT_HASHES", segment)
        patch.setattr(near_pictures, "PAGE_HASHES", page)
        hashes = [stored(number + 1, a_pdq(5, flipped=flipped)) for number, flipped in enumerate(flips)]
        query = from_hex(a_pdq(5))
        found = NearPictures(ListedHashes(hashes)).search([query], radius=radius)
    expected = {
        str(one.place.number): distance
        for one in hashes
        if (distance := int(np.bitwise_count(from_hex(one.pdq) ^ query).sum())) <= radius
    }
    assert {one.post_id: one.distance_bits for one in found} == expected
