"""What is loaded was run once within its limits, so that no post waits for it, and gives numbers with a meaning."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from moderation.domain.ids import Digest
from moderation.domain.signal import FailureReason, SignalFailure
from moderation.media.subject import Subject
from moderation.signals import hub_catalog, image_nsfw
from moderation.signals.catalog import MissingModel, loaded
from moderation.signals.engine.engine import Engine
from moderation.signals.engine.inference import Array, InferenceError, Tensors
from moderation.signals.engine.options import Backend, Device, EngineOptions, Plan, Precision
from moderation.signals.engine.source import ModuleSource
from moderation.signals.hub_specs import hub_spec
from moderation.signals.image_nsfw import IMAGE_NSFW, INPUT, POOLED, SCORES, ImageNsfw
from moderation.signals.models import ModelStore
from moderation.signals.runtime import SignalRuntime
from moderation.signals.text_harm.model import Readout, TextHarmModel
from moderation.signals.text_harm.signal import WARM_UP, TextHarm
from tests.factories import a_post
from tests.signals import checkpoints
from tests.signals.checkpoints import PICTURES, in_torch, store_of
from tests.signals.conftest import a_picture, pixels

ONE_THREAD = EngineOptions(threads=1, device=Device.CPU)


class Recording:
    """Runs nothing, remembers how many rows it was asked about, and scores all alike."""

    def __init__(self, score: float = 0.5) -> None:
        self.rows: list[int] = []
        self._score = score

    def run(self, inputs: Tensors) -> dict[str, Array]:
        count = len(inputs[INPUT])
        self.rows.append(count)
        return {
            SCORES: np.full((count, 2), self._score, np.float32),
            POOLED: np.full((count, 1024), self._score, np.float32),
        }

    def close(self) -> None:
        pass


def engine(runner: Recording) -> Engine:
    return Engine(runner, Plan(Device.CPU, Precision.FLOAT32, Backend.ONNXRUNTIME, 16, "for tests"))


def test_opennsfw_is_run_once_with_the_limits_of_its_signal(
    model_store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, seen = Recording(), list[EngineOptions]()

    def opened(_: bytes, options: EngineOptions, **rest: object) -> Engine:
        seen.append(options)
        assert rest["row_bytes"], "memory bounds its rows"
        return engine(runner)

    monkeypatch.setattr(image_nsfw, "open_onnx", opened)
    ImageNsfw.load(model_store, options=replace(ONE_THREAD, memory_mb=77))
    assert runner.rows == [1]
    assert [(one.call_seconds, one.memory_mb, one.device) for one in seen] == [
        (IMAGE_NSFW.time_limit_s, 77, Device.CPU)
    ]


def test_the_text_classifier_is_run_once(model_store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    plain = TextHarmModel.read

    def read(model: TextHarmModel, own: Sequence[str]) -> Readout:
        texts.extend(own)
        return plain(model, own)

    monkeypatch.setattr(TextHarmModel, "read", read)
    TextHarm.load(model_store, threads=1)
    assert texts == [WARM_UP]


def test_classifiers_of_the_registry_run_within_the_limits_of_their_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoints.vit(tmp_path / "mirror" / "toy")
    store = store_of(tmp_path / "models", folder, {**PICTURES, "time_limit_s": 3.0})
    seen: list[EngineOptions] = []

    def opened(source: ModuleSource, options: EngineOptions, **_: object) -> Engine:
        seen.append(options)
        return in_torch(source)

    monkeypatch.setattr(hub_catalog, "open_module", opened)
    entry = store.entry("toy")
    assert not isinstance(loaded(hub_spec(entry), store, options=ONE_THREAD, classifiers=(entry,)), MissingModel)
    assert [one.call_seconds for one in seen] == [3.0]


def broken_weights(model: bytes) -> bytes:
    """The same model with a weight that is not a number."""
    proto = onnx.load_model_from_string(model)
    weight = next(one for one in proto.graph.initializer if one.data_type == onnx.TensorProto.FLOAT and one.dims)
    weight.CopyFrom(numpy_helper.from_array(np.full_like(numpy_helper.to_array(weight), np.nan), weight.name))
    return bytes(proto.SerializeToString())


def test_weights_of_opennsfw_that_are_not_numbers_do_not_load(
    model_store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = broken_weights(model_store.read("opennsfw", "open-nsfw.onnx"))
    monkeypatch.setattr(model_store, "read", lambda *_: weights)
    with pytest.raises(InferenceError, match="not finite"):
        ImageNsfw.load(model_store, options=ONE_THREAD)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_score_that_is_none_is_a_failure_never_a_score(score: float) -> None:
    signal = ImageNsfw(engine(Recording(score)), Digest("0" * 64))
    runtime = SignalRuntime([signal])
    [(found,)] = runtime.measure([Subject(a_post(), a_picture(pixels(1)))])
    runtime.close()
    assert isinstance(found, SignalFailure), found
    assert found.reason is FailureReason.WRONG_SHAPE
