"""The recipes, followed word for word in a copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from moderation.settings import PROJECT
from tests.docs.recipes import Block, blocks, follow

COPIED = ("moderation", "policies", "datasets", "tests", "pyproject.toml")
RULE = PROJECT / "docs" / "howto-write-a-rule.md"
SIGNAL = PROJECT / "docs" / "howto-add-a-signal.md"
NAMES = """
from pathlib import Path
from moderation.signals import catalog
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore
print(*(signal.spec.name for signal in catalog.build(ModelStore(Path("none")), options=EngineOptions())))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    root = tmp_path / "copy"
    root.mkdir()
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    return root


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COLUMNS": "200",
        "MODERATION_HOME": str(root / "home"),
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def check_policy(root: Path) -> subprocess.CompletedProcess[str]:
    command = "from moderation.cli import main; main()"
    return run(root, "-c", command, "policy", "check", "policies/feed.yaml")


def without_numbers(text: str) -> str:
    """Line numbers, counts and digests differ from one version of the policy to the next."""
    lines = (re.sub(r"\b[0-9a-f]{12}\b|\d+", "N", line).strip() for line in text.strip().splitlines())
    return "\n".join(re.sub(r"^\|? *\||^N +\|", "|", line) for line in lines)


def expect(block: Block, root: Path) -> None:
    done = check_policy(root)
    if block.value == "error":
        assert done.returncode == 1
        assert without_numbers(block.body) in without_numbers(done.stderr)
    else:
        assert done.returncode == 0, done.stderr
        assert without_numbers(done.stdout).startswith(without_numbers(block.body))


def test_the_recipe_for_a_rule(copy: Path) -> None:
    steps = blocks(RULE)
    assert [step.value for step in steps if step.key == "expect"] == ["error", "error", "output"]
    for step in steps:
        if step.key == "expect":
            expect(step, copy)
        else:
            follow(step, copy)
        if step.key == "replace-in" and step.value.startswith("policies/cases"):
            policy = copy / "policies" / "feed.yaml"
            shadow = "name: new_account_contacts\n    status: shadow"
            text = policy.read_text(encoding="utf-8")
            assert shadow in text
            policy.write_text(text.replace(shadow, shadow.replace("shadow", "live")), encoding="utf-8")
            assert check_policy(copy).returncode == 0


def test_the_recipe_for_a_signal(copy: Path) -> None:
    steps = [step for step in blocks(SIGNAL) if step.key]
    assert {step.value for step in steps} >= {"moderation/signals/caption_emphasis.py", "moderation/signals/catalog.py"}
    for step in steps:
        follow(step, copy)
    tests = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/signals/test_caption_emphasis.py")
    assert tests.returncode == 0, tests.stdout + tests.stderr
    checked = check_policy(copy)
    assert checked.returncode == 0, checked.stderr
    assert "true in no case: shouted_caption" in checked.stdout
    assert run(copy, "-c", NAMES).stdout.split()[-1] == "caption_emphasis"
