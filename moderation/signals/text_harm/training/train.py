"""Training from beginning to end: examples in, the three files of a product out."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import Digest
from moderation.signals.text_harm.model import TextHarmModel
from moderation.signals.text_harm.product import CALIBRATION_FILE, MODEL_FILE, TOKENIZER_FILE, Product
from moderation.signals.text_harm.readings import reader_of
from moderation.signals.text_harm.training.batches import Corpus, TrainingRow
from moderation.signals.text_harm.training.calibrate import Measured, fit_calibration, uncalibrated
from moderation.signals.text_harm.training.encoder import features
from moderation.signals.text_harm.training.examples import Example, Options, Part, capped, label_matrix
from moderation.signals.text_harm.training.export import quantised
from moderation.signals.text_harm.training.linear import Heads, fit_heads
from moderation.signals.text_harm.training.tune import Progress, tune_often
from moderation.signals.text_harm.training.words import Words, fit_words

if TYPE_CHECKING:
    from transformers import BertModel


def train(
    examples: Sequence[Example],
    base: tuple["BertModel", bytes],
    options: Options,
    out: Path,
    progress: Progress | None = None,
) -> Product:
    """Train on the examples of the training part, calibrate on those of validation, and write the product to `out`.

    `base` is the pretrained encoder with its `tokenizer.json`. The same examples, options and machine give the same
    product. Raises `InvalidInputError` when a part is empty or a label is neither 1 nor 0.
    """
    import torch  # noqa: PLC0415 - only training needs it

    say = progress or (lambda _: None)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    chosen = capped([example for example in examples if example.part is Part.TRAIN], options)
    validation = [example for example in examples if example.part is Part.VALIDATION]
    if not chosen or not validation:
        raise InvalidInputError("Training needs examples of both parts, training and validation.")
    encoder, tokenizer_file = base
    encode = Encoding(tokenizer_file)
    say(f"{len(chosen)} training and {len(validation)} validation examples")
    sentences = [example for example in chosen if example.source not in options.word_sources]
    corpus, heads = _corpus(encoder, encode, sentences, options)
    words = _words(encode, corpus, sentences, chosen, options)
    say("the first model is fitted")
    tuned, mixed = tune_often(encoder, heads, corpus, options, say)
    model = quantised(tuned, mixed, words)
    say(f"exported, {len(model) / 1e6:.1f} MB")
    product = calibrated(model, tokenizer_file, validation, options)
    write(product, out)
    return product


def calibrated(model: bytes, tokenizer: bytes, validation: Sequence[Example], options: Options) -> Product:
    """The product of a model file, with curves and thresholds fitted to what exactly this file answers."""
    digests = sha256(model).hexdigest(), sha256(tokenizer).hexdigest()
    windows = options.window_tokens, options.part_tokens
    plain = uncalibrated(*digests, *windows)
    runner = TextHarmModel.of(Product(model, tokenizer, plain, Digest(digests[0])), threads=options.threads)
    logits = runner.read([example.text for example in validation]).logits.astype(np.float64)
    shown = np.flatnonzero(np.isfinite(logits).all(axis=1)).tolist()
    kept = [validation[place] for place in shown]
    calibration = fit_calibration(Measured(kept, logits[shown]), options.limits, *digests, *windows)
    return Product(model, tokenizer, calibration, Digest(digests[0]))


def write(product: Product, out: Path) -> None:
    """Write the three files of a product into a folder, which is made."""
    out.mkdir(parents=True, exist_ok=True)
    (out / MODEL_FILE).write_bytes(product.model)
    (out / TOKENIZER_FILE).write_bytes(product.tokenizer)
    document = product.calibration.model_dump_json(indent=1)
    (out / CALIBRATION_FILE).write_text(document + "\n", encoding="utf-8")


class Encoding:
    """The tokens of a text as the classifier reads it, all spelling tricks undone; can be sent to another process."""

    def __init__(self, tokenizer_file: bytes) -> None:
        from tokenizers import Tokenizer  # noqa: PLC0415

        self._file = tokenizer_file
        self.tokenizer = Tokenizer.from_buffer(tokenizer_file)
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self._reader = reader_of(self.tokenizer)

    def __reduce__(self) -> tuple[type["Encoding"], tuple[bytes]]:
        """Rebuild from the tokenizer's file."""
        return Encoding, (self._file,)

    def __call__(self, text: str) -> list[int]:
        """Token ids without marks; none for a text without a word."""
        readings = self._reader.readings(text)
        return list(self.tokenizer.encode(readings[-1], add_special_tokens=False).ids) if readings else []


def _corpus(
    encoder: "BertModel", encode: Encoding, examples: Sequence[Example], options: Options
) -> tuple[Corpus, Heads]:
    texts = [example.text for example in examples]
    tokens = [encode(text) for text in texts]
    first, last = encode.tokenizer.encode("").ids
    room = options.train_tokens - 2
    states = features(encoder, [[first, *row[:room], last] for row in tokens])
    labels = label_matrix(examples)
    weights = np.array([options.weights.get(example.source, 1.0) for example in examples], np.float32)
    heads = fit_heads(states, labels, weights)
    opinions = 1.0 / (1.0 + np.exp(-heads.logits(states)))
    rows = [TrainingRow(own, labels[place], opinions[place], float(weights[place])) for place, own in enumerate(tokens)]
    return Corpus(texts, rows, encode, (first, last)), heads


def _words(
    encode: Encoding, corpus: Corpus, sentences: Sequence[Example], chosen: Sequence[Example], options: Options
) -> Words:
    """The sum over word pieces, of the corpus and of the examples that stand in `options.word_sources`."""
    listed = [example for example in chosen if example.source in options.word_sources]
    weights = [row.weight for row in corpus.rows] + [options.weights.get(each.source, 1.0) for each in listed]
    tokens = [row.tokens for row in corpus.rows] + [encode(example.text) for example in listed]
    labels = label_matrix([*sentences, *listed])
    return fit_words(tokens, labels, np.array(weights, np.float32), encode.tokenizer.get_vocab_size())
