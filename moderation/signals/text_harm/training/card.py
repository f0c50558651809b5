"""The model card that training writes beside its product: data, method, what was measured on validation rows."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.domain.harm import HarmCategory
from moderation.signals.text_harm.calibration import SURFACES
from moderation.signals.text_harm.model import TextHarmModel
from moderation.signals.text_harm.product import Product
from moderation.signals.text_harm.training.examples import Example, Options, Part, label_matrix

CARD_FILE = "MODEL_CARD.md"


def write_card(product: Product, examples: Sequence[Example], options: Options, out: Path) -> dict[str, float]:
    """Write the card into `out`; returns average precision by category on the validation examples, where defined."""
    validation = [example for example in examples if example.part is Part.VALIDATION]
    model = TextHarmModel.of(product, threads=options.threads)
    logits = model.read([example.text for example in validation]).logits
    labels = label_matrix(validation)
    measured: dict[str, float] = {}
    for place, category in enumerate(HarmCategory):
        known = labels[:, place] >= 0
        if (labels[known, place] == 1).any():
            measured[category] = round(average_precision(labels[known, place] == 1, logits[known, place]), 3)
    out.mkdir(parents=True, exist_ok=True)
    (out / CARD_FILE).write_text(_card(product, examples, options, measured), encoding="utf-8")
    return measured


def average_precision(harmful: NDArray[np.bool_], scores: NDArray[np.floating]) -> float:
    """The mean, over the harmful texts, of the precision at each one's score; the order decides between equals."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(harmful[order])
    precision = hits / np.arange(1, len(order) + 1)
    return float(precision[harmful[order]].mean())


def _card(product: Product, examples: Sequence[Example], options: Options, measured: dict[str, float]) -> str:
    counts = Counter((example.source, example.part) for example in examples)
    sources = sorted({source for source, _ in counts})
    data = "\n".join(
        f"| {source} | {counts[source, Part.TRAIN]} | {options.caps.get(source, '')} | "
        f"{options.weights.get(source, 1.0)} | {counts[source, Part.VALIDATION]} |"
        for source in sources
    )
    thresholds = "\n".join(
        f"| {surface} | {category} | {own.curve.kind} | {own.thresholds.high_recall} | {own.thresholds.balanced} | "
        f"{own.thresholds.high_precision} |"
        for surface in SURFACES
        for category, own in product.calibration.surfaces[surface].items()
    )
    figures = "\n".join(f"| {category} | {value} |" for category, value in measured.items())
    return f"""# text-harm

English only. Model file SHA-256 {product.calibration.model}, {len(product.model) / 1e6:.1f} MB, seed {options.seed},
{options.epochs} epochs, interpolation {options.interpolation}.

## Data

| source | training rows | cap | weight | validation rows |
|---|---|---|---|---|
{data}

## Average precision on the validation rows

The thresholds and the curves were fitted on these rows; figures for unseen data are in `docs/models/text-harm.md`.

| category | average precision |
|---|---|
{figures}

## Thresholds

| surface | category | curve | high recall | balanced | high precision |
|---|---|---|---|---|---|
{thresholds}
"""
