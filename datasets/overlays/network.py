"""The text detector's network: stride 16, about 35 million multiplications a picture, small enough for the decoder."""

import io
import warnings

import torch
from torch import Tensor, nn

from moderation.media.text_presence import SIDE

STRIDE = 16


def network() -> nn.Sequential:
    """Float32 [N, 3, 384, 384] in 0 to 1, to logits [N, 1, 24, 24]: text or none in each field of 16 by 16."""
    return nn.Sequential(
        *_dense(3, 8, stride=2),
        *_dense(8, 16, stride=2),
        *_dense(16, 32, stride=2),
        *_separable(32, 32),
        *_dense(32, 48, stride=2),
        *_separable(48, 64),
        *_separable(64, 64, dilation=2),
        nn.Conv2d(64, 1, 1),
    )


def onnx_bytes(model: nn.Sequential) -> bytes:
    """The trained network as an ONNX file, with batch norms folded into the convolutions."""
    folded = _folded(model.eval())
    with io.BytesIO() as buffer, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The stub knows file names only; the exporter writes to any binary file.
        torch.onnx.export(folded, (torch.zeros(1, 3, SIDE, SIDE),), buffer, dynamo=False)  # type: ignore[arg-type]
        return buffer.getvalue()


def _dense(wide_in: int, wide_out: int, *, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(wide_in, wide_out, 3, stride, 1, bias=False),
        nn.BatchNorm2d(wide_out),
        nn.ReLU(inplace=True),
    ]


def _separable(wide_in: int, wide_out: int, *, dilation: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(wide_in, wide_in, 3, 1, dilation, dilation=dilation, groups=wide_in, bias=False),
        nn.BatchNorm2d(wide_in),
        nn.ReLU(inplace=True),
        nn.Conv2d(wide_in, wide_out, 1, bias=False),
        nn.BatchNorm2d(wide_out),
        nn.ReLU(inplace=True),
    ]


def _folded(model: nn.Sequential) -> nn.Sequential:
    layers: list[nn.Module] = []
    for layer in model:
        if isinstance(layer, nn.BatchNorm2d):
            before = layers.pop()
            assert isinstance(before, nn.Conv2d)
            layers.append(nn.utils.fuse_conv_bn_eval(before, layer))
        else:
            layers.append(layer)
    return nn.Sequential(*layers).eval()


def picture_logit(logits: Tensor, count: int = 4) -> Tensor:
    """[N]: the mean of the `count` highest logits of each picture."""
    return logits.flatten(1).topk(count, dim=1).values.mean(dim=1)
