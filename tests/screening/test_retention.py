import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import Digest, PostId
from moderation.domain.post import Post
from moderation.domain.verdict import Verdict
from moderation.media.store import BlobStore
from moderation.screening import retention
from moderation.screening.retention import Retention, RetentionReport
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.evidence import EvidenceStore
from moderation.storage.review.retention import RetentionStore
from tests.factories import a_new_post, accept, judge_all
from tests.storage.review.jobs import add_person

DAYS = 30.0
NOW = datetime.now(UTC)
"""Blobs carry the file system's own times."""


class World:
    """Rejected posts with real files behind them, received so many days ago."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.blobs = BlobStore(f"file://{folder}")

    def rejected(self, name: str, *, days: float) -> Post:
        posts, at = PostStore(self.database), NOW - timedelta(days=days)
        image = self.blobs.write(name.encode())
        os.utime(self.path(image), (at.timestamp(), at.timestamp()))
        post = accept(posts, a_new_post(image=image), key=name, body=name, now=at)
        judge_all(posts, Verdict.REJECT, now=at)
        return post

    def path(self, image: Digest) -> Path:
        return self.folder / image[:2] / image[2:4] / image

    def run(self, days: float = DAYS, *, most: int = 100) -> RetentionReport:
        store = RetentionStore(self.database)
        return Retention(store, self.blobs, days=days, clock=lambda: NOW).run(most=most)


@pytest.fixture
def world(sqlite_database: Database, tmp_path: Path) -> World:
    return World(sqlite_database, tmp_path / "blobs")


def test_old_images_go_and_young_ones_stay(world: World) -> None:
    old, young = world.rejected("old", days=40), world.rejected("young", days=20)
    assert world.run() == RetentionReport(1, 0, complete=True)
    assert not world.blobs.exists(old.image)
    assert world.blobs.exists(young.image)
    assert world.run() == RetentionReport(0, 0, complete=True)


def test_by_default_everything_is_kept_for_ever(world: World) -> None:
    old = world.rejected("old", days=4000)
    assert world.run(days=0) == RetentionReport(0, 0, complete=True)
    assert world.blobs.exists(old.image)


def test_evidence_is_never_deleted(world: World) -> None:
    old = world.rejected("old", days=4000)
    person = add_person(world.database, "ada")
    EvidenceStore(world.database).place([old.id], "opened", person=person, now=NOW)
    assert world.run(days=0.001) == RetentionReport(0, 0, complete=True)
    assert world.blobs.exists(old.image)


def test_an_image_that_was_uploaded_again_today_stays(world: World) -> None:
    old = world.rejected("old", days=40)
    world.blobs.write(b"old")
    assert world.run() == RetentionReport(0, 1, complete=True)
    assert world.blobs.read(old.image) == b"old"


def test_an_image_that_is_gone_already_is_marked_as_such(world: World) -> None:
    old = world.rejected("old", days=40)
    world.path(old.image).unlink()
    assert world.run() == RetentionReport(1, 0, complete=True)
    assert world.run() == RetentionReport(0, 0, complete=True)


def test_posts_of_one_image_count_once(world: World) -> None:
    first = world.rejected("same", days=40)
    posts, at = PostStore(world.database), NOW - timedelta(days=39)
    accept(posts, a_new_post(image=first.image), key="again", body="again", now=at)
    judge_all(posts, Verdict.REJECT, now=at)
    assert world.run() == RetentionReport(1, 1, complete=True)


def test_a_pass_ends_although_more_could_go(world: World) -> None:
    for name in ("a", "b", "c"):
        world.rejected(name, days=40)
    assert world.run(most=2) == RetentionReport(2, 0, complete=False)
    assert world.run(most=2) == RetentionReport(1, 0, complete=True)


def test_a_store_that_is_away_ends_the_pass_and_marks_nothing(world: World) -> None:
    world.rejected("old", days=40)
    world.folder.rename(world.folder.with_name("unmounted"))
    with capture_logs() as logs:
        assert world.run() == RetentionReport(0, 0, complete=False)
    assert [entry["event"] for entry in logs] == ["retention_stopped"]
    world.folder.with_name("unmounted").rename(world.folder)
    assert world.run() == RetentionReport(1, 0, complete=True)


def test_a_blob_store_without_an_answer_is_an_error_of_the_pass_alone(world: World) -> None:
    world.rejected("old", days=40)

    class Away:
        def delete(self, digest: Digest, *, unused_since: datetime) -> bool:
            raise UnavailableError("away")

    report = Retention(RetentionStore(world.database), Away(), days=DAYS, clock=lambda: NOW).run()
    assert report == RetentionReport(0, 0, complete=False)


class Passed(RetentionStore):
    """Nothing but features of posts that passed; remembers what was asked."""

    def __init__(self, database: Database, posts: int) -> None:
        super().__init__(database)
        self.left = [PostId(f"post-{number:04}") for number in range(posts)]
        self.asked: list[datetime] = []

    def forget_features(self, before: datetime, *, limit: int, after: PostId | None = None) -> list[PostId]:
        self.asked.append(before)
        page, self.left = self.left[:limit], self.left[limit:]
        return page


@pytest.mark.parametrize(("days", "kept_days"), [(0.0, 30.0), (7.0, 7.0), (400.0, 30.0)])
def test_features_of_what_passed_go_whatever_is_said_of_images(
    world: World, days: float, kept_days: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "FEATURE_PAGE", 2)
    store = Passed(world.database, 5)
    report = Retention(store, world.blobs, days=days, clock=lambda: NOW).run()
    assert report == RetentionReport(0, 0, complete=True, features=5)
    assert set(store.asked) == {NOW - timedelta(days=kept_days)}


def test_a_pass_over_very_many_features_ends_and_says_that_more_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MOST_FEATURES", 3)
    store = Passed(world.database, 5)
    report = Retention(store, world.blobs, days=0, clock=lambda: NOW).run()
    assert (report.features, report.complete, len(store.left)) == (3, False, 2)
