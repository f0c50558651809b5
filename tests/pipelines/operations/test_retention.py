from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from moderation.domain.verdict import Verdict
from moderation.media.store import BlobStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from pipelines.definitions import defs
from pipelines.defs.operations.retention import retain_images
from pipelines.resources import System
from tests.factories import IMAGE, accept, judge_all


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def rejected_long_ago(url: str) -> None:
    database, at = Database.open(url), datetime.now(UTC) - timedelta(days=400)
    posts = PostStore(database)
    accept(posts, now=at)
    judge_all(posts, Verdict.REJECT, now=at)
    database.close()


@pytest.mark.parametrize(("days", "deleted"), [(30, True), (0, False)])
def test_the_job_deletes_by_the_setting(
    instance: dg.DagsterInstance,
    tmp_path: Path,
    sqlite_url: str,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    *,
    deleted: bool,
) -> None:
    blobs = BlobStore(f"file://{tmp_path / 'blobs'}")
    blobs.prepare()
    rejected_long_ago(sqlite_url)
    monkeypatch.setenv("MODERATION_HOME", str(tmp_path))
    monkeypatch.setenv("MODERATION_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("MODERATION_RETENTION_DAYS", str(days))
    assert retain_images.execute_in_process(instance=instance, resources={"system": System()}).success
    database = Database.open(sqlite_url)
    with database.read() as connection:
        marked = connection.exec_driver_sql("SELECT count(*) FROM posts WHERE image_deleted_at IS NOT NULL").scalar()
    database.close()
    assert marked == int(deleted)
    assert not blobs.exists(IMAGE)


def test_a_pass_that_stopped_fails_so_that_somebody_hears_of_it(instance: dg.DagsterInstance) -> None:
    class Stopped:
        deleted = kept = features = 0
        complete = False

        def run(self) -> "Stopped":
            return self

    class Broken(System):
        @contextmanager
        def retention(self) -> Iterator[Stopped]:  # type: ignore[override]  # a fake
            yield Stopped()

    result = retain_images.execute_in_process(instance=instance, resources={"system": Broken()}, raise_on_error=False)
    assert not result.success


def test_it_runs_every_night_without_being_switched_on() -> None:
    schedule = defs.resolve_schedule_def("retain_images_nightly")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
