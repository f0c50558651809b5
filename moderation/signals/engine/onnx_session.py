"""Models in ONNX Runtime: the one place that makes its sessions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from moderation.domain.errors import UnavailableError
from moderation.signals.engine.devices import CUDA_PROVIDER, onnx_takes_cuda
from moderation.signals.engine.engine import Engine
from moderation.signals.engine.inference import Array, InferenceError, InferenceTimeoutError, Tensors
from moderation.signals.engine.memory import rows_within
from moderation.signals.engine.options import Backend, Device, EngineOptions, Plan, Precision
from moderation.signals.engine.placement import Form, place
from moderation.signals.engine.self_contained import check_self_contained
from moderation.signals.engine.watchdog import Watchdog

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, SessionOptions

ERRORS_ONLY = 3
FATAL_ONLY = 4
"""ONNX Runtime's log levels; a stopped call would log an error of its own."""
CPU_PROVIDER = "CPUExecutionProvider"


def open_onnx(
    model: bytes,
    options: EngineOptions,
    *,
    outputs: Sequence[str] = (),
    precision: Precision = Precision.FLOAT32,
    row_bytes: int = 0,
) -> Engine:
    """The model in ONNX Runtime, in the precision that it was saved in, which `precision` names for the plan.

    `outputs` are the names wanted, all when empty; `row_bytes` is what one row takes on its way, for `memory_mb`
    (`flops.bytes_of_row` counts it). Raises `InferenceError` when the bytes are no model, lack an output or take too
    much, and `UnavailableError` when `options.device` is CUDA and this ONNX Runtime has none.
    """
    runner, device = open_runner(model, options, outputs)
    why = place(Form(precision), options).why
    rows = rows_within(options, row_bytes)
    return Engine(runner, Plan(device, precision, Backend.ONNXRUNTIME, rows, why))


def open_runner(model: bytes, options: EngineOptions, outputs: Sequence[str] = ()) -> tuple["OnnxRunner", Device]:
    """The session for `model`, and where it runs. Raises as `open_onnx` does."""
    wished = onnx_takes_cuda(options)
    check_self_contained(model)
    session = _session(model, options, on_cuda=wished)
    on_cuda = CUDA_PROVIDER in session.get_providers()
    if wished and not on_cuda and options.device is Device.CUDA:
        raise UnavailableError(
            "A CUDA device is wanted, but ONNX Runtime could not use one.",
            hint="Its log says what is missing (driver, CUDA, cuDNN). Or let MODERATION_DEVICE be `auto` or `cpu`.",
        )
    known = tuple(output.name for output in session.get_outputs())
    missing = [name for name in outputs if name not in known]
    if missing:
        raise InferenceError(f"The model has no output {', '.join(missing)}; it has {', '.join(known)}.")
    return OnnxRunner(session, tuple(outputs) or known, options.call_seconds), Device.CUDA if on_cuda else Device.CPU


def _session(model: bytes, options: EngineOptions, *, on_cuda: bool) -> "InferenceSession":
    """On CUDA without TF32, which would round what the CPU does not."""
    import onnxruntime  # noqa: PLC0415 - a heavy import that the command line and the API never need

    on_device = [(CUDA_PROVIDER, {"use_tf32": "0", "arena_extend_strategy": "kSameAsRequested"})] if on_cuda else []
    try:
        return onnxruntime.InferenceSession(model, session_options(options), providers=[*on_device, CPU_PROVIDER])
    except Exception as error:
        raise InferenceError(f"ONNX Runtime cannot load the model: {error}") from error


def session_options(options: EngineOptions) -> "SessionOptions":
    """What every session is made with: bounded threads that sleep while they wait, one node at a time, no chatter."""
    import onnxruntime  # noqa: PLC0415 - see `open_runner`

    made = onnxruntime.SessionOptions()
    made.intra_op_num_threads = options.threads
    made.inter_op_num_threads = 1
    made.log_severity_level = ERRORS_ONLY
    made.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return made


class OnnxRunner:
    """A session whose calls are stopped after `seconds`, between two nodes of the graph."""

    def __init__(self, session: "InferenceSession", outputs: Sequence[str], seconds: float) -> None:
        self._session = session
        self._outputs = tuple(outputs)
        self._seconds = seconds
        self._watchdog = Watchdog(seconds)

    def run(self, inputs: Tensors) -> dict[str, Array]:
        """See `Runner.run`. Raises `InferenceTimeoutError` when the call was stopped."""
        import onnxruntime  # noqa: PLC0415 - see `open_runner`

        stop = onnxruntime.RunOptions()
        stop.log_severity_level = FATAL_ONLY
        try:
            with self._watchdog.watching(lambda: setattr(stop, "terminate", True)):
                found = self._session.run(self._outputs, dict(inputs), stop)
        except Exception as error:
            if stop.terminate:
                raise InferenceTimeoutError(f"A model took over {self._seconds:g} s and was stopped.") from error
            raise InferenceError(f"ONNX Runtime: {error}") from error
        return dict(zip(self._outputs, found, strict=True))

    @property
    def metadata(self) -> dict[str, str]:
        """What the model's file says of itself beside its graph, by name."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def close(self) -> None:
        """See `Runner.close`."""
        del self._session
