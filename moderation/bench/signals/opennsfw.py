"""OpenNSFW as the lanes run it, beside a plain ONNX Runtime session that is called picture by picture."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from moderation.bench.signals.order import Order
from moderation.bench.signals.table import Measured, at
from moderation.bench.signals.turns import Contender, timed
from moderation.signals.engine.flops import flops
from moderation.signals.engine.options import Device, EngineOptions, Precision
from moderation.signals.image_nsfw import INPUT, MODEL, SCORES, ImageNsfw
from moderation.signals.models import ModelStore

BATCHES = (1, 8, 32)
SHAPE = (224, 224, 3)


def measure_opennsfw(order: Order) -> Measured:
    """Pictures a second of the signal's own code, preparation of the floats included."""
    store = ModelStore(order.models)
    weights = store.read(MODEL, "open-nsfw.onnx")
    operations = flops(weights, {INPUT: np.zeros((1, *SHAPE), np.float32)})
    signal = ImageNsfw.load(store, options=EngineOptions(threads=1, device=Device.CUDA if order.cuda else Device.CPU))
    frames = [np.random.default_rng(seed).integers(0, 256, SHAPE, dtype=np.uint8) for seed in range(max(BATCHES))]
    device = signal.inference.plan.device
    kind = Precision.FLOAT32
    contenders = [
        Contender("image_nsfw", "engine_float32", rows, _scores(signal, frames[:rows]), operations, kind, device)
        for rows in BATCHES
    ]
    naive = Contender("image_nsfw", "session_float32", 1, _plain(weights, frames[0]), operations, kind, naive=True)
    lines, _ = timed([*contenders, naive], seconds=order.seconds)
    figures = {"image_nsfw_per_s": at(lines, "image_nsfw", "engine_float32", BATCHES[-1], str(device))}
    return Measured(tuple(lines), {**figures, "image_nsfw_gflop": operations / 1e9})


def _scores(signal: ImageNsfw, frames: list[NDArray[np.uint8]]) -> Callable[[], object]:
    return lambda: signal.scores(frames)


def _plain(weights: bytes, frame: NDArray[np.uint8]) -> Callable[[], object]:
    """What a reader would write first: a session with its defaults, one picture a call."""
    import onnxruntime  # noqa: PLC0415 - heavy

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    return lambda: session.run([SCORES], {INPUT: frame[None].astype(np.float32)})
