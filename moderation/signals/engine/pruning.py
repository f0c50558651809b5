"""Finds and removes what is kept of exports that nothing can use any more."""

import json
import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from moderation.domain.ids import Digest
from moderation.signals.engine.exports import MAX_FACTS_BYTES, lock, makers, own_bytes

KEPT = re.compile(r"(?P<digest>[0-9a-f]{64})-(?P<name>[a-z0-9-]+)-(?P<tag>[0-9a-f]{16})\.(?P<kind>onnx|json)")
LOCK = re.compile(r"(?P<digest>[0-9a-f]{64})\.lock")
SCRATCH = ".export-"
SETTLED_SECONDS = 3600.0
"""What is younger may be half of something that a lane writes just now."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One file of the exports' folder that nothing uses. `digest` is the one it is kept under, "" for scratch files."""

    path: Path
    digest: str
    bytes: int
    why: str


@dataclass(frozen=True, slots=True)
class _Export:
    """Files that belong together: of one module, under one name (a precision or a choice), made in one way."""

    digest: str
    name: str
    files: tuple[Path, ...]
    facts: Mapping[str, object]
    changed_at: float


def leftovers(folder: Path, wanted: Collection[Digest], *, now: float) -> list[Leftover]:
    """Files in `folder`, by name, of models that are not `wanted`, of other versions, replaced, or half written.

    `now` is in seconds since 1970. Files of other names are nobody's business here.
    """
    if not folder.is_dir():
        return []
    files = _files(folder)
    exports = list(_exports(files))
    newest: dict[tuple[str, str], float] = {}
    for one in exports:
        newest[one.digest, one.name] = max(one.changed_at, newest.get((one.digest, one.name), 0.0))
    found: list[Leftover] = []
    kept: set[str] = set()
    for one in exports:
        why = _why(one, wanted, replaced=one.changed_at < newest[one.digest, one.name], now=now)
        found += [Leftover(file, one.digest, files[file].st_size, why) for file in one.files if why]
        kept |= set() if why else {one.digest}
    found += _scratch(files, kept, now)
    return sorted(found, key=lambda one: one.path.name)


def remove(folder: Path, found: Sequence[Leftover]) -> list[Leftover]:
    """Remove them, but for those whose model a lane opens or exports just now; what was removed.

    An export that a lane runs is in its memory: the file is needed no more. Raises `OSError` when the disk refuses.
    """
    removed: list[Leftover] = []
    for digest in sorted({one.digest for one in found}):
        own = [one for one in found if one.digest == digest]
        try:
            if digest:
                with lock(folder, digest, wait=False):
                    removed += _unlinked(own)
            else:
                removed += _unlinked(own)
        except BlockingIOError:
            continue
    return removed


def _unlinked(found: Sequence[Leftover]) -> list[Leftover]:
    """The record before the export, for without it the export is not believed; the lock last."""
    for one in sorted(found, key=lambda one: (one.path.suffix == ".lock", one.path.suffix != ".json")):
        one.path.unlink(missing_ok=True)
    return list(found)


def _why(one: _Export, wanted: Collection[Digest], *, replaced: bool, now: float) -> str:
    """Why nothing can use it; empty for what is in use."""
    model, key = one.facts.get("model"), one.facts.get("key")
    digest = model.get("digest") if isinstance(model, dict) else one.digest
    if digest not in wanted and one.digest not in wanted:
        return "no model of the registry, the store and the roles has this digest"
    if not isinstance(key, dict):
        return "half written or damaged" if now - one.changed_at > SETTLED_SECONDS else ""
    current = makers("")
    if any(key.get(name) != current[name] for name in ("opset", "versions")):
        return f"made by {_differing(key.get('versions'), current['versions'])}"
    if not str(key.get("recipe")).startswith(str(current["recipe"])):
        return "made by another version of this software"
    return "replaced by a newer one" if replaced else ""


def _differing(found: object, current: object) -> str:
    if not isinstance(found, dict) or not isinstance(current, dict):
        return "other versions"
    other = [f"{name} {found.get(name)}" for name in current if found.get(name) != current[name]]
    return ", ".join(other) or "another version of ONNX"


def _files(folder: Path) -> dict[Path, os.stat_result]:
    """What is there, links as links; a file that goes meanwhile is not there."""
    found: dict[Path, os.stat_result] = {}
    for file in folder.iterdir():
        with suppress(FileNotFoundError):
            found[file] = file.lstat()
    return {file: facts for file, facts in found.items() if not stat.S_ISDIR(facts.st_mode)}


def _exports(files: Mapping[Path, os.stat_result]) -> Iterator[_Export]:
    groups: dict[tuple[str, str, str], list[Path]] = {}
    for file in files:
        match = KEPT.fullmatch(file.name)
        if match:
            groups.setdefault((match["digest"], match["name"], match["tag"]), []).append(file)
    for (digest, name, _), own in groups.items():
        facts = next((_facts(file) for file in own if file.suffix == ".json"), {})
        yield _Export(digest, name, tuple(own), facts, max(files[file].st_mtime for file in own))


def _facts(file: Path) -> Mapping[str, object]:
    data = own_bytes(file, limit=MAX_FACTS_BYTES)
    try:
        found = json.loads(data) if data is not None else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _scratch(files: Mapping[Path, os.stat_result], kept: Collection[str], now: float) -> Iterator[Leftover]:
    """Locks of digests that have nothing, and what an export left behind that was interrupted; only what is old."""
    for file, facts in files.items():
        match = LOCK.fullmatch(file.name)
        if now - facts.st_mtime <= SETTLED_SECONDS:
            continue
        if match and match["digest"] not in kept:
            yield Leftover(file, match["digest"], facts.st_size, "a lock of what is not there")
        elif file.name.startswith(SCRATCH):
            yield Leftover(file, "", facts.st_size, "left by an export that was interrupted")
