"""What this machine can compute in a second at most, measured by large matrix products: what a floor divides by."""

import time
from collections.abc import Callable

import numpy as np

from moderation.domain.errors import InvalidInputError
from moderation.signals.engine.inference import Array
from moderation.signals.engine.onnx_session import CPU_PROVIDER, session_options
from moderation.signals.engine.options import Device, EngineOptions, Precision

CPU_SIDE = 768
CUDA_SIDE = 8192
LEAST_CALLS = 3


def peak(precision: Precision, *, threads: int, seconds: float = 1.0, device: Device = Device.CPU) -> float:
    """Operations a second of square matrix products, by the fastest call within `seconds`.

    A multiplication and an addition count two. On the CPU float32 is the better of torch's and ONNX Runtime's
    product, bfloat16 is torch's, int8 is ONNX Runtime's product of uint8 by int8; on CUDA all are torch's. Raises
    `InvalidInputError` for `auto`, and for int8 on CUDA.
    """
    if precision is Precision.AUTO or (precision is Precision.INT8 and device is Device.CUDA):
        raise InvalidInputError(f"No peak is measured for {precision} on {device}.")
    side = CUDA_SIDE if device is Device.CUDA else CPU_SIDE
    calls: list[Callable[[], object]] = []
    if precision is not Precision.INT8:
        calls.append(_torch_product(side, precision, device, threads))
    if device is Device.CPU and precision is not Precision.BFLOAT16:
        calls.append(_onnx_product(side, precision, threads))
    return 2.0 * side**3 / min(_fastest(call, seconds / len(calls)) for call in calls)


def _fastest(call: Callable[[], object], seconds: float) -> float:
    call()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST_CALLS or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return min(times)


def _torch_product(side: int, precision: Precision, device: Device, threads: int) -> Callable[[], object]:
    import torch  # noqa: PLC0415 - heavy

    if device is Device.CPU:
        torch.set_num_threads(threads)
    kind = torch.bfloat16 if precision is Precision.BFLOAT16 else torch.float32
    place = "cuda" if device is Device.CUDA else "cpu"
    left, right = torch.rand(side, side, device=place).to(kind), torch.rand(side, side, device=place).to(kind)

    def product() -> None:
        torch.mm(left, right)
        if device is Device.CUDA:
            torch.cuda.synchronize()

    return product


def _onnx_product(side: int, precision: Precision, threads: int) -> Callable[[], object]:
    """A product with constant weights, as models have them: `MatMul`, or the `MatMulInteger` of quantised ones."""
    import onnx  # noqa: PLC0415 - heavy
    import onnxruntime  # noqa: PLC0415 - heavy

    rng = np.random.default_rng(0)
    kinds = onnx.TensorProto
    if precision is Precision.INT8:
        operation, left_kind, kind = "MatMulInteger", kinds.UINT8, kinds.INT32
        left: Array = rng.integers(0, 255, (side, side), dtype=np.uint8)
        right: Array = rng.integers(-127, 127, (side, side), dtype=np.int8)
    else:
        operation, left_kind, kind = "MatMul", kinds.FLOAT, kinds.FLOAT
        left, right = rng.random((side, side), np.float32), rng.random((side, side), np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(operation, ["left", "right"], ["product"])],
        "peak",
        [onnx.helper.make_tensor_value_info("left", left_kind, [side, side])],
        [onnx.helper.make_tensor_value_info("product", kind, [side, side])],
        [onnx.numpy_helper.from_array(right, "right")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    options = session_options(EngineOptions(threads=threads))
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=[CPU_PROVIDER])
    return lambda: session.run(None, {"left": left})
