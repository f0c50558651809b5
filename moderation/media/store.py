"""Content-addressed bytes on any file system that fsspec knows: a folder by default, S3 for more machines.

A blob is named by its SHA-256 and never changes, so writing twice is harmless and every read can be verified.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from moderation.domain.errors import InvalidInputError, NotFoundError, UnavailableError
from moderation.domain.ids import Digest

_DIGEST = re.compile(r"[0-9a-f]{64}")
_S3_TIMES = {"connect_timeout": 5, "read_timeout": 20, "retries": {"max_attempts": 3}}
"""Seconds, and tries in all: a store that does not answer must not hold a lane for minutes."""

PROBE_BYTES = 4096
"""Written and thrown away to tell whether the disk has room."""


class BlobStore:
    """Blobs under one URL, as `aa/bb/<digest>`. Safe to share between threads."""

    def __init__(self, url: str, options: Mapping[str, object] | None = None) -> None:
        """`options` are the fsspec file system's. Raises `InvalidInputError` for a URL that fsspec does not know."""
        settings = {"skip_instance_cache": True, "use_listings_cache": False, **(options or {})}
        if url.startswith(("s3:", "s3a:")):
            settings.setdefault("config_kwargs", _S3_TIMES)
        elif url.startswith("memory:"):
            settings = dict(options or {})
        try:
            self._files, self._root = fsspec.core.url_to_fs(url, **settings)
        except (ValueError, ImportError) as error:
            raise InvalidInputError(f"The blob store's URL is not usable: {error}") from error
        self._was_there = False

    def prepare(self) -> None:
        """Make the folder of a store that is one. Raises `UnavailableError`.

        A part of setting up: later a folder that is missing means that its volume is not mounted.
        """
        if not isinstance(self._files, LocalFileSystem):
            return
        try:
            Path(self._root).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(f"The blob store's folder cannot be made: {error}") from error

    def write(self, data: bytes) -> Digest:
        """Store `data` and return its digest; when this returns, the blob survives a crash.

        Readers see all of it or nothing. The first write makes a missing folder; one that was there before and is gone
        is a store that is away. Raises `UnavailableError` when it cannot be kept: full, read-only, away.
        """
        digest = Digest(hashlib.sha256(data).hexdigest())
        path = self._path(digest)
        try:
            if isinstance(self._files, LocalFileSystem):
                self._make_folder_once()
                _write_file(Path(path), data)
            else:
                self._files.pipe_file(path, data)
        except Exception as error:  # every file system has errors of its own
            raise UnavailableError(
                f"The blob store cannot keep an image: {error}", hint="Check its free space, rights and address."
            ) from error
        return digest

    def read(self, digest: Digest) -> bytes:
        """The bytes, verified against their digest.

        Raises `NotFoundError` when the store has no such blob or other bytes under its name, `UnavailableError` when
        the store itself does not answer.
        """
        path = self._path(digest)
        try:
            data: bytes = self._files.cat_file(path)
        except FileNotFoundError as error:
            self._insist_on_root(error)
            raise NotFoundError(f"The blob store has no image {digest}.") from error
        except Exception as error:  # every file system has errors of its own
            raise UnavailableError(f"The blob store does not answer: {error}") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise NotFoundError(f"The blob store has other bytes than the ones stored as {digest}.")
        return data

    def delete(self, digest: Digest, *, unused_since: datetime) -> bool:
        """Delete a blob; returns whether it is gone, which it also is when it was not there.

        One that was written (or written again) at or after `unused_since` stays, for its post may be on its way. On a
        file system of this machine that is sure: the blob is set aside, looked at once more, and put back if need be.
        Raises `UnavailableError` when the store does not answer.
        """
        path = self._path(digest)
        try:
            if isinstance(self._files, LocalFileSystem):
                return _delete_file(Path(path), unused_since)
            if self._files.modified(path) >= unused_since:
                return False
            self._files.rm_file(path)
        except FileNotFoundError as error:
            self._insist_on_root(error)
        except Exception as error:  # every file system has errors of its own
            raise UnavailableError(f"The blob store does not answer: {error}") from error
        return True

    def exists(self, digest: Digest) -> bool:
        """Whether there is a blob of that name. Raises `UnavailableError` when the store does not answer."""
        path = self._path(digest)
        try:
            self._files.info(path)
        except FileNotFoundError as error:
            self._insist_on_root(error)
            return False
        except Exception as error:  # every file system has errors of its own
            raise UnavailableError(f"The blob store does not answer: {error}") from error
        return True

    def ping(self) -> None:
        """Raise `UnavailableError` unless the store can be read and, where that can be told, written to.

        Makes nothing: a folder that is missing is what it has to tell.
        """
        try:
            if isinstance(self._files, LocalFileSystem):
                with tempfile.TemporaryFile(dir=self._root) as probe:
                    probe.write(bytes(PROBE_BYTES))
                    probe.flush()
                    self._was_there = True
            else:
                self._files.exists(self._root)
        except Exception as error:  # every file system has errors of its own
            raise UnavailableError(f"The blob store does not answer: {error}") from error

    def _path(self, digest: Digest) -> str:
        if _DIGEST.fullmatch(digest) is None:
            raise InvalidInputError("This is not a SHA-256 digest.")
        return f"{self._root.rstrip('/')}/{digest[:2]}/{digest[2:4]}/{digest}"

    def _make_folder_once(self) -> None:
        if not self._was_there:
            self.prepare()
            self._was_there = True
        elif not Path(self._root).is_dir():
            raise FileNotFoundError(f"{self._root} was there and is gone")

    def _insist_on_root(self, missing: FileNotFoundError) -> None:
        """A blob that is missing together with everything else means that the store is away."""
        try:
            there = self._files.exists(self._root)
        except Exception as error:  # every file system has errors of its own
            raise UnavailableError(f"The blob store does not answer: {error}") from error
        if not there:
            raise UnavailableError("The blob store is not there.", hint="Check its address.") from missing


def _write_file(path: Path, data: bytes) -> None:
    """Write next to the final name, force it to disk, then rename: never half a file under a digest's name."""
    with suppress(FileNotFoundError):  # at any moment: retention may take it away
        if path.read_bytes() == data:
            os.utime(path)
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _delete_file(path: Path, unused_since: datetime) -> bool:
    """Set aside, look at its time again, then delete: what is written meanwhile is written under the name, or seen.

    Raises `FileNotFoundError` when it is not there.
    """
    if path.stat().st_mtime >= unused_since.timestamp():
        return False
    aside = path.with_name(f".deleting-{path.name}")
    path.rename(aside)
    if aside.stat().st_mtime >= unused_since.timestamp():
        with suppress(FileExistsError):
            os.link(aside, path)
        aside.unlink()
        return False
    aside.unlink()
    return not path.exists()
