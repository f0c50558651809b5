import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.domain.ids import Digest
from moderation.media.store import BlobStore
from tests.factories import IMAGE, IMAGE_BYTES

LATER = timedelta(minutes=1)


def soon() -> datetime:
    """After everything that was written so far."""
    return datetime.now(UTC) + LATER


def long_ago() -> datetime:
    return datetime.now(UTC) - LATER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, folder: Path) -> BlobStore:
    return BlobStore(f"file://{folder}" if request.param == "file" else f"memory://{uuid4().hex}")


def test_a_blob_that_nobody_wrote_lately_goes(store: BlobStore) -> None:
    store.write(b"another, without which some file systems have no folder")
    store.write(IMAGE_BYTES)
    assert store.delete(IMAGE, unused_since=soon())
    assert not store.exists(IMAGE)
    assert store.delete(IMAGE, unused_since=soon()), "it is gone"


def test_a_blob_that_was_written_lately_stays(store: BlobStore) -> None:
    store.write(IMAGE_BYTES)
    assert not store.delete(IMAGE, unused_since=long_ago())
    assert store.read(IMAGE) == IMAGE_BYTES


def test_writing_the_same_bytes_again_counts_as_use(folder: Path) -> None:
    store = BlobStore(f"file://{folder}")
    store.write(IMAGE_BYTES)
    path = folder / IMAGE[:2] / IMAGE[2:4] / IMAGE
    os.utime(path, (0, 0))
    store.write(IMAGE_BYTES)
    assert not store.delete(IMAGE, unused_since=long_ago())


def test_only_digests_are_deleted(store: BlobStore) -> None:
    for name in ("..", "../../etc/passwd", IMAGE.upper()):
        with pytest.raises(InvalidInputError):
            store.delete(Digest(name), unused_since=soon())


def test_a_store_that_is_away_is_not_taken_for_a_blob_that_is_gone(folder: Path) -> None:
    store = BlobStore(f"file://{folder}")
    store.write(IMAGE_BYTES)
    folder.rename(folder.with_name("unmounted"))
    with pytest.raises(UnavailableError):
        store.delete(IMAGE, unused_since=soon())


def test_deleting_leaves_nothing_behind(folder: Path) -> None:
    store = BlobStore(f"file://{folder}")
    store.write(IMAGE_BYTES)
    store.delete(IMAGE, unused_since=soon())
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_an_upload_at_the_same_moment_is_never_lost(folder: Path) -> None:
    """Whoever comes first: after a write returned, the blob is there, unless the deletion began after it."""
    store = BlobStore(f"file://{folder}")
    for _ in range(50):
        store.write(IMAGE_BYTES)
        path = folder / IMAGE[:2] / IMAGE[2:4] / IMAGE
        os.utime(path, (0, 0))
        start = threading.Barrier(2)

        def upload(start: threading.Barrier = start) -> None:
            start.wait()
            store.write(IMAGE_BYTES)

        thread = threading.Thread(target=upload)
        thread.start()
        start.wait()
        store.delete(IMAGE, unused_since=long_ago())
        thread.join()
        assert store.read(IMAGE) == IMAGE_BYTES
