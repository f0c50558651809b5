"""The same picture in the feed already: against the plainest way to count, and when nothing can be said."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.published_picture import PublishedChange, PublishedPicture
from moderation.domain.signal import FailureReason, Match, PictureHash, Score, SignalFailure, Value
from moderation.matching import feed_pictures
from moderation.matching.feed_pictures import FeedPictures
from moderation.matching.image_duplicate import CHECK_SECONDS, IMAGE_DUPLICATE, MOST_COUNTED, ImageDuplicate
from moderation.media.subject import Picture, Subject
from tests.factories import a_failure, a_post, after, an_author, facts
from tests.storage.review.picture_rows import a_pdq

NOTHING = {"image_duplicate_distance": None, "image_duplicate_age_hours": None}


class Feed:
    """`PublishedPictures` in memory: changes in order."""

    def __init__(self, *whole: PublishedPicture) -> None:
        self.whole = whole
        self.later: list[PublishedChange] = []
        self.down = False

    def changes(self, after: int | None, *, most: int) -> PublishedChange:
        if self.down:
            raise UnavailableError("the database is away")
        if after is None:
            return PublishedChange(0, tuple(self.whole[:most]), whole=True)
        return self.later.pop(0) if self.later else PublishedChange(after, ())


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def published(name: str, *pdqs: str, author: str = "somebody", hours: float = 1.0) -> PublishedPicture:
    codes = tuple(bytes.fromhex(pdq) for pdq in pdqs)
    return PublishedPicture(PostId(name), author, after(-3600 * hours), codes)


def posting(*hashes: tuple[str, int], name: str = "asked", author: str = "author-1") -> Subject:
    match = Match("image_match", {}, (), "1", tuple(PictureHash(n, pdq, q) for n, (pdq, q) in enumerate(hashes)))
    return Subject(a_post(post_id=name, author=an_author(author)), Picture(facts(), ()), {"image_match": match})


def signal(feed: Feed, *, most: int = 100, watch: Watch | None = None) -> ImageDuplicate:
    return ImageDuplicate(feed, clock=lambda: after(0), most=most, monotonic=watch or Watch())


def said(found: ImageDuplicate, subject: Subject) -> dict[str, Value]:
    (result,) = found.measure([subject])
    assert isinstance(result, Score), result
    assert set(result.values) == {column.name for column in IMAGE_DUPLICATE.columns}
    return dict(result.values)


def test_a_new_picture_has_no_copies() -> None:
    feed = Feed(published("one", a_pdq(1)))
    assert said(signal(feed), posting((a_pdq(2), 90))) == {
        "image_duplicate_others": 0,
        "image_duplicate_own": 0,
        **NOTHING,
    }


def test_copies_of_others_and_own_ones_are_told_apart() -> None:
    feed = Feed(
        published("one", a_pdq(1, flipped=9), author="author-1", hours=30),
        published("two", a_pdq(1, flipped=4), author="other", hours=2),
        published("three", a_pdq(1, flipped=31), author="third", hours=50),
        published("four", a_pdq(1, flipped=32), author="third", hours=500),
    )
    assert said(signal(feed), posting((a_pdq(1), 90))) == {
        "image_duplicate_others": 2,
        "image_duplicate_own": 1,
        "image_duplicate_distance": 4,
        "image_duplicate_age_hours": 50.0,
    }


def test_a_post_is_not_its_own_copy() -> None:
    feed = Feed(published("asked", a_pdq(1)))
    assert said(signal(feed), posting((a_pdq(1), 90)))["image_duplicate_own"] == 0


def test_an_animation_counts_once_whichever_frames_are_alike() -> None:
    feed = Feed(published("one", a_pdq(1), a_pdq(2), a_pdq(3)))
    assert said(signal(feed), posting((a_pdq(9), 90), (a_pdq(2), 90), (a_pdq(3), 90)))["image_duplicate_others"] == 1


def test_without_a_usable_hash_nothing_is_known() -> None:
    found = said(signal(Feed(published("one", a_pdq(1)))), posting((a_pdq(1), 49)))
    assert set(found.values()) == {None}


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        (Subject(a_post(), Refusal(RefusalReason.CORRUPT, "")), FailureReason.UNDECODABLE),
        (Subject(a_post(), Picture(facts(), ()), {"image_match": a_failure("image_match")}), FailureReason.ERROR),
        (Subject(a_post(), Picture(facts(), ())), FailureReason.ERROR),
    ],
)
def test_what_was_not_hashed_is_a_failure(subject: Subject, reason: FailureReason) -> None:
    (result,) = signal(Feed()).measure([subject])
    assert isinstance(result, SignalFailure)
    assert result.reason is reason


def test_a_feed_that_cannot_be_read_is_an_error() -> None:
    feed = Feed()
    feed.down = True
    with pytest.raises(UnavailableError):
        signal(feed).refresh()


def test_what_is_published_and_withdrawn_is_followed_once_a_second() -> None:
    feed, watch = Feed(published("one", a_pdq(1))), Watch()
    found = signal(feed, watch=watch)
    found.refresh()
    feed.later = [
        PublishedChange(1, (published("two", a_pdq(2)),), (PostId("two"),)),
        PublishedChange(2, (), (PostId("one"), PostId("never-seen"))),
    ]
    found.refresh()
    assert said(found, posting((a_pdq(2), 90)))["image_duplicate_others"] == 0
    watch.now += CHECK_SECONDS
    found.refresh()
    assert said(found, posting((a_pdq(2), 90)))["image_duplicate_others"] == 1
    assert said(found, posting((a_pdq(1), 90)))["image_duplicate_others"] == 1
    watch.now += CHECK_SECONDS
    found.refresh()
    assert said(found, posting((a_pdq(1), 90)))["image_duplicate_others"] == 0


def test_only_the_newest_are_kept() -> None:
    feed = Feed(published("new", a_pdq(1)), published("old", a_pdq(2)))
    found, watch = signal(feed, most=2), Watch()
    found = signal(feed, most=2, watch=watch)
    feed.later = [PublishedChange(1, (published("newest", a_pdq(3)),), ())]
    found.refresh()
    watch.now += CHECK_SECONDS
    found.refresh()
    seen = [said(found, posting((a_pdq(seed), 90)))["image_duplicate_others"] for seed in (1, 2, 3)]
    assert seen == [1, 0, 1]


def test_a_viral_picture_is_counted_to_a_limit() -> None:
    feed = Feed(*[published(f"post-{number}", a_pdq(1)) for number in range(MOST_COUNTED + 50)])
    assert said(signal(feed, most=5_000), posting((a_pdq(1), 90)))["image_duplicate_others"] == MOST_COUNTED


def test_rows_of_what_has_left_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_pictures, "SLACK", 5)
    pictures = FeedPictures(100)
    for number in range(200):
        gone = (PostId(f"post-{number - 3}"),)
        pictures = pictures.followed(PublishedChange(number, (published(f"post-{number}", a_pdq(number)),), gone))
    assert len(pictures) == 3
    assert len(pictures._index) == 3
    assert pictures._index.overlay[0] <= 20
    code = np.frombuffer(bytes.fromhex(a_pdq(199)), dtype=np.uint8)[np.newaxis]
    assert [copy.post_id for copy in pictures.copies(code, PostId(""), radius=0, most=9)] == ["post-199"]


@settings(deadline=None, max_examples=30)
@given(steps=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5), st.booleans()), max_size=30))
def test_it_counts_as_a_plain_list_would(steps: list[tuple[int, int, bool]]) -> None:
    """Posts come (or come again) and go; what is found is what a list of them says."""
    pictures, plain = FeedPictures(1_000), dict[PostId, PublishedPicture]()
    for number, (post, flipped, comes) in enumerate(steps):
        picture = published(f"post-{post}", a_pdq(1, flipped=8 * flipped))
        plain.pop(picture.post_id, None)
        if comes:
            plain[picture.post_id] = picture
        added = (picture,) if comes else ()
        pictures = pictures.followed(PublishedChange(number, added, (picture.post_id,)))
    code = np.frombuffer(bytes.fromhex(a_pdq(1)), dtype=np.uint8)
    found = pictures.copies(code[np.newaxis], PostId("post-0"), radius=31, most=100)
    expected = {
        post_id: int(np.bitwise_count(code ^ np.frombuffer(picture.codes[0], dtype=np.uint8)).sum())
        for post_id, picture in plain.items()
        if post_id != "post-0"
    }
    assert {copy.post_id: copy.distance_bits for copy in found} == {
        post_id: bits for post_id, bits in expected.items() if bits <= 31
    }
    assert timedelta(0) <= min((after(0) - copy.published_at for copy in found), default=timedelta(0))
