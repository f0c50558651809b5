import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from moderation.domain.errors import ConflictError, CorruptIndexError, UnavailableError
from moderation.matching.multi_index.file import IndexFile
from moderation.matching.multi_index.folder import CURRENT, KEEP, current, pointed, prune, publish
from moderation.matching.multi_index.live import LiveIndex
from tests.matching.index_contract import codes, hits

PUBLISHER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
from moderation.matching.multi_index.folder import publish
from tests.matching.index_contract import codes
size = 20
while True:
    publish(Path(sys.argv[1]), codes(size), np.arange(size), checkpoint=size, now=datetime.now(UTC))
    print(size, flush=True)
    size += 1
"""


def published(folder: Path, size: int, *, now: datetime | None = None) -> IndexFile:
    return publish(folder, codes(size), np.arange(size), checkpoint=size, now=now or datetime.now(UTC))


def test_nothing_was_published_yet(tmp_path: Path) -> None:
    assert current(tmp_path / "index") is None
    assert pointed(tmp_path) is None


def test_what_was_published_is_current(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    for size in (3, 5):
        made = published(folder, size)
        found = current(folder)
        assert found is not None
        assert (found.checkpoint, found.digest, len(found)) == (size, made.digest, size)
        pointer = pointed(folder)
        assert pointer is not None
        assert (pointer.checkpoint, pointer.digest) == (size, made.digest)
    assert folder.stat().st_mode & 0o077 == 0


def test_an_older_one_does_not_replace_a_newer_one_unless_it_is_told_to(tmp_path: Path) -> None:
    published(tmp_path, 5)
    with pytest.raises(ConflictError, match="newer"):
        published(tmp_path, 4)
    publish(tmp_path, codes(4), np.arange(4), checkpoint=4, now=datetime.now(UTC), replace_newer=True)
    found = current(tmp_path)
    assert found is not None
    assert found.checkpoint == 4


def damage_pointer_text(folder: Path) -> None:
    (folder / CURRENT).write_text("{")


def damage_pointer_kind(folder: Path) -> None:
    (folder / CURRENT).write_text("[1]")


def damage_pointer_name(folder: Path) -> None:
    (folder / CURRENT).write_text(json.dumps({"name": "../banks-1-000000000000.mi", "sha256": "0" * 64}))


def damage_pointer_binary(folder: Path) -> None:
    (folder / CURRENT).write_bytes(b"\xff\xfe")


def damage_pointer_folder(folder: Path) -> None:
    (folder / CURRENT).unlink()
    (folder / CURRENT).mkdir()


def damage_missing(folder: Path) -> None:
    the_file(folder).unlink()


def damage_cut_off(folder: Path) -> None:
    os.truncate(the_file(folder), 1000)


def damage_empty(folder: Path) -> None:
    os.truncate(the_file(folder), 0)


def damage_byte(folder: Path) -> None:
    with the_file(folder).open("r+b") as file:
        file.seek(200)
        file.write(b"\xaa\x55")


def damage_swapped(folder: Path) -> None:
    said, named = (folder / CURRENT).read_text(), the_file(folder)
    published(folder, 9).path.replace(named)
    (folder / CURRENT).write_text(said)


def damage_another_checkpoint(folder: Path) -> None:
    found = IndexFile.open(the_file(folder))
    name = f"banks-99-{found.digest[:12]}.mi"
    found.path.rename(folder / name)
    (folder / CURRENT).write_text(json.dumps({"name": name, "sha256": found.digest}))


def the_file(folder: Path) -> Path:
    (found,) = folder.glob("*.mi")
    return found


DAMAGES = [damage for name, damage in sorted(globals().items()) if name.startswith("damage_")]


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_an_error_and_never_an_empty_index(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    published(tmp_path, 7)
    damage(tmp_path)
    with pytest.raises(CorruptIndexError):
        current(tmp_path)


@pytest.mark.parametrize("damage", [one for one in DAMAGES if one is not damage_pointer_folder])
def test_publishing_again_mends_it(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    published(tmp_path, 7)
    damage(tmp_path)
    publish(tmp_path, codes(8), np.arange(8), checkpoint=8, now=datetime.now(UTC), replace_newer=True)
    found = current(tmp_path)
    assert found is not None
    assert len(found) == 8


def test_old_files_go_after_a_while_and_stay_mapped(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    first = published(tmp_path, 3, now=now)
    live = LiveIndex(first)
    os.utime(first.path, (1e9, 1e9))  # it was current for years
    published(tmp_path, 4, now=now)
    assert prune(tmp_path, now=now + KEEP / 2) == 0
    assert prune(tmp_path, now=now + KEEP + timedelta(minutes=1)) == 1
    assert not first.path.exists()
    assert hits(live.search(codes(3), 0)) == [(0, 0, 0), (1, 0, 1), (2, 0, 2)]


def test_a_file_that_is_pruned_before_it_could_be_opened_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(tmp_path, 5).path.unlink()
    stale = pointed(tmp_path)
    newer = published(tmp_path, 6)
    said = iter([stale])
    monkeypatch.setattr("moderation.matching.multi_index.folder.pointed", lambda folder: next(said, pointed(folder)))
    found = current(tmp_path)
    assert found is not None
    assert found.digest == newer.digest


def test_nothing_is_pruned_while_it_is_not_known_what_is_current(tmp_path: Path) -> None:
    published(tmp_path, 3)
    damage_pointer_text(tmp_path)
    assert prune(tmp_path, now=datetime.now(UTC) + timedelta(days=9)) == 0


def test_one_publishes_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = []

    def meanwhile(folder: Path, *_: object) -> IndexFile:
        with pytest.raises(ConflictError, match="Another process") as caught:
            published(folder, 4)
        refused.append(caught.value)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("moderation.matching.multi_index.folder._built", meanwhile)
    with pytest.raises(UnavailableError, match="No space left"):
        published(tmp_path, 3)
    assert len(refused) == 1
    monkeypatch.undo()
    assert published(tmp_path, 3).checkpoint == 3


def test_killed_at_any_point_it_leaves_the_old_index_or_the_new_one(tmp_path: Path) -> None:
    generator = random.Random(5)
    for _ in range(4):
        last = kill_a_publisher(tmp_path, generator.uniform(0, 0.05))
        found = current(tmp_path)
        assert found is not None
        assert found.checkpoint in {last, last + 1}
        assert len(found) == found.checkpoint
    published(tmp_path, 1000)
    assert list(tmp_path.glob("*.unfinished")) == []


def kill_a_publisher(folder: Path, seconds: float) -> int:
    """Let a process publish one index after another, kill it some time after one; returns the last that it told."""
    command = [sys.executable, "-c", PUBLISHER.replace("size = 20", f"size = {next_size(folder)}"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(3)]
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
    return int(told[-1])


def next_size(folder: Path) -> int:
    pointer = pointed(folder)
    return 20 if pointer is None else pointer.checkpoint + 1
