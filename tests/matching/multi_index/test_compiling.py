"""Kept machine code runs with the rights of a lane: it is kept only where nobody else can put other code."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from numba.core import config

from moderation.matching.multi_index import compiling
from moderation.matching.multi_index.compiling import entry, is_safe


def doubled(number: int) -> int:
    return 2 * number


def hits(made: Callable[[int], int]) -> int:
    """How many of a new dispatcher's signatures were loaded instead of compiled."""
    assert made(21) == 42
    dispatcher: Any = made
    return sum(dispatcher.stats.cache_hits.values())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is Numba's cache folder."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o700)
    return tmp_path / "cache"


def test_code_is_kept_in_a_folder_of_ones_own(folder: Path) -> None:
    assert [hits(entry(doubled)), hits(entry(doubled))] == [0, 1]


def test_code_is_not_kept_where_everybody_can_write(folder: Path) -> None:
    folder.chmod(0o777)
    assert [hits(entry(doubled)), hits(entry(doubled))] == [0, 0]
    assert not list(folder.rglob("*.nb?"))


def test_code_that_lies_where_everybody_can_write_is_not_run(folder: Path) -> None:
    hits(entry(doubled))
    (kept,) = {path.parent for path in folder.rglob("*.nbi")}
    kept.chmod(0o777)
    assert hits(entry(doubled)) == 0


def test_code_is_compiled_anew_when_what_is_compiled_into_it_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    numbers = tmp_path / "layout.py"
    monkeypatch.setattr(compiling, "COMPILED_IN", (numbers,))
    found = []
    for text in ("BITS = 16", "BITS = 16", "BITS = 32"):
        numbers.write_text(text)
        found.append(hits(entry(doubled)))
    assert found == [0, 1, 0]


def test_a_folder_in_one_that_all_can_write_to_is_safe_if_it_cannot_be_replaced(folder: Path) -> None:
    inside = folder / "inside"
    inside.mkdir(mode=0o700)
    folder.chmod(0o1777)
    assert is_safe(inside)
    assert not is_safe(folder)
    folder.chmod(0o777)
    assert not is_safe(inside)


def test_a_folder_of_somebody_else_is_not_safe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_safe(folder)
    if os.geteuid() == 0:
        os.chown(folder, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
        monkeypatch.setattr(compiling, "COMPILED_IN", (Path("/"),))
    assert not is_safe(folder)


def test_who_owns_the_source_may_keep_code_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "COMPILED_IN", (folder,))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert is_safe(folder)


def test_a_folder_of_another_group_is_not_safe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.chmod(0o770)
    assert is_safe(folder)
    group = folder.stat().st_gid
    if group == 0:
        os.chown(folder, -1, 12345)
    else:
        monkeypatch.setattr(os, "getegid", lambda: group + 1)
    assert not is_safe(folder)
