"""The recipe for a queue, followed word for word in a copy of the policies."""

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from moderation.cli.app import app
from moderation.domain.errors import PolicyError
from moderation.settings import PROJECT
from tests.docs.recipes import Block, blocks, follow

QUEUE = PROJECT / "docs" / "howto-add-a-queue.md"


def without_numbers(text: str) -> str:
    return "\n".join(line.strip() for line in re.sub(r"\d+", "N", text).strip().splitlines())


def check(step: Block, plan: Path) -> None:
    done = CliRunner().invoke(app, ["plan", "check", str(plan)])
    if step.value == "error":
        assert isinstance(done.exception, PolicyError)
        assert without_numbers(step.body) in without_numbers(done.exception.message)
    else:
        assert (done.exit_code, step.body.strip() in done.output) == (int(step.value == "gap"), True), done.output


def test_the_recipe_for_a_queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(PROJECT / "policies", tmp_path / "policies")
    monkeypatch.setenv("MODERATION_POLICY", str(tmp_path / "policies" / "feed.yaml"))
    steps = [step for step in blocks(QUEUE) if step.key]
    assert [step.value for step in steps if step.key == "expect"] == ["gap", "valid", "error", "valid"]
    for step in steps:
        if step.key == "expect":
            check(step, tmp_path / "policies" / "review.yaml")
        else:
            follow(step, tmp_path)
