"""Where a model runs and in what precision: decided here for every model, also where little is left to decide."""

from dataclasses import dataclass

from moderation.domain.errors import UnavailableError
from moderation.signals.engine.devices import onnx_takes_cuda, takes_cuda
from moderation.signals.engine.options import Device, EngineOptions, Precision

INT8_ON_CUDA = "int8 runs on the CPU only, but the device is CUDA."
INT8_HINT = "Let MODERATION_PRECISION be `auto` or `bfloat16`, or MODERATION_DEVICE be `cpu`."


@dataclass(frozen=True, slots=True)
class Form:
    """What a model can run as.

    `precision` is the one that an ONNX file was saved in; None: the engine makes what is wished for of a torch module.
    `on_cuda` says whether it runs on a CUDA device at all; what is made for CPUs stays there whatever is wished.
    """

    precision: Precision | None = None
    on_cuda: bool = True


ANY = Form()
"""Transformers checkpoints: every device and precision."""
SAVED_FLOAT32 = Form(Precision.FLOAT32)
SAVED_INT8 = Form(Precision.INT8, on_cuda=False)
"""ONNX Runtime has int8 matrix products that take unsigned by signed bytes for CPUs alone."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What is decided before a model is opened; `precision` is `auto` where the engine has to measure first."""

    device: Device
    precision: Precision
    why: str


def place(form: Form, options: EngineOptions) -> Placement:
    """The decision. Raises `UnavailableError` when a device is named that the model could use and that is not there."""
    if form.precision is None:
        return _of_module(options)
    device = Device.CUDA if form.on_cuda and onnx_takes_cuda(options) else Device.CPU
    why = f"saved in {form.precision}, its only precision"
    if options.precision not in {Precision.AUTO, form.precision}:
        why += f", so that MODERATION_PRECISION={options.precision} changes nothing"
    if not form.on_cuda:
        why += "; made for CPUs"
        if options.device is Device.CUDA:
            why += ", so that MODERATION_DEVICE=cuda changes nothing"
    return Placement(device, form.precision, why)


def in_words(form: Form, options: EngineOptions) -> str:
    """The decision for a person, or why it cannot be kept and what to do."""
    try:
        placed = place(form, options)
    except UnavailableError as error:
        return f"not at all: {error.message} {error.hint}"
    precision = "" if placed.precision is Precision.AUTO else f" in {placed.precision}"
    return f"on {placed.device}{precision}: {placed.why}"


def _of_module(options: EngineOptions) -> Placement:
    if takes_cuda(options):
        if options.precision is Precision.INT8:
            raise UnavailableError(INT8_ON_CUDA, hint=INT8_HINT)
        precision = Precision.FLOAT32 if options.precision is Precision.FLOAT32 else Precision.BFLOAT16
        return Placement(Device.CUDA, precision, "float32 instead where bfloat16 changes scores by more than 0.02")
    if options.precision is Precision.AUTO:
        why = "whichever of int8 and float32 measures fastest and scores alike"
    else:
        why = f"MODERATION_PRECISION={options.precision}; float32 where its scores differ by more than 0.02"
    return Placement(Device.CPU, options.precision, why)
