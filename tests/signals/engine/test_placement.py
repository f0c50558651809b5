"""One place says where a model runs and in what; what is asked for and not there is refused, never replaced."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from moderation.domain.errors import UnavailableError
from moderation.domain.signal import FailureReason, SignalFailure
from moderation.signals.catalog import FORMS, SPECS, build, form_of
from moderation.signals.engine import devices
from moderation.signals.engine.inference import InferenceError
from moderation.signals.engine.onnx_session import CPU_PROVIDER, open_onnx
from moderation.signals.engine.options import Device, EngineOptions, Precision
from moderation.signals.engine.placement import ANY, SAVED_FLOAT32, SAVED_INT8, in_words, place
from moderation.signals.models import ModelStore
from tests.signals.engine.modules import doubled
from tests.signals.test_runtime import subjects

CUDA = EngineOptions(device=Device.CUDA)


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine whose ONNX Runtime and torch know no CUDA."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU_PROVIDER])
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)


@pytest.fixture
def claims_cuda(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a machine with a driver and an ONNX Runtime that was built with CUDA, which then cannot use it."""
    (tmp_path / "driver").touch()
    monkeypatch.setattr(devices, "DRIVER_FILES", (str(tmp_path / "driver"),))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [devices.CUDA_PROVIDER, CPU_PROVIDER])


def test_every_model_of_the_catalog_has_a_form() -> None:
    assert {spec.name for spec in SPECS if spec.models} == set(FORMS)
    assert form_of(next(spec for spec in SPECS if not spec.models)) is None


@pytest.mark.usefixtures("no_cuda")
def test_a_device_that_is_named_but_absent_is_refused_with_a_next_step_for_whatever_could_use_it() -> None:
    for form in (ANY, SAVED_FLOAT32):
        with pytest.raises(UnavailableError, match="A CUDA device is wanted") as refused:
            place(form, CUDA)
        assert "MODERATION_DEVICE" in refused.value.hint
        assert in_words(form, CUDA).startswith("not at all: A CUDA device is wanted")
    with pytest.raises(UnavailableError, match="A CUDA device is wanted"):
        open_onnx(doubled(), CUDA)


@pytest.mark.usefixtures("no_cuda")
def test_posts_are_held_when_the_device_is_absent_and_the_failure_says_what_to_do(model_store: ModelStore) -> None:
    types = {one.spec.name: one for one in build(model_store, options=EngineOptions(threads=1, device=Device.CUDA))}
    for name in ("image_nsfw", "picture_text"):
        (failed,) = types[name].measure(subjects("a"))
        assert isinstance(failed, SignalFailure)
        assert failed.reason is FailureReason.MODEL_MISSING
        assert "onnxruntime-gpu" in failed.detail


def test_what_is_made_for_cpus_stays_there_and_says_so() -> None:
    placed = place(SAVED_INT8, CUDA)
    assert (placed.device, placed.precision) == (Device.CPU, Precision.INT8)
    assert "MODERATION_DEVICE=cuda changes nothing" in placed.why


def test_a_model_with_one_precision_says_so_and_keeps_it() -> None:
    placed = place(SAVED_FLOAT32, EngineOptions(device=Device.CPU, precision=Precision.INT8))
    assert (placed.device, placed.precision) == (Device.CPU, Precision.FLOAT32)
    assert "MODERATION_PRECISION=int8 changes nothing" in placed.why
    engine = open_onnx(doubled(), EngineOptions(device=Device.CPU, precision=Precision.INT8))
    assert engine.plan.why == placed.why
    assert engine.plan.precision is Precision.FLOAT32


@pytest.mark.usefixtures("claims_cuda")
def test_auto_takes_the_provider_and_falls_back_where_it_does_not_work_which_the_plan_says() -> None:
    assert place(SAVED_FLOAT32, EngineOptions()).device is Device.CUDA
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):
        engine = open_onnx(doubled(), EngineOptions())
    assert engine.plan.device is Device.CPU
    assert engine.run({"x": np.ones((1, 4), np.float32)})["y"].tolist() == [[2.0] * 4]


@pytest.mark.usefixtures("claims_cuda")
def test_a_named_device_that_does_not_work_is_refused() -> None:
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(UnavailableError, match="could not use one"),
    ):
        open_onnx(doubled(), CUDA)


def test_modules_on_the_cpu_take_what_is_wished(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place(ANY, EngineOptions(device=Device.CPU)).precision is Precision.AUTO
    assert place(ANY, EngineOptions(device=Device.CPU, precision=Precision.INT8)).precision is Precision.INT8
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert place(ANY, CUDA).precision is Precision.BFLOAT16
    with pytest.raises(UnavailableError, match="int8 runs on the CPU only") as refused:
        place(ANY, EngineOptions(device=Device.CUDA, precision=Precision.INT8))
    assert refused.value.hint


def test_an_onnx_model_whose_precision_is_not_its_own_is_still_only_loaded_as_saved() -> None:
    with pytest.raises(InferenceError):
        open_onnx(b"", EngineOptions(device=Device.CPU))
