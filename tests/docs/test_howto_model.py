"""The recipe for a model, followed word for word in a copy of the repository, with a tiny real model as the example."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moderation.settings import PROJECT
from tests.docs.recipes import blocks, follow
from tests.docs.test_howtos import run
from tests.signals import checkpoints

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
MODEL = PROJECT / "docs" / "howto-add-a-model.md"
COMMAND = "from moderation.cli import main; main()"
LOAD = """
from moderation.assembly import classifiers, model_store, signal_specs
from moderation.settings import load_settings
from moderation.signals import hub_catalog
from moderation.signals.engine.options import EngineOptions, Precision
settings = load_settings()
(entry,), store = classifiers(settings), model_store(settings)
run = hub_catalog.in_engine(store, EngineOptions(precision=Precision.FLOAT32))
signal = hub_catalog.load(entry, store, run)
assert signal.spec in signal_specs(settings)
print(signal.spec.name, *(column.name for column in signal.spec.columns), store.entry(entry.name).digest)
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("moderation", "policies"):
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    checkpoints.vit(copy / "mirror" / "example-safety", labels=("safe", "unsafe"))
    draw_pictures(copy / "pictures")
    return copy


def draw_pictures(folder: Path) -> None:
    """Enough of each kind to calibrate on; to the random weights of the example one kind looks less safe."""
    rng = np.random.default_rng(0)
    for part, ink in (("unsafe", 30), ("calm", 220)):
        (folder / part).mkdir(parents=True)
        for number in range(24):
            pixels = np.clip(rng.normal(ink, 25, (48, 48, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / part / f"{number}.png")


def moderation(root: Path, command: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = command.split()
    assert program == "moderation"
    return run(root, "-c", COMMAND, *arguments)


def test_the_recipe_for_a_model(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODERATION_MODELS_DIR", raising=False)
    steps = [step for step in blocks(MODEL) if step.key]
    assert [step.key for step in steps] == ["file", *["run"] * 6]
    outputs = []
    for step in steps:
        if step.key == "file":
            follow(step, root)
            continue
        if "image_example" in step.body:
            monkeypatch.setenv("MODERATION_CLASSIFIERS", "example-safety")
        done = moderation(root, step.body)
        assert done.returncode == int(step.value), done.stdout + done.stderr
        outputs.append(done.stdout + done.stderr)
    described, pinned, pulled, refused, measured, calibrated = outputs
    assert "no pinned revision and sha256" in described
    assert "0123456789abcdef" in pinned
    assert "model.safetensors" in pinned
    assert "example-safety: verified" in pulled
    assert "moderation models pin toxic-bert" in refused
    assert "48 of 48 pictures measured" in measured
    assert (root / "report" / "report.html").is_file()
    assert "image_example_unsafe  calibration: {" in calibrated
    loaded = run(root, "-c", LOAD)
    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split()[:2] == ["image_example", "image_example_unsafe"]
