"""Caption and prompt judged by a transformers text classifier that a registry entry describes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from moderation.domain.errors import ModelStoreError
from moderation.domain.ids import Digest
from moderation.domain.signal import Score, SignalResult, SignalSpec, Value
from moderation.media.subject import Subject
from moderation.media.text import fold
from moderation.signals.engine.inference import Inference, Tensors
from moderation.signals.engine.source import ModuleSource
from moderation.signals.hub_checkpoint import WEIGHTS, check_labels, json_file, load_module, read_config
from moderation.signals.hub_scores import Scores, label_columns
from moderation.signals.hub_specs import TEXTS, classifier_of, hub_spec
from moderation.signals.models import ModelStore
from moderation.signals.pictures.classifier import LOGITS, OpenInference
from moderation.signals.registry import Classifier, ModelEntry

if TYPE_CHECKING:
    from tokenizers import Tokenizer

IDS = "input_ids"
MASK = "attention_mask"
TOKENIZER = "tokenizer.json"
VOCABULARY = "vocab.txt"
TOKENIZER_CONFIG = "tokenizer_config.json"
OVERLAP_TOKENS = 32
"""Long texts are read in pieces that overlap, so that no sentence is cut at every reading."""
PIECES_AT_ONCE = 32
EXAMPLE_TEXTS = (
    "A lighthouse on a cliff at sunset, oil on canvas.",
    "you are the worst, go away",
    "portrait of an old fisherman, 35 mm, soft light, highly detailed, award winning photograph, film grain",
    "she said she would hurt him",
)


@dataclass(frozen=True, slots=True)
class Pieces:
    """Token ids of consecutive pieces of texts: `owners[i]` is the text that `ids[i]` is a piece of."""

    ids: tuple[tuple[int, ...], ...]
    owners: tuple[int, ...]


class HubTextClassifier:
    """A text classifier of the registry, loaded. Of a text the worst piece and reading count; an empty one scores 0."""

    def __init__(self, entry: ModelEntry, labels: Sequence[str], tokenizer: "Tokenizer", inference: Inference) -> None:
        self._spec = hub_spec(entry)
        self._classifier = classifier_of(entry)
        self._labels = tuple(labels)
        self._tokenizer = tokenizer
        self.inference = inference
        self.models: dict[str, Digest] = {entry.name: entry.digest}

    @property
    def spec(self) -> SignalSpec:
        """Made from the registry entry."""
        return self._spec

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """Caption and prompt of every post, in one pass."""
        texts = [str(getattr(subject.post, surface)) for subject in batch for surface in TEXTS]
        rows = self.scores(texts).reshape(len(batch), len(self._spec.columns))
        names = [column.name for column in self._spec.columns]
        results: list[SignalResult] = []
        for row in rows:
            values: dict[str, Value] = {name: float(score) for name, score in zip(names, row, strict=True)}
            results.append(Score(self._spec.name, values))
        return results

    def scores(self, texts: Sequence[str]) -> Scores:
        """One row of the entry's columns for each text; NaN, were there one, stays NaN."""
        pieces = split(self._tokenizer, texts)
        found = np.zeros((len(texts), len(self._classifier.columns)))
        order = sorted(range(len(pieces.ids)), key=lambda place: len(pieces.ids[place]))
        for start in range(0, len(order), PIECES_AT_ONCE):
            places = order[start : start + PIECES_AT_ONCE]
            logits = self.inference.run(padded([pieces.ids[place] for place in places]))[LOGITS]
            columns = label_columns(logits, self._classifier, self._labels)
            np.maximum.at(found, [pieces.owners[place] for place in places], columns)
        return found


def load_text_classifier(store: ModelStore, name: str, open_inference: OpenInference) -> HubTextClassifier:
    """The classifier of that name. Raises as `load_image_classifier` does."""
    entry = store.entry(name)
    classifier = classifier_of(entry)
    config = read_config(store, name)
    labels = check_labels(name, config, classifier.labels)
    tokenizer = read_tokenizer(store, name, classifier, most=getattr(config, "max_position_embeddings", None))
    store.path(name, WEIGHTS)
    source = ModuleSource(
        name=name,
        digest=entry.digest,
        load=lambda: load_module(store, name, config, "text"),
        example=padded(split(tokenizer, EXAMPLE_TEXTS).ids),
        lengths=frozenset({IDS, MASK}),
        scores=lambda outputs: label_columns(outputs[LOGITS], classifier, labels).astype(np.float32),
    )
    return HubTextClassifier(entry, labels, tokenizer, open_inference(source))


def read_tokenizer(store: ModelStore, name: str, classifier: Classifier, *, most: int | None) -> "Tokenizer":
    """The model's own tokenizer, cutting texts into overlapping pieces of at most `max_tokens`.

    From tokenizer.json, or for BERT from vocab.txt. Raises `ModelStoreError`.
    """
    length = classifier.max_tokens or 0
    if most is not None and length > most:
        raise ModelStoreError(f"{name} reads at most {most} tokens, and its entry says {length}.")
    try:
        tokenizer = _tokenizer(store, name)
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # "[SEP]" in a caption is three signs and a word, and ends nothing
        tokenizer.enable_truncation(length, stride=min(OVERLAP_TOKENS, length // 4))
    except ModelStoreError:
        raise
    except Exception as error:
        raise ModelStoreError(f"{name} has no tokenizer: {' '.join(str(error).split())[:300]}") from error
    return tokenizer


def split(tokenizer: "Tokenizer", texts: Sequence[str]) -> Pieces:
    """The texts in pieces, in every reading; a text without a letter or sign has none."""
    ids: list[tuple[int, ...]] = []
    owners: list[int] = []
    for owner, text in enumerate(texts):
        for reading in readings(text):
            first = tokenizer.encode(reading.encode("utf-8", "replace").decode())  # it takes no lone surrogates
            pieces = [tuple(piece.ids) for piece in (first, *first.overflowing) if piece.ids]
            ids += pieces
            owners += [owner] * len(pieces)
    return Pieces(tuple(ids), tuple(owners))


def readings(text: str) -> tuple[str, ...]:
    """The text as it is, and folded where more than letter case changes: look-alike letters and hidden signs undone."""
    if not text.strip():
        return ()
    folded = fold(text).text
    return (text,) if folded in (text.lower(), "") else (text, folded)


def padded(pieces: Sequence[Sequence[int]]) -> Tensors:
    """Ids and mask of shape (pieces, length), int64, filled with zeros that the mask leaves out.

    The length is at least 2, as exported models want it.
    """
    length = max(2, *(len(piece) for piece in pieces))
    ids = np.zeros((len(pieces), length), np.int64)
    mask = np.zeros_like(ids)
    for row, piece in enumerate(pieces):
        ids[row, : len(piece)] = piece
        mask[row, : len(piece)] = 1
    return {IDS: ids, MASK: mask}


def _tokenizer(store: ModelStore, name: str) -> "Tokenizer":
    from tokenizers import Tokenizer  # noqa: PLC0415 - comes with transformers, needed here only

    entry = store.entry(name)
    if entry.has(TOKENIZER):
        found: Tokenizer = Tokenizer.from_str(store.read(name, TOKENIZER).decode())
        return found
    words = store.read(name, VOCABULARY).decode().splitlines()
    facts = json_file(store, name, TOKENIZER_CONFIG) if entry.has(TOKENIZER_CONFIG) else {}
    return _word_pieces(words, lowercase=bool(facts.get("do_lower_case", True)))


def _word_pieces(words: Sequence[str], *, lowercase: bool) -> "Tokenizer":
    """BERT's tokenizer (Devlin et al., 2018) over a vocabulary with one token a line."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors  # noqa: PLC0415 - see above

    vocabulary = {word: index for index, word in enumerate(words)}
    ends = [(word, vocabulary[word]) for word in ("[SEP]", "[CLS]")]
    made: Tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106 - no password
    made.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(*ends)
    return made
