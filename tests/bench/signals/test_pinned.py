import json
import os
import subprocess
import sys
from pathlib import Path

import onnxruntime
import pytest

from moderation.bench.signals import command, minilm, opennsfw, similarity
from moderation.bench.signals.cores import idle_ticks
from moderation.bench.signals.order import Order
from moderation.bench.signals.pinned import measured, measures
from moderation.bench.signals.table import Line, Measured
from moderation.domain.errors import UnavailableError
from moderation.settings import Settings, load_settings


def test_every_core_has_its_idle_time() -> None:
    assert set(os.sched_getaffinity(0)) <= set(idle_ticks())


def test_a_process_is_pinned_to_one_core_it_may_use() -> None:
    script = (
        "import os; from moderation.bench.signals.cores import pin_to_idlest as p; print(p(), os.sched_getaffinity(0))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    core, _, rest = done.stdout.partition(" ")
    assert rest.strip() == f"{{{core}}}"
    assert int(core) in os.sched_getaffinity(0)


def test_opennsfw_is_measured_in_a_process_of_its_own() -> None:
    before = os.sched_getaffinity(0)
    found = measured(Order("image_nsfw", load_settings().models.resolve(), 0.1))
    assert os.sched_getaffinity(0) == before
    assert found.figures["image_nsfw_per_s"] > 1
    assert found.figures["image_nsfw_gflop"] == pytest.approx(2.14, rel=0.01)
    assert [line.batch for line in found.lines if not line.naive] == list(opennsfw.BATCHES)
    assert all(line.floor_per_s > 0 for line in found.lines)


def test_similarity_is_measured_beside_its_floors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(similarity, "MOST", 2_500)
    found = similarity.measure_similarity(Order("image_similarity", tmp_path, 0.1))
    assert [(line.way, line.batch, line.naive) for line in found.lines] == [("int8", 64, False), ("float32", 64, True)]
    assert all(line.per_s > 0 and line.floor_per_s > 0 for line in found.lines)
    assert set(found.figures) == {
        f"image_similarity_{figure}"
        for figure in ("batch_ms", "floor_ms", "ratio_float32", "cpu_ms", "memory_floor_ms")
    }
    assert all(value > 0 for value in found.figures.values())
    assert similarity.measure_similarity(Order("image_similarity", tmp_path, 0.1, cuda=True)) == Measured((), {})


def test_a_measurement_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"image_nsfw could not be measured.*not in the model store"):
        measured(Order("image_nsfw", tmp_path, 0.1))


def test_every_model_of_the_command_can_be_measured() -> None:
    assert set(measures()) == set(command.MODELS)


def test_opennsfw_on_cuda_is_a_note_where_onnx_runtime_has_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    found = opennsfw.measure_opennsfw(Order("image_nsfw", load_settings().models.resolve(), 0.1, cuda=True))
    assert (found.lines, found.figures) == ((), {})
    (note,) = found.notes
    assert "Install onnxruntime-gpu" in note


def test_a_device_has_its_own_table_and_takes_nothing_from_the_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(order: Order) -> Measured:
        if not order.cuda:
            figures = {"image_nsfw_per_s": 40.0} if order.model == "image_nsfw" else {}
            return Measured((Line(order.model, "engine", "cpu", 1, 9.0, 20.0),), figures)
        if order.model == "text":
            raise UnavailableError("text could not be measured: no compiler")
        return Measured((Line(order.model, "engine", "cuda", 1, 900.0, 2000.0),), {}, (f"{order.model} compiled",))

    monkeypatch.setattr(command, "measured", measure)
    monkeypatch.setattr(command, "has_cuda", lambda: True)
    said: list[str] = []
    result, lines = command.bench_signals(Settings(home=tmp_path), seconds=0.1, tell=said.append)
    assert [line.device for line in lines] == ["cpu"] * 4 + ["cuda"] * 3
    figures = result.document()["figures"]
    assert isinstance(figures, dict)
    assert figures["image_nsfw_per_s"] == 40.0
    assert (figures["vit_engine_b1_per_s"], figures["vit_engine_cuda_b1_per_s"]) == (9.0, 900.0)
    assert figures["vit_engine_cuda_b1_floor_per_s"] == 2000.0
    assert "On CUDA: text could not be measured: no compiler" in said
    assert "vit engine on cuda, batch 1: 900/s, floor 2,000" in said


def test_what_fails_on_the_processor_fails_the_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(order: Order) -> Measured:
        raise UnavailableError(f"{order.model} could not be measured")

    monkeypatch.setattr(command, "measured", refuse)
    monkeypatch.setattr(command, "has_cuda", lambda: True)
    with pytest.raises(UnavailableError, match="vit could not be measured"):
        command.bench_signals(Settings(home=tmp_path), seconds=0.1, tell=lambda _said: None)


def test_without_the_text_classifier_its_bars_are_missed_not_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = minilm.measure_minilm(Order("text", tmp_path, 0.1))
    assert (text.lines, text.figures) == ((), {})
    vit = Measured((Line("vit", "engine_int8", "cpu", 1, 9.0),), {"vit_int8_ratio": 4.0, "vit_int8_max_diff": 0.001})
    alike = Measured((), {"image_similarity_ratio_float32": 6.0})
    others = {"image_nsfw": Measured((), {"image_nsfw_per_s": 40.0}), "image_similarity": alike}
    parts = {"vit": vit, "text": text, **others}
    monkeypatch.setattr(command, "measured", lambda order: parts[order.model])
    monkeypatch.setattr(command, "has_cuda", lambda: False)
    said: list[str] = []
    result, lines = command.bench_signals(Settings(home=tmp_path), seconds=0.1, tell=said.append)
    assert lines == vit.lines
    assert result.missed == [
        "text_single_per_s was not measured, wanted >= 250",
        "text_batch_per_s was not measured, wanted >= 550",
    ]
    document = json.loads(json.dumps(result.document()))
    assert document["bench"] == "signals"
    assert document["figures"]["vit_int8_ratio"] == 4.0
    assert document["ok"] is False
    assert any("was not measured" in line for line in said)
