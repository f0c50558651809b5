"""The check against the release before, on a product that was really trained, and one whose scores are turned round."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import dagster as dg
import onnx
import pytest

from moderation.bench.evaluation import sets
from moderation.bench.evaluation.figures import record_text
from moderation.bench.evaluation.scorers import HarmScorer
from moderation.bench.evaluation.text import evaluate_text as measure
from moderation.bench.evaluation.text import text_document
from moderation.evaluation.bootstrap import Resampling
from moderation.signals.models import ModelStore
from moderation.signals.text_harm.product import CALIBRATION_FILE, MODEL_FILE
from moderation.signals.text_harm.training.encoder import open_encoder_folder
from moderation.signals.text_harm.training.train import train
from pipelines.defs.evaluation.text import evaluate_text
from tests.pipelines.fakes import FakeSystem
from tests.signals.text_harm import tiny
from tests.signals.text_harm.conftest import OPTIONS

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
NAME = "forum_posts"


@dataclass(frozen=True)
class Trained:
    """Folders of two products."""

    good: Path
    bad: Path


@dataclass(frozen=True)
class Told:
    """What the check against the release before said."""

    passed: bool
    severity: dg.AssetCheckSeverity
    compared: object
    worse: str


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("products")
    good, bad = folder / "good", folder / "bad"
    good.mkdir()
    train(tiny.examples(), open_encoder_folder(tiny.encoder_folder(folder / "encoder")), OPTIONS, good)
    shutil.copytree(good, bad)
    (bad / MODEL_FILE).write_bytes(upside_down(good / MODEL_FILE))
    calibration = json.loads((good / CALIBRATION_FILE).read_text(encoding="utf-8"))
    calibration["model"] = sha256((bad / MODEL_FILE).read_bytes()).hexdigest()
    (bad / CALIBRATION_FILE).write_text(json.dumps(calibration), encoding="utf-8")
    return Trained(good, bad)


def upside_down(file: Path) -> bytes:
    """The model with its scores turned round: harmful texts score low, and harmless ones high."""
    model = onnx.load(file)
    graph = model.graph
    output = graph.output[0]
    assert output.name == "logits"
    for node in graph.node:
        for place, name in enumerate(node.output):
            if name == output.name:
                node.output[place] = "as_trained"
    graph.node.append(onnx.helper.make_node("Neg", ["as_trained"], [output.name]))
    return bytes(model.SerializeToString())


@pytest.fixture
def challenges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A challenge set of the tiny world in place of the shipped one."""
    folder = tmp_path / "challenges"
    folder.mkdir()
    rows = [
        {"id": str(place), "text": each.text, "labels": {**dict.fromkeys(["HR", "SH"], 0), **each.labels}}
        for place, each in enumerate(tiny.examples(120))
    ]
    (folder / f"{NAME}.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    monkeypatch.setattr(sets, "CHALLENGES", folder)
    return folder


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def recorded(product: Path, path: Path) -> Path:
    """What `moderation eval text … --record` writes of the product."""
    scorer = HarmScorer(ModelStore(path), name="text-harm", folder=product)
    found = measure(sets.challenge(NAME), scorer, resampling=Resampling(rounds=100))
    record_text(path / "figures.json", text_document(scorer, [found]))
    return path / "figures.json"


def check(instance: dg.DagsterInstance, product: Path, figures: Path, home: Path) -> Told:
    asset = evaluate_text(NAME)
    config = {"product": str(product), "figures": str(figures), "rounds": 100}
    result = dg.materialize(
        [asset],
        instance=instance,
        resources={"system": FakeSystem(home)},
        run_config={"ops": {asset.op.name: {"config": config}}},
    )
    (said,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "no_regression"]
    return Told(said.passed, said.severity, said.metadata["compared"].value, str(said.metadata["worse"].value))


def test_a_worse_release_fails_and_a_better_or_equal_one_passes(
    instance: dg.DagsterInstance, tmp_path: Path, trained: Trained, challenges: Path
) -> None:
    assert challenges.is_dir()
    before = recorded(trained.good, tmp_path)
    worse = check(instance, trained.bad, before, tmp_path)
    assert (worse.passed, worse.severity, worse.compared) == (False, dg.AssetCheckSeverity.ERROR, True)
    assert "average_precision is 0." in worse.worse
    assert check(instance, trained.good, before, tmp_path) == Told(True, dg.AssetCheckSeverity.ERROR, True, "none")
    before = recorded(trained.bad, tmp_path)
    assert check(instance, trained.good, before, tmp_path).passed


def test_what_cannot_be_compared_says_so(
    instance: dg.DagsterInstance, tmp_path: Path, trained: Trained, challenges: Path
) -> None:
    first = check(instance, trained.bad, tmp_path / "none.json", tmp_path)
    assert (first.passed, first.compared) == (True, False)
    assert "nothing is recorded of this set" in first.worse
    figures = recorded(trained.good, tmp_path)
    others = json.loads(figures.read_text(encoding="utf-8"))
    others["text"] = {"harmful": others["text"][NAME]}
    (tmp_path / "others.json").write_text(json.dumps(others), encoding="utf-8")
    new = check(instance, trained.bad, tmp_path / "others.json", tmp_path)
    assert new == first, "a new set beside recorded ones"
    file = challenges / f"{NAME}.jsonl"
    file.write_text(file.read_text(encoding="utf-8").replace("cake", "tree"), encoding="utf-8")
    changed = check(instance, trained.good, figures, tmp_path)
    assert (changed.passed, changed.severity, changed.compared) == (False, dg.AssetCheckSeverity.WARN, False)
    assert "not the one that was recorded" in changed.worse
