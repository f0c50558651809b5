"""The commands of the recipes about exchanges and retroaction, run as they are written on a new installation."""

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from moderation.settings import PROJECT
from tests.cli.conftest import Run, home, run
from tests.docs.recipes import blocks

__all__ = ["home", "run"]

PDQ = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"


def written(document: str, replaced: Mapping[str, str]) -> list[list[str]]:
    """The commands in a document's fenced blocks as words, each place holder replaced."""
    found = []
    for block in blocks(PROJECT / "docs" / document):
        for line in block.body.splitlines() if block.language == "sh" else ():
            words = shlex.split(line, comments=True)
            if words[:1] == ["moderation"]:
                found.append([replaced.get(word, word) for word in words[1:]])
    return found


def test_the_commands_about_exchanges_run_as_written(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hashes.csv"
    file.write_text(f"pdq,id\n{PDQ},one\n", encoding="utf-8")
    for name in ("NCII_KEY", "NCII_FETCH", "NCII_FEEDBACK", "TE_TOKEN", "NCMEC_USER", "NCMEC_PASSWORD"):
        monkeypatch.delenv(f"EXCHANGE_{name}", raising=False)
    commands = written("howto-add-an-exchange.md", {"/data/hashes.csv": str(file)})
    assert len(commands) > 8
    for command in commands:
        words = command
        if "review" in command:
            [entry] = run("bank", "list", "SHARED", "--json").json["items"]
            words = [entry["id"] if "…" in word else word for word in command]
        done = run(*words)
        if words == ["exchange", "fetch"]:
            assert done.code == 1
            assert "EXCHANGE_NCII_KEY" in done.out + done.err, "credentials are named, and nobody is asked without them"
        else:
            assert done.code == 0, (words, done.err)
    told = run("exchange", "list", "--json").json["exchanges"]
    assert sorted(one["name"] for one in told) == ["ncii", "ncmec", "shared", "te"]


def test_the_commands_about_retroaction_run_as_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("bank", "create", "BANNED_PICTURES").code == 0
    [entry] = run("bank", "add", "BANNED_PICTURES", PDQ, "--json").json["entries"]
    shutil.copy(PROJECT / "policies" / "feed.yaml", tmp_path / "stricter.yaml")
    monkeypatch.chdir(tmp_path)
    newest = str(run("bank", "list", "--json").json["checkpoint"])
    commands = written("howto-retroaction.md", {"0197…": entry["id"], "4711": newest})
    assert len(commands) > 6
    for command in commands:
        words = command
        if "show" in command:
            [sweep] = run("retroaction", "list", "--json").json["sweeps"]
            words = [sweep["id"] if "…" in word else word for word in command]
        done = run(*words)
        assert done.code == 0, (words, done.err)
