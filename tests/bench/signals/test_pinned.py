import json
import os
import subprocess
import sys
from pathlib import Path

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
