"""The head that the text detector is: two small convolutions over deep features of the reader's detection network."""

import io
import warnings

import torch
from torch import Tensor, nn

from moderation.signals.picture_text.presence import DEEP, DEEP_CHANNELS, LOGITS, TOP_FIELDS, WIDE, WIDE_CHANNELS

INNER = 48
DROPPED = 0.1


class Head(nn.Module):
    """`wide` [N, 96, 2 rows, 2 columns] and `deep` [N, 192, rows, columns] to logits [N, 1, rows, columns]."""

    centre: Tensor
    spread: Tensor

    def __init__(self, centre: Tensor, spread: Tensor) -> None:
        """`centre` and `spread` of the 288 features, by which they are evened out."""
        super().__init__()
        self.register_buffer("centre", centre[None, :, None, None])
        self.register_buffer("spread", spread[None, :, None, None])
        self.layers = nn.Sequential(
            nn.Conv2d(WIDE_CHANNELS + DEEP_CHANNELS, INNER, 1),
            nn.ReLU(),
            nn.Conv2d(INNER, INNER, 3, padding=1, groups=INNER),
            nn.ReLU(),
            nn.Dropout2d(DROPPED),
            nn.Conv2d(INNER, 1, 1),
        )

    def forward(self, wide: Tensor, deep: Tensor) -> Tensor:
        """The logits of each field of 16 by 16 pixels: text or none."""
        return self.fields(joined(wide, deep))

    def fields(self, features: Tensor) -> Tensor:
        """The same from `joined` features."""
        found: Tensor = self.layers((features - self.centre) / self.spread)
        return found


def joined(wide: Tensor, deep: Tensor) -> Tensor:
    """Both features of each field: [N, 288, rows, columns]."""
    return torch.cat([nn.functional.max_pool2d(wide, 2), deep], dim=1)


def onnx_bytes(head: Head) -> bytes:
    """The trained head as an ONNX file for pictures of any shape."""
    wide, deep = torch.zeros(1, WIDE_CHANNELS, 40, 40), torch.zeros(1, DEEP_CHANNELS, 20, 20)
    free = {WIDE: {2: "rows", 3: "columns"}, DEEP: {2: "half_rows", 3: "half_columns"}}
    with io.BytesIO() as buffer, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The stub knows file names only; the exporter writes to any binary file.
        torch.onnx.export(
            head.eval(),
            (wide, deep),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            input_names=[WIDE, DEEP],
            output_names=[LOGITS],
            dynamic_axes=free,
        )
        return buffer.getvalue()


def picture_logit(fields: Tensor) -> Tensor:
    """[N]: the mean of the highest logits of each picture."""
    return fields.flatten(1).topk(TOP_FIELDS, dim=1).values.mean(dim=1)
