"""Trains the text detector's head on pictures with and without text."""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from datasets.overlays.examples import Example, Keeps, Plan, examples, plain_photographs
from datasets.overlays.network import Head, onnx_bytes, picture_logit
from moderation.domain.errors import InvalidInputError
from moderation.signals.engine.onnx_session import OnnxRunner
from moderation.signals.picture_text.presence import CARD, WEIGHTS

BATCH = 16
PEAK_RATE = 2e-3
WEIGHT_DECAY = 1e-2
TEXT_CELL, EMPTY_CELL = 0.25, 0.02
"""A field is text when this much of it is, and empty when less than that is; those between are not asked for."""
TEXT_WEIGHT = 2.0
Say = Callable[[str], None]


def train(
    plan: Plan, network: OnnxRunner, digest: str, folder: Path, say: Say, *, is_plain: Keeps = lambda _: True
) -> None:
    """Train the head over `network`, whose file has that SHA-256, and write weights and card into `folder`.

    `is_plain` tells photographs without text of their own; the others are not trained on. A thousand pictures take
    230 MB of memory. Raises `InferenceError`, and `InvalidInputError` when the plan's folder has no such photograph.
    """
    torch.manual_seed(plan.seed)
    torch.set_num_threads(1)
    photos = plain_photographs(plan, is_plain)
    if plan.photos is not None and not photos:
        raise InvalidInputError(f"{plan.photos} has no photograph without text of its own to train on.")
    shown = _prepared(plan, photos, network, say)
    weights = onnx_bytes(fit(shown, plan, say))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(weights)
    stated = {
        "made_by": f"python -m datasets.overlays train --pictures {plan.pictures} --grounds {plan.grounds}"
        f" --seed {plan.seed} --epochs {plan.epochs}"
        + (f" --photos FOLDER --most-photos {plan.most_photos}" if plan.photos else ""),
        "trained_on": f"the project's own drawn scenes and textures and {len(photos)} photographs without text of their"
        " own, with text in the fonts of Pillow and OpenCV",
        "torch": str(torch.__version__),
        "network": digest,
        "sha256": sha256(weights).hexdigest(),
    }
    (folder / CARD).write_text(yaml.safe_dump(stated, sort_keys=False, width=120), encoding="utf-8")


def fit(shown: Sequence[Example], plan: Plan, say: Say) -> Head:
    """A head that was shown every example `plan.epochs` times, in another order each time."""
    rng = np.random.default_rng(plan.seed)
    head = Head(*_spread(shown))
    optimizer = torch.optim.AdamW(head.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    steps = plan.epochs * sum(1 for _ in _batches(rng, shown))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for epoch in range(plan.epochs):
        losses = []
        for batch in _batches(rng, shown):
            features = torch.from_numpy(np.stack([one.features for one in batch]).astype(np.float32))
            loss = _loss(head.fields(features), torch.from_numpy(np.stack([one.cells for one in batch]))[:, None])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        say(f"epoch {epoch + 1} of {plan.epochs}: loss {np.mean(losses):.4f}")
    return head.eval()


def _prepared(plan: Plan, photos: Sequence[np.ndarray], network: OnnxRunner, say: Say) -> list[Example]:
    say(f"{len(photos)} photographs without text of their own")
    shown = list(examples(plan, photos, network))
    say(f"{len(shown)} pictures, {sum(bool(one.cells.any()) for one in shown)} of them with text")
    return shown


def _spread(shown: Sequence[Example]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each feature."""
    flat = [one.features.astype(np.float32).reshape(one.features.shape[0], -1) for one in shown]
    centre = np.mean([values.mean(axis=1) for values in flat], axis=0)
    spread = np.mean([values.std(axis=1) for values in flat], axis=0) + 1e-3
    return torch.from_numpy(centre), torch.from_numpy(spread)


def _batches(rng: np.random.Generator, shown: Sequence[Example]) -> Iterator[list[Example]]:
    """Pictures of one shape together, in random order."""
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for place, one in enumerate(shown):
        by_shape.setdefault(one.features.shape, []).append(place)
    batches = []
    for places in by_shape.values():
        mixed = rng.permutation(places)
        batches += [mixed[start : start + BATCH] for start in range(0, len(mixed), BATCH)]
    for number in rng.permutation(len(batches)):
        yield [shown[place] for place in batches[number]]


def _loss(logits: Tensor, cells: Tensor) -> Tensor:
    """Field by field where the answer is clear, and picture by picture."""
    clear = (cells >= TEXT_CELL) | (cells <= EMPTY_CELL)
    fields = nn.functional.binary_cross_entropy_with_logits(
        logits[clear], (cells[clear] >= TEXT_CELL).float(), pos_weight=torch.tensor(TEXT_WEIGHT)
    )
    whole = (cells.flatten(1).amax(dim=1) >= TEXT_CELL).float()
    return fields + nn.functional.binary_cross_entropy_with_logits(picture_logit(logits), whole)
