import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from moto.server import ThreadedMotoServer

from moderation.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from moderation.domain.ids import Digest
from moderation.media.store import BlobStore
from tests.factories import IMAGE, IMAGE_BYTES, a_digest

S3_RIGHTS = {"key": "testing", "secret": "testing"}


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A real HTTP server that speaks S3."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def s3_options(endpoint: str, **more: Any) -> dict[str, Any]:
    return {**S3_RIGHTS, "endpoint_url": endpoint, "client_kwargs": {"region_name": "eu-west-1"}, **more}


@pytest.fixture(scope="session")
def s3(s3_server: str) -> BlobStore:
    bucket = f"bucket-{uuid4().hex}"
    store = BlobStore(f"s3://{bucket}/blobs", s3_options(s3_server))
    store._files.mkdir(bucket)
    return store


@pytest.fixture
def folder(tmp_path: Path) -> BlobStore:
    return BlobStore(f"file://{tmp_path}/blobs")


@pytest.fixture(params=["folder", "s3", "memory"])
def store(request: pytest.FixtureRequest) -> BlobStore:
    if request.param == "memory":
        return BlobStore(f"memory://{uuid4().hex}")
    found = request.getfixturevalue(request.param)
    assert isinstance(found, BlobStore)
    return found


def path_of(store: BlobStore, digest: Digest) -> Path:
    return Path(store._path(digest))


class TestEveryStore:
    @pytest.mark.parametrize("data", [IMAGE_BYTES, b"", b"\x00" * 3_000_000], ids=["small", "empty", "large"])
    def test_bytes_come_back_as_they_were_written(self, store: BlobStore, data: bytes) -> None:
        assert store.read(store.write(data)) == data

    def test_a_blob_is_named_by_its_content(self, store: BlobStore) -> None:
        assert store.write(IMAGE_BYTES) == IMAGE
        assert store._path(IMAGE).endswith(f"/{IMAGE[:2]}/{IMAGE[2:4]}/{IMAGE}")

    def test_writing_twice_is_writing_once(self, store: BlobStore) -> None:
        assert store.write(IMAGE_BYTES) == store.write(IMAGE_BYTES)
        assert store.read(IMAGE) == IMAGE_BYTES

    def test_what_is_there_is_known(self, store: BlobStore) -> None:
        store.write(IMAGE_BYTES)
        assert store.exists(IMAGE)
        assert not store.exists(a_digest("another"))

    def test_a_missing_blob_is_not_found(self, store: BlobStore) -> None:
        store.write(IMAGE_BYTES)
        with pytest.raises(NotFoundError):
            store.read(a_digest("another"))

    @pytest.mark.parametrize("digest", ["", "..", "a" * 63, "A" * 64, "a" * 65, "../" + "a" * 61, "a" * 64 + "\n"])
    def test_what_is_not_a_digest_is_never_a_path(self, store: BlobStore, digest: str) -> None:
        for act in (store.read, store.exists):
            with pytest.raises(InvalidInputError):
                act(Digest(digest))

    def test_other_bytes_under_a_digest_are_not_given_out(self, store: BlobStore) -> None:
        store.write(IMAGE_BYTES)
        store._files.pipe_file(store._path(IMAGE), b"another picture")
        with pytest.raises(NotFoundError, match="other bytes"):
            store.read(IMAGE)

    def test_writing_again_heals_a_damaged_blob(self, store: BlobStore) -> None:
        store.write(IMAGE_BYTES)
        store._files.pipe_file(store._path(IMAGE), b"another picture")
        store.write(IMAGE_BYTES)
        assert store.read(IMAGE) == IMAGE_BYTES

    def test_many_threads_write_and_read_at_once(self, store: BlobStore) -> None:
        def write_and_read(number: int) -> bool:
            data = bytes([number % 4]) * 50_000
            return store.read(store.write(data)) == data

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(write_and_read, range(32)))

    def test_a_store_that_is_there_answers(self, store: BlobStore) -> None:
        store.write(IMAGE_BYTES)
        store.ping()


class TestFolder:
    def test_nothing_but_the_blob_is_left(self, folder: BlobStore) -> None:
        folder.write(IMAGE_BYTES)
        assert [entry.name for entry in path_of(folder, IMAGE).parent.iterdir()] == [IMAGE]

    def test_a_store_that_is_not_there_is_unavailable_for_reading(self, folder: BlobStore) -> None:
        for act in (folder.read, folder.exists):
            with pytest.raises(UnavailableError):
                act(IMAGE)

    def test_a_folder_that_cannot_be_made_is_unavailable(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        store = BlobStore(f"file://{tmp_path}/file/blobs")
        for act in (lambda: store.write(IMAGE_BYTES), lambda: store.read(IMAGE), store.ping):
            with pytest.raises(UnavailableError):
                act()

    def test_asking_makes_nothing(self, folder: BlobStore, tmp_path: Path) -> None:
        with pytest.raises(UnavailableError):
            folder.ping()
        assert list(tmp_path.iterdir()) == []

    def test_a_folder_that_was_prepared_answers(self, folder: BlobStore) -> None:
        for _ in range(2):
            folder.prepare()
            folder.ping()

    def test_a_folder_that_is_gone_is_not_made_again(self, folder: BlobStore, tmp_path: Path) -> None:
        folder.write(IMAGE_BYTES)
        (tmp_path / "blobs").rename(tmp_path / "unmounted")
        for act in (lambda: folder.write(b"another"), lambda: folder.read(IMAGE), folder.ping):
            with pytest.raises(UnavailableError):
                act()
        (tmp_path / "unmounted").rename(tmp_path / "blobs")
        assert folder.read(IMAGE) == IMAGE_BYTES

    @pytest.mark.parametrize("step", ["fsync", "replace"])
    def test_a_write_that_fails_leaves_nothing_behind(
        self, folder: BlobStore, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        def fail(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            if step == "fsync":
                patched.setattr(os, "fsync", fail)
            else:
                patched.setattr(Path, "replace", fail)
            with pytest.raises(UnavailableError, match="No space left"):
                folder.write(IMAGE_BYTES)
        assert list(path_of(folder, IMAGE).parent.iterdir()) == []
        assert folder.write(IMAGE_BYTES) == IMAGE

    def test_a_device_without_space_is_unavailable(self) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("this system has no /dev/full")
        store = BlobStore("file:///dev/full")
        with pytest.raises(UnavailableError):
            store.write(IMAGE_BYTES)

    def test_a_reader_never_sees_half_a_blob(self, folder: BlobStore) -> None:
        folder.write(IMAGE_BYTES)
        blobs = [bytes([number]) * 2_000_000 for number in range(12)]
        complaints: list[str] = []

        def await_blob(data: bytes) -> None:
            digest = Digest(hashlib.sha256(data).hexdigest())
            while True:
                try:
                    assert folder.read(digest) == data
                except NotFoundError as error:
                    complaints.append(error.message)
                else:
                    return

        with ThreadPoolExecutor(2) as pool:
            for data in blobs:
                reading = pool.submit(await_blob, data)
                folder.write(data)
                reading.result()
        assert [text for text in complaints if "other bytes" in text] == []

    def test_it_is_the_local_file_system(self, folder: BlobStore) -> None:
        assert isinstance(folder._files, LocalFileSystem)


class TestS3:
    def test_another_process_sees_what_was_written(self, s3: BlobStore, s3_server: str) -> None:
        other = BlobStore(f"s3://{s3._root}", s3_options(s3_server))
        s3.write(IMAGE_BYTES)
        assert not other.exists(a_digest("late"))
        s3.write(b"late")
        assert other.exists(a_digest("late"))
        assert other.read(a_digest("late")) == b"late"

    def test_a_bucket_that_is_not_there_is_unavailable(self, s3_server: str) -> None:
        store = BlobStore("s3://no-such-bucket/blobs", s3_options(s3_server))
        for act in (lambda: store.write(IMAGE_BYTES), lambda: store.read(IMAGE), lambda: store.exists(IMAGE)):
            with pytest.raises(UnavailableError):
                act()

    def test_a_server_that_is_away_is_unavailable(self) -> None:
        quick = {"connect_timeout": 1, "read_timeout": 1, "retries": {"max_attempts": 1}}
        store = BlobStore("s3://bucket/blobs", s3_options("http://127.0.0.1:1", config_kwargs=quick))
        for act in (lambda: store.write(IMAGE_BYTES), lambda: store.read(IMAGE), store.ping):
            with pytest.raises(UnavailableError):
                act()


@pytest.mark.parametrize("url", ["nonsense://x", "s4://bucket"])
def test_an_unknown_kind_of_store_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError):
        BlobStore(url)


def test_memory_is_memory() -> None:
    assert isinstance(BlobStore("memory://x")._files, MemoryFileSystem)
