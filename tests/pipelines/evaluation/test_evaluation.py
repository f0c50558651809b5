import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from datasets import corpora
from moderation.bench.evaluation import pictures as picture_scoring
from moderation.bench.evaluation import sets
from pipelines.definitions import defs
from pipelines.defs.evaluation.pictures import evaluate_pictures
from pipelines.defs.evaluation.text import CHALLENGES, CORPORA, evaluate_text
from tests.bench.evaluation.test_pictures import Brightness
from tests.pipelines.fakes import FakeSystem


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def materialise(
    instance: dg.DagsterInstance, asset: dg.AssetsDefinition, home: Path, config: dict[str, object]
) -> tuple[dg.ExecuteInProcessResult, dict[str, bool]]:
    result = dg.materialize(
        [asset],
        instance=instance,
        resources={"system": FakeSystem(home)},
        run_config={"ops": {asset.op.name: {"config": {"rounds": 100, **config}}}},
    )
    return result, {each.check_name: each.passed for each in result.get_asset_check_evaluations()}


def figures(path: Path, **kinds: object) -> dict[str, object]:
    file = path / "figures.json"
    file.write_text(json.dumps({"version": 1, "text": {}, "pictures": {}, **kinds}), encoding="utf-8")
    return {"figures": str(file)}


def test_every_set_has_its_asset() -> None:
    assert sorted(CHALLENGES) == sets.challenge_names()
    assert sorted(CORPORA) == sorted(corpora.names())
    job = defs.resolve_job_def("evaluate_models")
    assert len(set(job.asset_layer.executable_asset_keys)) == len(CHALLENGES) + len(CORPORA) + 1


def test_figures_and_a_report_are_written_and_limits_checked(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    result, passed = materialise(
        instance, evaluate_text("ordinary_captions"), tmp_path, {"model": "terms", **figures(tmp_path)}
    )
    assert result.success
    assert passed["no_regression"], "nothing was recorded yet"
    (event,) = result.asset_materializations_for_node("evaluate_text__ordinary_captions")
    assert event.metadata["texts"].value == 150
    table = event.metadata["categories"]
    assert isinstance(table, dg.TableMetadataValue)
    assert {record.data["category"] for record in table.records} >= {"sexual", "hate"}
    page = Path(str(event.metadata["report"].value))
    assert "<h1>Evaluation of texts</h1>" in page.read_text(encoding="utf-8")


def test_a_release_that_is_worse_fails_with_the_numbers(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    best = {"value": 0.99, "low": 0.98, "high": 1.0}
    source = sets.challenge("harmful")
    facts = {"sha256": source.sha256, "examples": len(source.examples)}
    before = {"harmful": {**facts, "columns": {"sexual": {"average_precision": best}}}}
    result, passed = materialise(
        instance, evaluate_text("harmful"), tmp_path, {"model": "terms", **figures(tmp_path, text=before)}
    )
    assert passed == {"no_regression": False, "within_limits": False}
    told = {each.check_name: each.metadata for each in result.get_asset_check_evaluations()}
    assert "sexual: average_precision is 0." in str(told["no_regression"]["worse"].value)
    assert "past 0.9800 (it was 0.9900)" in str(told["no_regression"]["worse"].value)
    assert "written: punctuation" in str(told["within_limits"]["broken"].value)


@pytest.mark.parametrize("changed", [{"sha256": "another"}, {"examples": 149}])
def test_another_set_under_the_same_name_is_not_compared_but_warned_of(
    instance: dg.DagsterInstance, tmp_path: Path, changed: dict[str, object]
) -> None:
    facts = {"sha256": sets.challenge("ordinary_captions").sha256, "examples": 150}
    before = {"ordinary_captions": {**facts, **changed, "columns": {}}}
    config = {"model": "terms", **figures(tmp_path, text=before)}
    result, passed = materialise(instance, evaluate_text("ordinary_captions"), tmp_path, config)
    assert not passed["no_regression"]
    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "no_regression"]
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "not the one that was recorded" in str(check.metadata["worse"].value)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(picture_scoring, "build", lambda *_, **__: (Brightness(),))
    folder = tmp_path / "photos"
    folder.mkdir()
    for level in (10, 20, 30, 240):
        Image.fromarray(np.full((16, 16, 3), level, np.uint8)).save(folder / f"{level}.png")
    return folder


def test_pictures_are_measured_and_compared(instance: dg.DagsterInstance, tmp_path: Path, photos: Path) -> None:
    none = {"value": 0.0, "low": 0.0, "high": 0.1}
    point = {"balanced": {"threshold": 0.5, "flagged": none}}
    before = {"brightness on photos": {"pictures": 4, "columns": {"brightness_score": {"thresholds": point}}}}
    config = {"source": str(photos), "signal": "brightness"}
    result, passed = materialise(
        instance, evaluate_pictures, tmp_path, {**config, **figures(tmp_path, pictures=before)}
    )
    assert result.success
    assert passed == {"no_regression": False, "within_limits": True}
    (event,) = result.asset_materializations_for_node("evaluate_pictures")
    assert event.metadata["measured"].value == 4


def test_a_set_of_which_much_cannot_be_measured_breaks_a_limit(
    instance: dg.DagsterInstance, tmp_path: Path, photos: Path
) -> None:
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture at all")
    config = {"source": str(photos), "signal": "brightness"}
    result, passed = materialise(instance, evaluate_pictures, tmp_path, {**config, **figures(tmp_path)})
    assert passed == {"no_regression": True, "within_limits": False}
    (event,) = result.asset_materializations_for_node("evaluate_pictures")
    assert "broken.png" in str(event.metadata["not measured"].value)


def test_without_a_model_the_run_fails(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    result = dg.materialize(
        [evaluate_text("ordinary_captions")],
        instance=instance,
        resources={"system": FakeSystem(tmp_path)},
        run_config={"ops": {"evaluate_text__ordinary_captions": {"config": {"product": str(tmp_path / "none")}}}},
        raise_on_error=False,
    )
    assert not result.success
