"""From torch to the file that ships: ONNX, weights and activations in eight bits, weights per channel."""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from moderation.domain.harm import HarmCategory
from moderation.signals.text_harm.training.linear import Heads
from moderation.signals.text_harm.training.words import MOST, SHARE, Words

if TYPE_CHECKING:
    import torch
    from transformers import BertModel

OPSET = 18
FLOAT_FILE = "model.onnx"


def export_float(encoder: "BertModel", heads: Heads, words: Words, path: Path) -> None:
    """Write the classifier in float32: token ids and mask in, the categories' logits and a unit vector out."""
    import torch  # noqa: PLC0415 - only training needs it

    module = _classifier(encoder, heads, words)
    rows, tokens = torch.export.Dim("rows", min=1), torch.export.Dim("tokens", min=2)
    example = (torch.full((2, 16), 1, dtype=torch.long), torch.ones((2, 16), dtype=torch.long))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            example,
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits", "sentence_embedding"],
            dynamic_shapes={"ids": {0: rows, 1: tokens}, "mask": {0: rows, 1: tokens}},
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def quantised(encoder: "BertModel", heads: Heads, words: Words) -> bytes:
    """The classifier with int8 weights per output channel and activations quantised as they come."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    with TemporaryDirectory(prefix="text-harm-") as folder:
        source, target = Path(folder) / FLOAT_FILE, Path(folder) / "int8.onnx"
        export_float(encoder, heads, words, source)
        _forget_shapes(source)
        quantize_dynamic(source, target, per_channel=True, weight_type=QuantType.QInt8)
        return target.read_bytes()


def _forget_shapes(path: Path) -> None:
    """Drop the shapes of inner values: the exporter names some wrongly, and the quantiser finds them out itself."""
    import onnx  # noqa: PLC0415

    model = onnx.load(path)
    del model.graph.value_info[:]
    onnx.save(model, path)


def _classifier(encoder: "BertModel", heads: Heads, words: Words) -> "torch.nn.Module":
    import torch  # noqa: PLC0415

    categories = len(HarmCategory)

    class Classifier(torch.nn.Module):
        """Encoder, mean over the tokens, one linear function per category; the sum over the distinct word pieces."""

        words: torch.Tensor
        start: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder
            self.head = torch.nn.Linear(heads.weight.shape[1], categories)
            weight, bias = heads.weight[:categories], heads.bias[:categories]
            self.head.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
            self.register_buffer("words", torch.from_numpy(words.weight[:, :categories].copy()))
            self.register_buffer("start", torch.from_numpy(words.bias[:categories].copy()))

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1).to(states.dtype)
            mean = (states * weights).sum(1) / weights.sum(1)
            times = (ids.unsqueeze(2) == ids.unsqueeze(1)).to(states.dtype).sum(2, keepdim=True)
            sums = (torch.nn.functional.embedding(ids, self.words) * weights / times).sum(1) + self.start
            logits = self.head(mean) + SHARE * sums.clamp(-MOST, MOST)
            return logits, torch.nn.functional.normalize(mean, dim=-1)

    return Classifier().train(False)
