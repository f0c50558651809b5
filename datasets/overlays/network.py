"""The text detector's network: stride 16, about 55 million multiplications a picture, small enough for the decoder."""

import io
import warnings
from itertools import pairwise

import onnx
import torch
from torch import Tensor, nn

from moderation.media.text_presence import SIDE

STRIDE = 16


def network() -> nn.Sequential:
    """Float32 [N, 3, 384, 384] in 0 to 1, to logits [N, 1, 24, 24]: text or none in each field of 16 by 16."""
    return nn.Sequential(
        _halving(3, 8),
        _halving(8, 16),
        _halving(16, 32),
        Separable(32),
        Separable(32),
        _halving(32, 64),
        Separable(64),
        Separable(64, dilation=2),
        Separable(64),
        nn.Conv2d(64, 1, 1),
    )


class Separable(nn.Module):
    """A depthwise and a pointwise convolution beside a direct way: more layers for few multiplications."""

    def __init__(self, width: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, 1, dilation, dilation=dilation, groups=width, bias=False)
        self.first = nn.BatchNorm2d(width)
        self.pointwise = nn.Conv2d(width, width, 1, bias=False)
        self.second = nn.BatchNorm2d(width)

    def forward(self, values: Tensor) -> Tensor:
        """Values of the same shape."""
        inner = torch.relu(self.first(self.depthwise(values)))
        return torch.relu(values + self.second(self.pointwise(inner)))


def onnx_bytes(model: nn.Sequential) -> bytes:
    """The trained network as an ONNX file; the exporter folds the batch norms into the convolutions."""
    with io.BytesIO() as buffer, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The stub knows file names only; the exporter writes to any binary file.
        torch.onnx.export(model.eval(), (torch.zeros(1, 3, SIDE, SIDE),), buffer, dynamo=False)  # type: ignore[arg-type]
        return buffer.getvalue()


def restore(model: nn.Sequential, file: bytes) -> None:
    """Take over the weights of `file`, which `onnx_bytes` made; batch norms stay fixed, as factors and offsets.

    Raises `ValueError` when the file is of another network.
    """
    graph = onnx.load_from_string(file).graph
    kept = {tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
    kept |= {node.output[0]: kept[node.input[0]] for node in graph.node if node.op_type == "Identity"}
    stated = [[kept[name] for name in node.input[1:]] for node in graph.node if node.op_type == "Conv"]
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)]
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    if [tuple(layer.weight.shape) for layer in convolutions] != [tuple(tensors[0].shape) for tensors in stated]:
        raise ValueError("the file is of another network")
    with torch.no_grad():
        for layer, (weight, offset) in zip(convolutions, stated, strict=True):
            layer.weight.copy_(weight)
            norm = next((after for before, after in pairwise(layers) if before is layer), None)
            if isinstance(norm, nn.BatchNorm2d):
                norm.weight.fill_((1 + norm.eps) ** 0.5)
                norm.bias.copy_(offset)
            elif layer.bias is not None:
                layer.bias.copy_(offset)
    model.eval()


def picture_logit(logits: Tensor, count: int = 4) -> Tensor:
    """[N]: the mean of the `count` highest logits of each picture."""
    return logits.flatten(1).topk(count, dim=1).values.mean(dim=1)


def _halving(wide_in: int, wide_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(wide_in, wide_out, 3, 2, 1, bias=False), nn.BatchNorm2d(wide_out), nn.ReLU(inplace=True)
    )
