"""ViT-B/16 at 224 pixels with random weights and two labels: the shape of most published picture classifiers."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moderation.bench.signals.order import Order
from moderation.bench.signals.table import Measured, best
from moderation.bench.signals.turns import Contender, timed
from moderation.domain.ids import Digest
from moderation.signals.engine.contenders import Contenders
from moderation.signals.engine.exports import Exports
from moderation.signals.engine.flops import flops
from moderation.signals.engine.inference import Inference, Tensors
from moderation.signals.engine.modules import open_module
from moderation.signals.engine.onnx_session import open_onnx
from moderation.signals.engine.options import Device, EngineOptions, Precision
from moderation.signals.engine.source import ModuleSource, softmax_scores

if TYPE_CHECKING:
    from torch import nn

Call = Callable[[Tensors], dict[str, NDArray[np.generic]]]

MODEL = "vit"
BATCHES = (1, 8, 32)
NAIVE_BATCHES = (1, 8)
COMPARED = 8
SIDE = 224
NEVER_SECONDS = 600.0


def measure_vit(order: Order) -> Measured:
    """float32 in torch and ONNX Runtime, int8 in the engine, and a transformers pipeline; on CUDA the engine's own."""
    source = vit_source()
    if order.cuda:
        return _on_cuda(source, order)
    with tempfile.TemporaryDirectory(prefix="bench-vit-") as folder:
        return _on_cpu(source, order, Path(folder))


def vit_source() -> ModuleSource:
    """The same random weights each time, loaded once."""
    digest = Digest(sha256(b"ViT-B/16, 224 pixels, two labels, seed 0").hexdigest())
    module = vit()
    return ModuleSource(MODEL, digest, lambda: module, pixels(2))


def vit() -> "nn.Module":
    """The module in float32."""
    import torch  # noqa: PLC0415 - heavy
    from transformers import ViTConfig, ViTForImageClassification  # noqa: PLC0415 - heavy

    torch.manual_seed(0)
    module: nn.Module = ViTForImageClassification(ViTConfig())
    return module.train(mode=False)


def pixels(rows: int, seed: int = 0) -> Tensors:
    """Pictures as the preprocessing leaves them: -1 to 1."""
    return {"pixel_values": np.random.default_rng(seed).uniform(-1, 1, (rows, 3, SIDE, SIDE)).astype(np.float32)}


def _on_cpu(source: ModuleSource, order: Order, folder: Path) -> Measured:
    options = EngineOptions(device=Device.CPU, precision=Precision.INT8, call_seconds=NEVER_SECONDS)
    engine = open_module(source, options, exports=folder)
    graphs = Contenders(source, options, Exports(folder, source))
    operations = flops(graphs.graph(Precision.INT8), pixels(1))
    ways: tuple[tuple[str, Precision, Call], ...] = (
        ("torch_float32", Precision.FLOAT32, bare_torch(source.load())),
        ("ort_float32", Precision.FLOAT32, open_onnx(graphs.graph(Precision.FLOAT32), options).run),
        ("engine_int8", Precision.INT8, engine.run),
    )
    change = score_change(engine, ways[0][2])
    contenders = [
        Contender(MODEL, way, rows, _bound(call, pixels(rows)), operations, kind)
        for rows in BATCHES
        for way, kind, call in ways
    ]
    naive = _naive(source.load(), operations, Device.CPU)
    lines, peaks = timed([*contenders, *naive], seconds=order.seconds)
    figures = {
        "vit_int8_ratio": best(lines, MODEL, "engine_int8") / best(lines, MODEL, "torch_float32"),
        "vit_int8_max_diff": change,
        "vit_gflop": operations / 1e9,
        **{f"peak_{kind}_gflops": value / 1e9 for (kind, _), value in peaks.items()},
    }
    return Measured(tuple(lines), figures, (f"ViT int8 is {engine.plan.backend}: {engine.plan.why}",))


def _on_cuda(source: ModuleSource, order: Order) -> Measured:
    with tempfile.TemporaryDirectory(prefix="bench-vit-") as folder:
        graphs = Contenders(source, EngineOptions(), Exports(Path(folder), source))
        operations = flops(graphs.graph(Precision.INT8), pixels(1))
    options = EngineOptions(device=Device.CUDA, max_batch=max(BATCHES), call_seconds=NEVER_SECONDS)
    engine = open_module(replace(source, load=vit), options)
    kind = engine.plan.precision
    contenders = [
        Contender(MODEL, f"engine_{kind}", rows, _bound(engine.run, pixels(rows)), operations, kind, Device.CUDA)
        for rows in BATCHES
    ]
    lines, peaks = timed([*contenders, *_naive(vit(), operations, Device.CUDA)], seconds=order.seconds)
    figures = {f"peak_{kind}_cuda_gflops": value / 1e9 for (kind, _), value in peaks.items()}
    return Measured(tuple(lines), figures, (f"ViT on CUDA: {engine.plan.why}",))


def bare_torch(module: "nn.Module") -> Call:
    """The module as transformers' users call it, in float32 without gradients."""
    import torch  # noqa: PLC0415 - heavy

    torch.set_num_threads(1)

    def call(inputs: Tensors) -> dict[str, NDArray[np.generic]]:
        with torch.inference_mode():
            found = module(**{name: torch.from_numpy(array) for name, array in inputs.items()})
        return {"logits": found.logits.numpy()}

    return call


def score_change(engine: Inference, reference: Call) -> float:
    """The largest difference of a score over pictures that neither was tuned to."""
    inputs = pixels(COMPARED, seed=1)
    return float(np.abs(softmax_scores(engine.run(inputs)) - softmax_scores(reference(inputs))).max())


def _naive(module: "nn.Module", operations: float, device: Device) -> list[Contender]:
    """A `transformers.pipeline` over decoded pictures, which prepares them itself."""
    from transformers import ViTImageProcessorPil, pipeline  # noqa: PLC0415 - heavy
    from transformers.image_transforms import to_pil_image  # noqa: PLC0415 - heavy

    make: Any = pipeline
    classify = make("image-classification", model=module, image_processor=ViTImageProcessorPil(), device=str(device))
    rng = np.random.default_rng(2)
    pictures = [to_pil_image(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)) for _ in range(max(NAIVE_BATCHES))]

    def call(rows: int) -> Callable[[], object]:
        return lambda: classify(pictures[:rows], batch_size=rows)

    return [
        Contender(MODEL, "pipeline_float32", rows, call(rows), operations, Precision.FLOAT32, device, naive=True)
        for rows in NAIVE_BATCHES
    ]


def _bound(call: Call, inputs: Tensors) -> Callable[[], object]:
    return lambda: call(inputs)
