import torch

from moderation.signals.engine.options import Precision
from moderation.signals.engine.torch_cpu import in_precision


def test_int8_has_a_scale_for_each_output_channel() -> None:
    layer = torch.nn.Linear(4, 3)
    layer.weight = torch.nn.Parameter(torch.tensor([[1.0], [10.0], [100.0]]).repeat(1, 4))
    quantised = in_precision(torch.nn.Sequential(layer), Precision.INT8)
    weight = quantised[0].weight()  # type: ignore[index]
    assert weight.qscheme() == torch.per_channel_affine
    assert torch.allclose(weight.dequantize(), layer.weight, rtol=0.01)
