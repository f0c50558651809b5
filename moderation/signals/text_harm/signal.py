"""`text_harm`: eight kinds of harm in the caption, the prompt and the text in the picture, by one classifier."""

from collections.abc import Sequence

import numpy as np

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
    Value,
)
from moderation.media.subject import Subject
from moderation.signals.contract import picture_text
from moderation.signals.models import ModelStore
from moderation.signals.text_harm.calibration import SURFACES
from moderation.signals.text_harm.model import CATEGORIES, MODEL, Readout, TextHarmModel
from moderation.signals.text_harm.thresholds import thresholds

WARM_UP = "A lighthouse on a cliff at sunset."
"""Read when the model is loaded, so that the first post does not wait for what is made then."""
MOST_BATCH_TOKENS = 120_000
"""Tokens read of one batch, parts that overlap counted each: about 10 s of one core. Ordinary batches have a tenth."""
PICTURE_TEXT = "picture_text"
"""The signal that reads the picture; its score's detail has the text."""

_WORDS = {
    HarmCategory.SEXUAL: "sexual content",
    HarmCategory.HATE: "hate against a group",
    HarmCategory.HATE_THREAT: "hate with a threat of violence",
    HarmCategory.VIOLENCE: "violence",
    HarmCategory.VIOLENCE_GRAPHIC: "graphic violence",
    HarmCategory.HARASSMENT: "harassment",
    HarmCategory.SELF_HARM: "self-harm",
    HarmCategory.UNSAFE: "asking for a picture that people would call unsafe",
}
_SIMILARITIES = (
    ("caption_prompt_similarity", Surface.CAPTION, Surface.PROMPT),
    ("prompt_picture_text_similarity", Surface.PROMPT, Surface.PICTURE_TEXT),
)


def column(surface: Surface, category: HarmCategory) -> str:
    """The name of a score's column."""
    return f"{surface}_{category}_score"


COLUMN_OF = tuple(
    (column(surface, category), surface, category)
    for surface in SURFACES
    for category in HarmCategory
    if surface is Surface.PROMPT or category is not HarmCategory.UNSAFE
)
"""Every score's column with its surface and category; "unsafe" is a question about prompts only."""


def _columns() -> tuple[Column, ...]:
    scores = tuple(
        Column(
            name,
            ColumnKind.FLOAT,
            f"How likely the {surface.replace('_', ' ')} is {_WORDS[category]}; 0 without text"
            + (", NULL when the picture was not read" if surface is Surface.PICTURE_TEXT else ""),
            low=0.0,
            high=1.0,
            nullable=surface is Surface.PICTURE_TEXT,
            recommended=thresholds(surface, category),
        )
        for name, surface, category in COLUMN_OF
    )
    return scores + tuple(
        Column(
            name,
            ColumnKind.FLOAT,
            f"How alike the {left} and the {str(right).replace('_', ' ')} are in meaning: 1 the same, around 0 "
            "unrelated; NULL when one of them is empty or was not read",
            low=-1.0,
            high=1.0,
            nullable=True,
        )
        for name, left, right in _SIMILARITIES
    )


TEXT_HARM = SignalSpec(
    name="text_harm",
    version="2",
    surface=Surface.POST,
    description="Kinds of harm in the caption, the prompt and the text in the picture: calibrated probabilities.",
    columns=_columns(),
    cost_ms=6.0,
    models=(MODEL,),
    known_failures=(
        "English only: other languages score as noise, and texts without three Latin letters in a row score 0.",
        "Implicit hate and prompts that ask for harm in harmless words are often missed.",
        "Counter-speech, quoted and reclaimed slurs score like any other use.",
        "Texts longer than 256 tokens are read in pieces: harm that only the whole shows is missed.",
        (
            "Likeness of caption and prompt is weak: of plainly worded pairs 80 % of strangers and 7 % of true ones "
            "lie below 0.3, 17 % and 3 % below 0.1; of short poetic captions half of the true ones lie below 0.3."
        ),
    ),
    needs=(PICTURE_TEXT,),
    languages=("en",),
)


class TextHarm:
    """Reads all texts of a batch of posts in one go."""

    def __init__(self, model: TextHarmModel) -> None:
        self._model = model
        self.models = {MODEL: model.digest}

    @classmethod
    def load(cls, models: ModelStore, *, threads: int) -> "TextHarm":
        """Load the verified model and run it once; `threads` bounds its inference threads.

        Raises `ModelStoreError`, and `InferenceError` when its answer is not finite.
        """
        model = TextHarmModel.load(models, threads=threads)
        model.read([WARM_UP])
        return cls(model)

    @property
    def spec(self) -> SignalSpec:
        """See `TEXT_HARM`."""
        return TEXT_HARM

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post; it needs no picture, and says NULL of text in a picture that was not read.

        Posts with the most text fail when all texts together would take longer than a batch may: a few stuffed posts do
        not hold up the others.
        """
        texts = [_texts(subject) for subject in batch]
        flat = [own[surface] or "" for own in texts for surface in SURFACES]
        readout = self._model.read(flat, budget=MOST_BATCH_TOKENS)
        scores = np.stack([self._model.calibrated(readout.logits, surface) for surface in SURFACES])
        unread = np.isnan(readout.logits[:, 0]).tolist()
        return [
            SignalFailure(TEXT_HARM.name, FailureReason.TIMED_OUT, "Too much text to read with the rest of the batch.")
            if any(unread[place * len(SURFACES) : (place + 1) * len(SURFACES)])
            else Score(TEXT_HARM.name, self._values(own, readout, scores, place * len(SURFACES)))
            for place, own in enumerate(texts)
        ]

    def _values(
        self, texts: dict[Surface, str | None], readout: Readout, scores: np.ndarray, first: int
    ) -> dict[str, Value]:
        """A post's columns; its texts are rows `first` and following, in the order of the surfaces."""
        row = {surface: first + place for place, surface in enumerate(SURFACES)}
        values: dict[str, Value] = {
            name: None
            if texts[surface] is None
            else float(scores[SURFACES.index(surface), row[surface], CATEGORIES.index(category)])
            for name, surface, category in COLUMN_OF
        }
        for name, left, right in _SIMILARITIES:
            a, b = readout.embeddings[row[left]], readout.embeddings[row[right]]
            values[name] = float(np.clip(a @ b, -1.0, 1.0)) if a.any() and b.any() else None
        return values


def _texts(subject: Subject) -> dict[Surface, str | None]:
    return {
        Surface.CAPTION: subject.post.caption,
        Surface.PROMPT: subject.post.prompt,
        Surface.PICTURE_TEXT: picture_text(subject.earlier),
    }
