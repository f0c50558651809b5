"""The text classifier as the lanes run it, beside a transformers pipeline of the same architecture in float32."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

from moderation.bench.signals.captions import captions
from moderation.bench.signals.order import Order
from moderation.bench.signals.table import Measured, at
from moderation.bench.signals.turns import Contender, timed
from moderation.domain.errors import ModelStoreError, NotFoundError
from moderation.domain.harm import HarmCategory
from moderation.domain.ids import Digest
from moderation.domain.signal import Surface
from moderation.signals.engine.flops import flops
from moderation.signals.engine.inference import Inference, Tensors
from moderation.signals.engine.modules import open_module
from moderation.signals.engine.options import Device, EngineOptions, Precision
from moderation.signals.engine.source import ModuleSource, sigmoid_scores
from moderation.signals.models import ModelStore
from moderation.signals.text_harm.model import MODEL, TextHarmModel
from moderation.signals.text_harm.product import Product

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn

BATCHES = (1, 8, 32)
CAPTIONS = 512
PADDING = "[PAD]"


def measure_minilm(order: Order) -> Measured:
    """Captions a second of the shipped classifier, tokenising and calibration included; without it, only a note."""
    store = ModelStore(order.models)
    try:
        product = Product.load(store, MODEL)
    except (ModelStoreError, NotFoundError) as error:
        return Measured((), {}, (f"The text classifier was not measured: {error.message}",))
    return _on_cuda(product, order) if order.cuda else _on_cpu(product, order)


def _on_cpu(product: Product, order: Order) -> Measured:
    texts = captions(CAPTIONS)
    tokenizer = _tokenizer(product)
    tokens = round(mean(len(tokenizer.encode(text).ids) for text in texts))
    operations = flops(product.model, inputs_of(tokens))
    model = TextHarmModel.of(product, threads=1)
    contenders = [
        Contender("text", "int8", rows, _scores(model, texts, rows), operations, Precision.INT8) for rows in BATCHES
    ]
    naive = _naive(tokenizer, texts, operations, Device.CPU)
    lines, _ = timed([*contenders, *naive], seconds=order.seconds)
    figures = {
        "text_single_per_s": at(lines, "text", "int8", 1),
        "text_batch_per_s": at(lines, "text", "int8", BATCHES[-1]),
        "text_gflop": operations / 1e9,
        "text_mean_tokens": float(tokens),
    }
    return Measured(tuple(lines), figures)


def _on_cuda(product: Product, order: Order) -> Measured:
    """The architecture in the engine with random weights: the shipped file is for CPUs."""
    texts = captions(CAPTIONS)
    tokenizer = _tokenizer(product)
    tokens = round(mean(len(tokenizer.encode(text).ids) for text in texts))
    operations = flops(product.model, inputs_of(tokens))
    lengths = frozenset({"input_ids", "attention_mask"})
    digest = Digest(sha256(b"MiniLM-L6, seed 0").hexdigest())
    source = ModuleSource("minilm", digest, minilm, _repeated(inputs_of(tokens), 4), lengths=lengths)
    source = replace(source, scores=sigmoid_scores)
    engine = open_module(source, EngineOptions(device=Device.CUDA, max_batch=max(BATCHES)))
    kind, device = engine.plan.precision, Device.CUDA
    contenders = [
        Contender("text", f"engine_{kind}", rows, _run(engine, inputs_of(tokens), rows), operations, kind, device)
        for rows in BATCHES
    ]
    naive = _naive(tokenizer, texts, operations, device)
    lines, _ = timed([*contenders, *naive], seconds=order.seconds)
    return Measured(tuple(lines), {}, (f"MiniLM on CUDA: {engine.plan.why}",))


def minilm() -> "nn.Module":
    """BERT with MiniLM-L6's sizes (6 layers, width 384, 12 heads) and a label for each category, random weights."""
    import torch  # noqa: PLC0415 - heavy
    from transformers import BertConfig, BertForSequenceClassification  # noqa: PLC0415 - heavy

    torch.manual_seed(0)
    config = BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    config.num_labels = len(HarmCategory)
    config.problem_type = "multi_label_classification"
    module: nn.Module = BertForSequenceClassification(config)
    return module.train(mode=False)


def inputs_of(tokens: int) -> Tensors:
    """One text of that many tokens."""
    return {"input_ids": np.ones((1, tokens), np.int64), "attention_mask": np.ones((1, tokens), np.int64)}


def _tokenizer(product: Product) -> "Tokenizer":
    from tokenizers import Tokenizer  # noqa: PLC0415 - heavy

    tokenizer = Tokenizer.from_buffer(product.tokenizer)
    tokenizer.no_padding()
    return tokenizer


def _scores(model: TextHarmModel, texts: Sequence[str], rows: int) -> Callable[[], object]:
    """Other captions at each call, so that nothing can be remembered."""
    turns = itertools.cycle(range(0, len(texts) - rows + 1, rows))

    def call() -> object:
        start = next(turns)
        return model.scores(texts[start : start + rows], Surface.CAPTION)

    return call


def _naive(tokenizer: "Tokenizer", texts: Sequence[str], operations: float, device: Device) -> list[Contender]:
    from transformers import PreTrainedTokenizerFast, pipeline  # noqa: PLC0415 - heavy

    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PADDING)  # type: ignore[no-untyped-call]
    make: Any = pipeline
    classify = make("text-classification", model=minilm(), tokenizer=wrapped, device=str(device), top_k=None)

    def call(rows: int) -> Callable[[], object]:
        turns = itertools.cycle(range(0, len(texts) - rows + 1, rows))

        def batch() -> object:
            start = next(turns)
            return classify(list(texts[start : start + rows]), batch_size=rows)

        return batch

    return [
        Contender("text", "pipeline_float32", rows, call(rows), operations, Precision.FLOAT32, device, naive=True)
        for rows in BATCHES
    ]


def _repeated(inputs: Tensors, rows: int) -> Tensors:
    return {name: np.repeat(array, rows, axis=0) for name, array in inputs.items()}


def _run(engine: Inference, inputs: Tensors, rows: int) -> Callable[[], object]:
    batch = _repeated(inputs, rows)
    return lambda: engine.run(batch)
