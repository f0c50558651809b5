"""OpenNSFW as the lanes run it, beside a plain ONNX Runtime session that is called picture by picture."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from moderation.bench.signals.order import Order
from moderation.bench.signals.table import Measured, at
from moderation.bench.signals.turns import Contender, timed
from moderation.domain.errors import UnavailableError
from moderation.signals.engine.devices import CUDA_PROVIDER
from moderation.signals.engine.flops import flops
from moderation.signals.engine.onnx_session import CPU_PROVIDER
from moderation.signals.engine.options import Device, EngineOptions, Precision
from moderation.signals.image_nsfw import INPUT, MODEL, SCORES, ImageNsfw
from moderation.signals.models import ModelStore

BATCHES = (1, 8, 32)
SHAPE = (224, 224, 3)


def measure_opennsfw(order: Order) -> Measured:
    """Pictures a second of the signal's own code, preparation of the floats included.

    On CUDA only a note where this ONNX Runtime cannot use the device: the usual package has no CUDA provider.
    """
    store = ModelStore(order.models)
    weights = store.read(MODEL, "open-nsfw.onnx")
    operations = flops(weights, {INPUT: np.zeros((1, *SHAPE), np.float32)})
    device = Device.CUDA if order.cuda else Device.CPU
    try:
        signal = ImageNsfw.load(store, options=EngineOptions(threads=1, device=device))
    except UnavailableError as error:
        return Measured((), {}, (f"OpenNSFW was not measured on CUDA: {error.message} {error.hint}",))
    frames = [np.random.default_rng(seed).integers(0, 256, SHAPE, dtype=np.uint8) for seed in range(max(BATCHES))]
    kind = Precision.FLOAT32
    contenders = [
        Contender("image_nsfw", "engine_float32", rows, _scores(signal, frames[:rows]), operations, kind, device)
        for rows in BATCHES
    ]
    plain = _plain(weights, frames[0], device)
    naive = Contender("image_nsfw", "session_float32", 1, plain, operations, kind, device, naive=True)
    lines, _ = timed([*contenders, naive], seconds=order.seconds)
    if order.cuda:
        return Measured(tuple(lines), {})
    figures = {"image_nsfw_per_s": at(lines, "image_nsfw", "engine_float32", BATCHES[-1])}
    return Measured(tuple(lines), {**figures, "image_nsfw_gflop": operations / 1e9})


def _scores(signal: ImageNsfw, frames: list[NDArray[np.uint8]]) -> Callable[[], object]:
    return lambda: signal.scores(frames)


def _plain(weights: bytes, frame: NDArray[np.uint8], device: Device) -> Callable[[], object]:
    """What a reader would write first: a session with its defaults, one picture a call."""
    import onnxruntime  # noqa: PLC0415 - heavy

    provider = CUDA_PROVIDER if device is Device.CUDA else CPU_PROVIDER
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(weights, options, providers=[provider])
    return lambda: session.run([SCORES], {INPUT: frame[None].astype(np.float32)})
