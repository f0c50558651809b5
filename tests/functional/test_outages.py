"""What surrounds a lane fails: every post waits or is held, and none is published by an error."""

import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from moderation.assembly import blob_store, intake, now
from moderation.domain.errors import UnavailableError
from moderation.domain.post import Author, PostState
from moderation.domain.verdict import SystemQueue
from moderation.screening.intake import Submission
from moderation.storage.jobs import JobStore
from moderation.storage.screenings import ScreeningStore
from tests import postgres
from tests.functional.world import world

pytestmark = [pytest.mark.functional, pytest.mark.timeout(300)]


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder / 'world.db'}"


def test_a_missing_model_holds_every_post(tmp_path: Path) -> None:
    with world(tmp_path, sqlite(tmp_path), models_dir=tmp_path / "no-models") as place:
        ids = place.accept(20)
        with place.lane("lane"):
            place.until_judged(ids)
        states = place.check_promises(ids)
        assert states["published"] == 0
        assert JobStore(place.database).depths()[SystemQueue.SIGNAL_FAILURE] > 0


@pytest.mark.long
def test_a_damaged_model_holds_every_post(tmp_path: Path) -> None:
    with world(tmp_path, sqlite(tmp_path)) as place:
        models = tmp_path / "models"
        shutil.copytree(place.settings.models, models)
        for weights in models.rglob("*.onnx"):
            weights.chmod(0o644)
            weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with world(tmp_path, sqlite(tmp_path), models_dir=models) as place:
        ids = place.accept(10)
        with place.lane("lane"):
            place.until_judged(ids)
        assert place.check_promises(ids)["published"] == 0


def test_a_store_that_cannot_be_written_accepts_nothing(tmp_path: Path) -> None:
    with world(tmp_path, sqlite(tmp_path), blob_url="file:///proc/moderation") as place:
        door = intake(place.settings, place.database, blob_store(place.settings))
        with pytest.raises(UnavailableError):
            door.accept(Submission(b"image", "", "", Author("a")), client="t", idempotency_key=None, now=now())
        assert place.posts.counts().get(PostState.RECEIVED, 0) == 0


def test_a_full_disk_accepts_nothing_and_leaves_no_half_blob(tmp_path: Path) -> None:
    import resource  # noqa: PLC0415 - only here, and only on POSIX

    with world(tmp_path, sqlite(tmp_path)) as place:
        door = intake(place.settings, place.database, blob_store(place.settings))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        try:
            with pytest.raises(UnavailableError):
                door.accept(
                    Submission(bytes(2_000_000), "", "", Author("a")), client="t", idempotency_key=None, now=now()
                )
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []
        assert place.posts.counts().get(PostState.RECEIVED, 0) == 0


def test_images_that_vanished_hold_their_posts(tmp_path: Path) -> None:
    with world(tmp_path, sqlite(tmp_path)) as place:
        ids = place.accept(12)
        for blob in (tmp_path / "blobs").rglob("*"):
            if blob.is_file():
                blob.unlink()
        with place.lane("lane"):
            place.until_judged(ids)
        assert place.check_promises(ids)["published"] == 0


@pytest.mark.long
def test_images_that_were_changed_in_the_store_hold_their_posts(tmp_path: Path) -> None:
    with world(tmp_path, sqlite(tmp_path)) as place:
        ids = place.accept(12)
        for blob in (tmp_path / "blobs").rglob("*"):
            if blob.is_file():
                blob.chmod(0o644)
                blob.write_bytes(blob.read_bytes() + b" ")
        with place.lane("lane"):
            place.until_judged(ids)
        assert place.check_promises(ids)["published"] == 0


def test_a_locked_database_delays_and_loses_nothing(tmp_path: Path) -> None:
    with world(tmp_path, sqlite(tmp_path)) as place:
        ids = place.accept(60)
        with place.lane("lane"):
            place.until_working("lane")
            with sqlite3.connect(tmp_path / "world.db") as locker:
                locker.execute("BEGIN EXCLUSIVE")
                time.sleep(4)
                locker.rollback()
            locker.close()
            place.until_judged(ids)
        place.check_promises(ids)


def test_without_a_lane_a_post_is_held_when_its_deadline_passes(tmp_path: Path) -> None:
    with world(tmp_path, sqlite(tmp_path), deadline_seconds=0.2) as place:
        ids = place.accept(3)
        time.sleep(0.3)
        assert len(place.posts.hold_overdue(now=now(), limit=10)) == 3
        assert {post.state for post in place.posts.many(ids).values()} == {PostState.HELD}
        assert JobStore(place.database).depths() == {SystemQueue.STALLED: 3}
        screening = ScreeningStore(place.database).latest(ids[0])
        assert screening is None or not screening.judgement.complete


@pytest.mark.long
@pytest.mark.postgres
def test_a_postgresql_that_crashes_and_comes_back_loses_nothing(
    tmp_path: Path, postgres_cluster: postgres.Cluster
) -> None:
    """The session's cluster says that the programs are there; the one that crashes is this test's own."""
    with postgres.running_cluster() as cluster, world(tmp_path, cluster.create("world"), lease_seconds=20.0) as place:
        ids = place.accept(100)
        with place.lane("lane"):
            place.until_working("lane")
            time.sleep(0.4)
            cluster.stop("immediate")
            time.sleep(2)
            cluster.start()
            place.until_judged(ids)
        place.check_promises(ids)
