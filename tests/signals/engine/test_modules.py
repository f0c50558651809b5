import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from moderation.domain.errors import UnavailableError
from moderation.signals.engine.engine import Engine
from moderation.signals.engine.inference import Array, InferenceError, Tensors
from moderation.signals.engine.modules import open_module
from moderation.signals.engine.options import Backend, Device, EngineOptions, Precision
from moderation.signals.engine.source import MAX_SCORE_CHANGE, ModuleSource, sigmoid_scores, softmax_scores
from tests.signals.engine.modules import bert_source, pictures, texts, vit_source

FLOAT32_ROUNDING = 1e-4


def options(precision: Precision) -> EngineOptions:
    return EngineOptions(device=Device.CPU, precision=precision)


def reference(source: ModuleSource, inputs: Tensors) -> dict[str, Array]:
    """What transformers itself computes, in float32."""
    with torch.inference_mode():
        found = source.load()(**{name: torch.tensor(array) for name, array in inputs.items()})
    return {name: found[name].numpy() for name in source.outputs}


def difference(engine: Engine, source: ModuleSource, inputs: Tensors) -> float:
    found, wanted = source.scores(engine.run(inputs)), source.scores(reference(source, inputs))
    assert found.shape == wanted.shape
    return float(np.abs(found - wanted).max())


def test_float32_computes_what_transformers_does(vit_exports: Path) -> None:
    engine = open_module(vit_source(), options(Precision.FLOAT32), exports=vit_exports)
    assert engine.plan.precision is Precision.FLOAT32
    assert difference(engine, vit_source(), pictures(7, seed=5)) < FLOAT32_ROUNDING


def test_int8_scores_stay_within_the_allowed_change(vit_exports: Path) -> None:
    engine = open_module(vit_source(), options(Precision.INT8), exports=vit_exports)
    assert engine.plan.precision is Precision.INT8
    found = difference(engine, vit_source(), pictures(24, seed=6))
    assert 0 < found <= MAX_SCORE_CHANGE


def test_auto_says_what_it_measured(vit_exports: Path) -> None:
    engine = open_module(vit_source(), options(Precision.AUTO), exports=vit_exports)
    assert all(f"{way} " in engine.plan.why for way in ("onnxruntime int8", "onnxruntime float32", "torch float32"))
    assert "rows/s" in engine.plan.why


@pytest.mark.parametrize("backend", list(Backend))
def test_an_int8_row_does_not_depend_on_its_neighbours(exports: Path, backend: Backend) -> None:
    open_module(vit_source(), options(Precision.INT8), exports=exports)
    (choice,) = exports.glob("*-choice-int8-*.json")
    document = json.loads(choice.read_text(encoding="utf-8"))
    choice.write_text(json.dumps({**document, "backend": backend}), encoding="utf-8")
    engine = open_module(vit_source(), options(Precision.INT8), exports=exports)
    assert engine.plan.backend is backend
    inputs = pictures(5, seed=7)["pixel_values"].copy()
    before = engine.run({"pixel_values": inputs})["logits"][0]
    inputs[1:] *= 100
    assert engine.run({"pixel_values": inputs})["logits"][0] == pytest.approx(before, abs=FLOAT32_ROUNDING)


def test_texts_of_any_length_share_a_model(tmp_path: Path) -> None:
    source = bert_source()
    for precision in (Precision.FLOAT32, Precision.INT8):
        engine = open_module(source, options(precision), exports=tmp_path)
        allowed = FLOAT32_ROUNDING if precision is Precision.FLOAT32 else MAX_SCORE_CHANGE
        for rows, length in ((1, 2), (3, 33), (9, 128)):
            assert difference(engine, source, texts(rows, length, seed=length)) <= allowed


def test_bfloat16_runs_in_torch(vit_exports: Path) -> None:
    engine = open_module(vit_source(), options(Precision.BFLOAT16), exports=vit_exports)
    assert (engine.plan.precision, engine.plan.backend) == (Precision.BFLOAT16, Backend.TORCH)
    assert difference(engine, vit_source(), pictures(5)) <= MAX_SCORE_CHANGE


def test_what_was_chosen_and_exported_is_found_again_without_loading_the_module(exports: Path) -> None:
    def never() -> nn.Module:
        raise AssertionError("loaded")

    first = open_module(vit_source(), options(Precision.INT8), exports=exports)
    (choice,) = exports.glob("*-choice-int8-*.json")
    document = json.loads(choice.read_text(encoding="utf-8"))
    choice.write_text(json.dumps({**document, "backend": "onnxruntime"}), encoding="utf-8")
    again = open_module(vit_source(never), options(Precision.INT8), exports=exports)
    assert again.plan.backend is Backend.ONNXRUNTIME
    assert again.plan.why.endswith("(remembered)")
    assert difference(again, vit_source(), pictures(3)) <= MAX_SCORE_CHANGE
    assert first.plan.precision is again.plan.precision


def test_another_number_of_threads_is_measured_anew(exports: Path) -> None:
    wanted = replace(options(Precision.FLOAT32), threads=2)
    assert "remembered" not in open_module(vit_source(), wanted, exports=exports).plan.why
    assert "remembered" in open_module(vit_source(), wanted, exports=exports).plan.why


def steep(outputs: Mapping[str, Array]) -> NDArray[np.float32]:
    """Scores so steep that the rounding of int8 shows."""
    result: NDArray[np.float32] = outputs["logits"].astype(np.float32) * 100
    return result


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.BFLOAT16])
def test_a_precision_that_changes_scores_too_much_is_refused_for_float32(precision: Precision, tmp_path: Path) -> None:
    source = replace(vit_source(), scores=steep)
    engine = open_module(source, options(precision), exports=tmp_path)
    assert engine.plan.precision is Precision.FLOAT32
    assert f"{precision}: its scores differ by" in engine.plan.why
    again = open_module(source, options(precision), exports=tmp_path)
    assert again.plan.precision is Precision.FLOAT32
    assert "remembered" in again.plan.why


class Stubborn(nn.Module):
    """Does what no exporter can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        if float(x.sum()) > 1e9:
            x = x * 2
        return {"logits": self.inner(x)}


def test_a_module_that_cannot_be_exported_runs_in_torch_and_says_so(tmp_path: Path) -> None:
    example = {"x": np.random.default_rng(0).standard_normal((4, 4)).astype(np.float32)}
    source = ModuleSource("stubborn", vit_source().digest, lambda: Stubborn().eval(), example)
    engine = open_module(source, options(Precision.FLOAT32), exports=tmp_path)
    assert engine.plan.backend is Backend.TORCH
    assert "onnxruntime float32: stubborn cannot be exported" in engine.plan.why
    assert engine.run(example)["logits"].shape == (4, 3)


def test_a_module_that_cannot_be_loaded_is_a_typed_error(tmp_path: Path) -> None:
    def broken() -> nn.Module:
        raise OSError("no such file")

    with pytest.raises(InferenceError, match="tiny vit cannot be loaded: no such file"):
        open_module(vit_source(broken), options(Precision.FLOAT32), exports=tmp_path)


def test_an_output_that_the_module_does_not_have_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(InferenceError, match="nothing"):
        open_module(replace(vit_source(), outputs=("nothing",)), options(Precision.FLOAT32), exports=tmp_path)


def test_memory_bounds_the_rows_and_one_row_over_it_is_refused(tmp_path: Path) -> None:
    def wide() -> nn.Module:
        return Wide().eval()

    example = {"x": np.random.default_rng(0).standard_normal((2, 8)).astype(np.float32)}
    source = ModuleSource("wide", vit_source().digest, wide, example)
    wanted = options(Precision.FLOAT32)
    plan = open_module(source, replace(wanted, memory_mb=20), exports=tmp_path).plan
    assert 1 <= plan.rows < wanted.max_batch
    with pytest.raises(InferenceError, match="One row takes"):
        open_module(source, replace(wanted, memory_mb=1), exports=tmp_path)


class Wide(nn.Module):
    """Takes about 1 MB for a row on its way."""

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        wide = x.repeat(1, 20_000)
        return {"logits": (wide * 2 + wide).reshape(-1, 20_000, 8).sum(1)}


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    engine = open_module(vit_source(), options(Precision.FLOAT32))
    assert difference(engine, vit_source(), pictures(2)) < FLOAT32_ROUNDING
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_keeps_nothing_and_stops_nothing(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("no folder", encoding="utf-8")
    engine = open_module(vit_source(), options(Precision.FLOAT32), exports=place / "exports")
    assert difference(engine, vit_source(), pictures(2)) < FLOAT32_ROUNDING


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_device_that_is_named_but_absent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="CUDA"):
        open_module(vit_source(), EngineOptions(device=Device.CUDA), exports=tmp_path)


def test_scores_are_probabilities() -> None:
    logits = np.array([[1000.0, -1000.0, 0.0], [0.0, 0.0, 0.0]], np.float32)
    assert softmax_scores({"logits": logits}).sum(axis=1).tolist() == pytest.approx([1.0, 1.0])
    assert sigmoid_scores({"logits": logits})[0].tolist() == [1.0, 0.0, 0.5]
