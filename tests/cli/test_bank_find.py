"""What `bank find` says of a picture besides what it matches: how near, seen how, and what nothing found means."""

from pathlib import Path

import pytest
from PIL import Image

from moderation.cli.bank_find import Found
from tests.cli.conftest import Run
from tests.cli.test_commands import picture


@pytest.fixture
def known(run: Run, tmp_path: Path) -> str:
    path = str(picture(tmp_path / "known.png"))
    assert run("bank", "create", "BANNED").code == 0
    assert run("bank", "add", "BANNED", path).code == 0
    return path


def test_a_picture_without_a_usable_hash_is_said_to_be_one(run: Run, known: str, tmp_path: Path) -> None:
    flat = str(tmp_path / "flat.png")
    Image.new("RGB", (300, 200), (90, 120, 90)).save(flat)
    told = run("bank", "find", flat)
    assert "too flat to be compared (quality 0 is below 50)" in told.out
    assert "Nothing is known of it" not in told.out
    answer = run("bank", "find", flat, "--json").json
    assert (answer["usable"], answer["qualities"], answer["items"]) == (False, [0], [])
    near = run("bank", "find", flat, "--bits", "256", "--json").json
    assert (near["usable"], near["checkpoint"]) == (False, answer["checkpoint"])


def test_an_answer_says_how_the_match_was_seen_and_whether_it_is_all(run: Run, known: str) -> None:
    told = run("bank", "find", known).out
    assert "0 bits  upright  quality 100  BANNED" in told
    answer = run("bank", "find", known, "--json").json
    assert (answer["usable"], answer["qualities"], answer["complete"]) == (True, [100], True)
    assert (answer["capped"], answer["uncompared"]) == (False, 0)


def test_every_reason_why_there_may_be_more_is_told() -> None:
    doubts = list(Found((), (), "7", (49, 90), capped=True, uncompared=3, complete=False).doubts())
    assert [doubt.split()[0] for doubt in doubts] == ["The", "There", "Not", "There"]
    assert "quality 49" in doubts[0]
    assert list(Found((), (), "7", (50,)).doubts()) == []
    assert list(Found((), (), "7").doubts()) == []
