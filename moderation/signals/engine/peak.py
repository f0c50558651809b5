"""What this machine can compute in a second at most, measured by large matrix products: what a floor divides by."""

import time
from collections.abc import Callable

import numpy as np

from moderation.domain.errors import InvalidInputError
from moderation.signals.engine.onnx_session import CPU_PROVIDER, session_options
from moderation.signals.engine.options import Device, EngineOptions, Precision

CPU_SIDE = 1024
CUDA_SIDE = 8192
LEAST_CALLS = 3


def peak(precision: Precision, *, threads: int, seconds: float = 1.0, device: Device = Device.CPU) -> float:
    """Operations a second of square matrix products, the best of the calls that fit into `seconds`.

    A multiplication and an addition count two. float32 and bfloat16 are torch's products, int8 is ONNX Runtime's
    integer product of uint8 by int8. Raises `InvalidInputError` for `auto`, and for int8 on CUDA.
    """
    if precision is Precision.AUTO or (precision is Precision.INT8 and device is Device.CUDA):
        raise InvalidInputError(f"No peak is measured for {precision} on {device}.")
    side = CUDA_SIDE if device is Device.CUDA else CPU_SIDE
    call = _int8_product(side, threads) if precision is Precision.INT8 else _torch_product(side, precision, device)
    if precision is not Precision.INT8 and device is Device.CPU:
        _use_threads(threads)
    call()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST_CALLS or time.perf_counter() < end:
        begin = time.perf_counter()
        call()
        times.append(time.perf_counter() - begin)
    return 2.0 * side**3 / min(times)


def _use_threads(threads: int) -> None:
    import torch  # noqa: PLC0415 - heavy

    torch.set_num_threads(threads)


def _torch_product(side: int, precision: Precision, device: Device) -> Callable[[], object]:
    import torch  # noqa: PLC0415 - heavy

    kind = torch.bfloat16 if precision is Precision.BFLOAT16 else torch.float32
    place = "cuda" if device is Device.CUDA else "cpu"
    left, right = torch.rand(side, side, device=place).to(kind), torch.rand(side, side, device=place).to(kind)

    def product() -> None:
        torch.mm(left, right)
        if device is Device.CUDA:
            torch.cuda.synchronize()

    return product


def _int8_product(side: int, threads: int) -> Callable[[], object]:
    """`MatMulInteger` with constant weights, as quantised models run it."""
    import onnx  # noqa: PLC0415 - heavy
    import onnxruntime  # noqa: PLC0415 - heavy

    rng = np.random.default_rng(0)
    weights = onnx.numpy_helper.from_array(rng.integers(-127, 127, (side, side), dtype=np.int8), "weights")
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMulInteger", ["left", "weights"], ["product"])],
        "peak",
        [onnx.helper.make_tensor_value_info("left", onnx.TensorProto.UINT8, [side, side])],
        [onnx.helper.make_tensor_value_info("product", onnx.TensorProto.INT32, [side, side])],
        [weights],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=10)
    options = session_options(EngineOptions(threads=threads))
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=[CPU_PROVIDER])
    left = {"left": rng.integers(0, 255, (side, side), dtype=np.uint8)}
    return lambda: session.run(None, left)
