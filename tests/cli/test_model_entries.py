"""`moderation models describe`, and `pin` from a folder."""

import struct
import sys
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest

from moderation.signals.models import PINS
from moderation.signals.registry import HubSource, registry
from tests.cli.conftest import Run
from tests.signals.checkpoints import REVISION

HEADER = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
FILES = {
    "config.json": b"{}",
    "preprocessor_config.json": b"{}",
    "model.safetensors": struct.pack("<Q", len(HEADER)) + HEADER + bytes(8),
}
NAME = "falconsai-nsfw"
(COMMIT,) = [
    entry.source.revision for entry in registry() if entry.name == NAME and isinstance(entry.source, HubSource)
]


@pytest.fixture
def mirror(tmp_path: Path) -> str:
    for name in (NAME, "clip-vit-base-patch32"):
        (tmp_path / "mirror" / name).mkdir(parents=True)
        for filename, data in {**FILES, "tokenizer.json": b"{}"}.items():
            (tmp_path / "mirror" / name / filename).write_bytes(data)
    return str(tmp_path / "mirror")


def test_describe_says_what_is_known_and_what_is_not(run: Run) -> None:
    outcome = run("models", "describe", NAME)
    assert outcome.code == 0
    said = " ".join(outcome.out.split())
    for words in (
        "Apache-2.0",
        "85.8 million",
        "image_falconsai",
        "unconfirmed sha256",
        "not measured here",
        "unpinned",
    ):
        assert words in said
    document = run("models", "describe", "marqo-nsfw-384", "--json").json["model"]
    assert (document["digest"], document["loaded_by"]) == (None, [])
    assert set(document["unconfirmed"]) >= {"revision", "sha256", "labels"}
    assert document["classifier"]["labels"] == ["NSFW", "SFW"]
    assert run("models", "describe", "nothing").code == 1


def test_every_entry_can_be_described(run: Run) -> None:
    for entry in registry():
        outcome = run("models", "describe", entry.name)
        assert outcome.code == 0, entry.name
        assert all(word in outcome.out for word in entry.title.split())


def test_describe_and_list_say_who_loads_a_model(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_CLASSIFIERS", NAME)
    assert run("models", "describe", NAME, "--json").json["model"]["loaded_by"] == ["image_falconsai"]
    listed = {model["name"]: model for model in run("models", "list", "--json").json["models"]}
    assert listed[NAME]["loaded_by"] == ["image_falconsai"]
    assert listed["opennsfw"]["loaded_by"] == ["image_nsfw"]
    outcome = run("models", "verify")
    assert outcome.code == 1
    assert f"{NAME} is unpinned" in " ".join(outcome.err.split())


def test_pinning_prints_everything_and_writes_after_a_yes(
    run: Run, mirror: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("n\n"))
    outcome = run("models", "pin", NAME, "--mirror", mirror)
    assert outcome.code != 0, "the answer was no"
    said = outcome.out.replace("\n", "")
    assert str(COMMIT) in said
    assert sha256(FILES["model.safetensors"]).hexdigest() in said
    assert not (home / "models" / PINS).exists()
    assert run("models", "pin", NAME, "--mirror", mirror, "--json").code == 1
    assert not (home / "models" / PINS).exists()
    done = run("models", "pin", NAME, "--mirror", mirror, "--json", "--yes")
    assert done.code == 0, done.err
    assert done.json["pin"]["revision"] == COMMIT
    pulled = run("models", "pull", NAME, "--mirror", mirror, "--json")
    assert pulled.json["models"][0]["state"] == "verified"
    assert run("models", "verify", NAME).code == 0


@pytest.mark.parametrize("revision", ["main", REVISION[:-1], REVISION.upper(), "--yes"])
def test_only_a_full_commit_is_a_revision(run: Run, mirror: str, revision: str) -> None:
    outcome = run("models", "pin", "clip-vit-base-patch32", "--mirror", mirror, "--revision", revision, "--yes")
    assert outcome.code != 0
    assert "Traceback" not in outcome.err


def test_a_mirror_does_not_say_its_commit(run: Run, mirror: str) -> None:
    outcome = run("models", "pin", "clip-vit-base-patch32", "--mirror", mirror, "--yes")
    assert outcome.code == 1
    assert "--revision" in outcome.err
    done = run("models", "pin", "clip-vit-base-patch32", "--mirror", mirror, "--yes", "--revision", REVISION)
    assert done.code == 0, done.err


def test_what_is_pinned_already_is_left_alone(run: Run) -> None:
    outcome = run("models", "pin", "opennsfw", "--yes")
    assert outcome.code == 1
    assert "leaves nothing open" in " ".join(outcome.err.split())
