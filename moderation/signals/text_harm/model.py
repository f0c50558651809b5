"""Runs the text classifier: every distinct text once, whatever surface it stands on, in batches of like length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from moderation.domain.errors import ModelStoreError
from moderation.domain.harm import HarmCategory
from moderation.domain.ids import Digest
from moderation.domain.signal import Surface
from moderation.signals.engine.inference import InferenceError
from moderation.signals.engine.onnx_session import CPU_PROVIDER, session_options
from moderation.signals.engine.options import EngineOptions
from moderation.signals.engine.row_wise import row_wise
from moderation.signals.engine.self_contained import check_self_contained
from moderation.signals.models import ModelStore
from moderation.signals.text_harm.calibration import Calibration
from moderation.signals.text_harm.product import MODEL_FILE, TOKENIZER_FILE, Product
from moderation.signals.text_harm.readings import reader_of
from moderation.signals.text_harm.windows import Window, part_spans, together, whole_spans

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

MODEL = "text-harm"
BATCH_TOKENS = 256
"""Tokens of one run of the encoder, padding included: larger batches are no faster, and hold more padding."""
MOST_TOKENS = 8_000
"""Tokens of one reading. English has them in 35,000 characters; some single characters stand for 15 each."""
CATEGORIES = tuple(HarmCategory)


@dataclass(frozen=True, slots=True)
class Readout:
    """What one pass gave for N texts.

    `logits` has shape (N, 8), minus infinity for a text that shows nothing, NaN for one that was not read; `embeddings`
    has shape (N, width), rows of length one, or all zero for such texts.
    """

    logits: NDArray[np.float32]
    embeddings: NDArray[np.float32]


class TextHarmModel:
    """The classifier in ONNX Runtime with its tokenizer and calibration. Safe to share between threads."""

    def __init__(self, session: "InferenceSession", tokenizer: "Tokenizer", product: Product) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self.calibration: Calibration = product.calibration
        self.digest: Digest = product.digest
        self._width = int(session.get_outputs()[1].shape[1])
        self._marks = tokenizer.encode("").ids
        self._reader = reader_of(tokenizer)

    @classmethod
    def load(cls, store: ModelStore, *, threads: int, name: str = MODEL) -> "TextHarmModel":
        """The model that the store has under `name`; `threads` bounds inference. Raises `ModelStoreError`."""
        return cls.of(Product.load(store, name), threads=threads)

    @classmethod
    def of(cls, product: Product, *, threads: int) -> "TextHarmModel":
        """The model of a product. Raises `ModelStoreError` when its files cannot be loaded or do not fit.

        Its activations are quantised row by row, so that a text's scores are the same whatever stands in its batch.
        """
        import onnxruntime  # noqa: PLC0415 - heavy imports that the command line and the API never need
        from tokenizers import Tokenizer  # noqa: PLC0415

        options = session_options(EngineOptions(threads=threads))
        try:
            check_self_contained(product.model)
            model = row_wise(product.model)
            session = onnxruntime.InferenceSession(model, options, providers=[CPU_PROVIDER])
        except Exception as error:
            raise ModelStoreError(f"{MODEL_FILE} cannot be loaded: {str(error)[:200]}.") from error
        try:
            tokenizer = Tokenizer.from_buffer(product.tokenizer)
        except Exception as error:
            raise ModelStoreError(f"{TOKENIZER_FILE} cannot be loaded: {str(error)[:200]}.") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        _check_graph(session, tokenizer)
        return cls(session, tokenizer, product)

    def scores(self, texts: Sequence[str], surface: Surface) -> NDArray[np.float64]:
        """Calibrated scores 0 to 1 of shape (texts, 8), categories in their order; 0 for an empty text."""
        return self.calibrated(self.read(texts).logits, surface)

    def calibrated(self, logits: NDArray[np.float32], surface: Surface) -> NDArray[np.float64]:
        """The calibrated scores of a readout's logits on one surface; 0 where the logits are minus infinity.

        What is not a number stays so, and is no score.
        """
        shown = ~np.isneginf(logits)
        scores = self.calibration.apply(np.where(shown, logits, 0.0), surface)
        return np.where(shown, scores, 0.0)

    def embeddings(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of shape (texts, width); a row of zeros for an empty text."""
        return self.read(texts).embeddings

    def read(self, texts: Sequence[str], *, budget: int | None = None) -> Readout:
        """One pass over the distinct texts; `windows.together` says what counts of a text read in several pieces.

        With a `budget` in tokens the cheapest texts are read first, and the logits of those that no longer fit, or have
        a reading of more than `MOST_TOKENS`, are NaN. Without one such a reading raises `InferenceError`, and so does
        an answer of the model that is not finite.
        """
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        windows, unread = self._windows(list(places), budget)
        found, vectors = self._run([window.tokens for window in windows])
        logits = together(windows, found, len(places))
        logits[unread] = np.nan
        embeddings = np.zeros((len(places), self._width), np.float32)
        plain = [place for place, window in enumerate(windows) if window.is_plain and not window.is_part]
        np.add.at(embeddings, [windows[place].text for place in plain], vectors[plain])
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        embeddings /= np.where(lengths > 0, lengths, 1.0)
        index = np.array([places[text] for text in texts], np.intp)
        return Readout(logits[index], embeddings[index])

    def _windows(self, texts: Sequence[str], budget: int | None) -> tuple[list[Window], list[int]]:
        """The windows of the texts that are read, and the numbers of those that are not."""
        readings = count()
        own = [self._windows_of(number, text, readings) for number, text in enumerate(texts)]
        if budget is None:
            for tokens, _ in own:
                if tokens > MOST_TOKENS:
                    raise InferenceError(f"A text has {tokens} tokens; at most {MOST_TOKENS} are read.")
            return [window for _, windows in own for window in windows], []
        costs = [sum(len(window.tokens) for window in windows) for _, windows in own]
        windows, unread = [], []
        for number in sorted(range(len(texts)), key=lambda number: costs[number]):
            budget -= costs[number]
            if budget < 0 or own[number][0] > MOST_TOKENS:
                unread.append(number)
            else:
                windows += own[number][1]
        return windows, unread

    def _windows_of(self, number: int, text: str, readings: Iterator[int]) -> tuple[int, list[Window]]:
        """The tokens of a text's longest reading, and the windows of its readings unless those are too many."""
        longest = 0
        windows: list[Window] = []
        for place, (spelled, reading) in enumerate(zip(self._reader.readings(text), readings, strict=False)):
            valid = spelled.encode("utf-8", "replace").decode()  # the tokenizer takes no lone surrogates
            tokens = self._tokenizer.encode(valid, add_special_tokens=False).ids
            longest = max(longest, len(tokens))
            if longest > MOST_TOKENS:
                return longest, []
            for span, is_part in self._spans(len(tokens)):
                marked = (self._marks[0], *tokens[span], *self._marks[1:])
                windows.append(Window(marked, number, reading, place == 0, is_part))
        return longest, windows

    def _spans(self, length: int) -> list[tuple[slice, bool]]:
        marks = len(self._marks)
        whole = whole_spans(length, self.calibration.max_tokens - marks)
        part = self.calibration.part_tokens
        parts = part_spans(length, part - marks) if part else []
        return [*((span, False) for span in whole), *((span, True) for span in parts)]

    def _run(self, windows: Sequence[Sequence[int]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        logits = np.empty((len(windows), len(CATEGORIES)), np.float32)
        vectors = np.empty((len(windows), self._width), np.float32)
        order = sorted(range(len(windows)), key=lambda place: len(windows[place]), reverse=True)
        start = 0
        while start < len(order):
            width = len(windows[order[start]])
            chosen = order[start : start + max(1, BATCH_TOKENS // width)]
            tokens = np.zeros((len(chosen), width), np.int64)
            mask = np.zeros((len(chosen), width), np.int64)
            for row, place in enumerate(chosen):
                tokens[row, : len(windows[place])] = windows[place]
                mask[row, : len(windows[place])] = 1
            found = self._session.run(None, {"input_ids": tokens, "attention_mask": mask})
            logits[chosen], vectors[chosen] = found[0], found[1]
            start += len(chosen)
        if not (np.isfinite(logits).all() and np.isfinite(vectors).all()):
            raise InferenceError("The text classifier gave numbers that are not finite.")
        return logits, vectors


def _check_graph(session: "InferenceSession", tokenizer: "Tokenizer") -> None:
    inputs = [item.name for item in session.get_inputs()]
    outputs = [(item.name, item.shape[-1]) for item in session.get_outputs()]
    if inputs != ["input_ids", "attention_mask"] or len(outputs) != len(("logits", "sentence_embedding")):
        raise ModelStoreError(f"{MODEL_FILE} is not a text classifier of this kind: {inputs}, {outputs}.")
    if outputs[0] != ("logits", len(CATEGORIES)) or outputs[1][0] != "sentence_embedding":
        raise ModelStoreError(f"{MODEL_FILE} does not have the outputs that are expected: {outputs}.")
    if len(tokenizer.encode("").ids) != len(("[CLS]", "[SEP]")):
        raise ModelStoreError(f"{TOKENIZER_FILE} does not put one mark before and one after a text.")
