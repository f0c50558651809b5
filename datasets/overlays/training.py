"""Trains the text detector on drawn pictures with and without text, and calibrates what it says of a whole picture."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor, nn

from datasets.drawing.colour import Pixels
from datasets.overlays.backgrounds import backgrounds
from datasets.overlays.compose import overlaid, stored
from datasets.overlays.lettering import Mask
from datasets.overlays.network import STRIDE, network, onnx_bytes, picture_logit, restore
from datasets.overlays.writing import LEAST_CONTRAST
from moderation.media.text_presence import CALIBRATION, SIDE, TOPS, WEIGHTS, features, parts

BATCH = 24
TEXT_SHARE = 0.5
PEAK_RATE = 4e-3
WEIGHT_DECAY = 1e-4
CELLS = SIDE // STRIDE
TEXT_CELL, EMPTY_CELL = 0.25, 0.02
"""A field is text when this much of it is, and empty when less than that is; those between are not asked for."""
CALIBRATION_SEED = 7_919
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many pictures to train and to calibrate on, how many different ones lie under the text.

    `contrast` is the least by which text stands out. Training goes on from the weights in `start`, at a tenth of the
    rate, or begins anew. The same plan gives the same weights on the same kind of machine.
    """

    pictures: int
    grounds: int
    seed: int
    calibration: int = 400
    contrast: float = LEAST_CONTRAST
    start: Path | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A picture of `SIDE` pixels square and the share of text in each field, 0 to 1."""

    pixels: Pixels
    cells: NDArray[np.float32]


def train(plan: Plan, folder: Path, say: Say) -> None:
    """Train, calibrate, and write weights and calibration into `folder`."""
    torch.manual_seed(plan.seed)
    torch.set_num_threads(1)
    model = _fit(plan, say)
    weights = onnx_bytes(model)
    factors, offset = _calibrate(model, plan.calibration, say)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(weights)
    stated = {
        "made_by": f"python -m datasets.overlays train --pictures {plan.pictures} --grounds {plan.grounds}"
        f" --seed {plan.seed} --contrast {plan.contrast:g}",
        "started_from": _made_by(plan.start),
        "trained_on": "the project's own drawn scenes and textures, with text in the fonts of Pillow and OpenCV",
        "calibrated_on": f"{plan.calibration} other drawn pictures, half of them with text",
        "torch": str(torch.__version__),
        "sha256": sha256(weights).hexdigest(),
        "features": f"means of the {', '.join(map(str, TOPS))} highest logits",
        "factors": [round(float(value), 5) for value in factors],
        "offset": round(offset, 5),
    }
    (folder / CALIBRATION).write_text(yaml.safe_dump(stated, sort_keys=False, width=120), encoding="utf-8")


def examples(
    rng: np.random.Generator, grounds: Sequence[Pixels], contrast: float = LEAST_CONTRAST
) -> Iterator[Example]:
    """Endless pictures, `TEXT_SHARE` of them with text that stands out by `contrast` at least."""
    while True:
        ground = _turned(rng, grounds[int(rng.integers(len(grounds)))])
        written = overlaid(rng, ground, contrast=contrast) if rng.random() < TEXT_SHARE else None
        pixels = ground if written is None else written.pixels
        cells = np.zeros((CELLS, CELLS), np.float32) if written is None else _cells(written.mask)
        yield Example(parts(stored(rng, pixels))[0], cells)


def _made_by(start: Path | None) -> str:
    """How the weights were made that training went on from."""
    if start is None:
        return "nothing"
    card = yaml.safe_load((start / CALIBRATION).read_text(encoding="utf-8"))
    return str(card["made_by"])


def _fit(plan: Plan, say: Say) -> nn.Sequential:
    rng = np.random.default_rng(plan.seed)
    grounds = list(backgrounds(plan.seed, plan.grounds))
    source = examples(rng, grounds, plan.contrast)
    model = network()
    peak_rate = PEAK_RATE if plan.start is None else PEAK_RATE / 10
    if plan.start is None:
        model.train()
    else:
        restore(model, (plan.start / WEIGHTS).read_bytes())
    steps = plan.pictures // BATCH
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak_rate, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, peak_rate, total_steps=steps, pct_start=0.1)
    shown: list[float] = []
    for step in range(steps):
        pixels, cells = _batch([next(source) for _ in range(BATCH)])
        loss = _loss(model(pixels), cells)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        shown.append(float(loss.detach()))
        if (step + 1) % 25 == 0:
            say(f"step {step + 1} of {steps}: loss {np.mean(shown[-25:]):.4f}")
    return model.eval()


def _loss(logits: Tensor, cells: Tensor) -> Tensor:
    """Field by field where the answer is clear, and picture by picture."""
    clear = (cells >= TEXT_CELL) | (cells <= EMPTY_CELL)
    fields = nn.functional.binary_cross_entropy_with_logits(
        logits[clear], (cells[clear] >= TEXT_CELL).float(), pos_weight=torch.tensor(2.0)
    )
    whole = (cells.flatten(1).amax(dim=1) >= TEXT_CELL).float()
    pictures = nn.functional.binary_cross_entropy_with_logits(picture_logit(logits), whole)
    return fields + pictures


def _calibrate(model: nn.Sequential, count: int, say: Say) -> tuple[NDArray[np.float64], float]:
    """Logistic regression by Newton's method, lightly bound to zero, on pictures from other seeds."""
    rng = np.random.default_rng(CALIBRATION_SEED)
    rows, labels = [], []
    for index, ground in enumerate(backgrounds(CALIBRATION_SEED, count)):
        written = overlaid(rng, ground, smallest=0.03) if index % 2 else None
        pixels = stored(rng, ground if written is None else written.pixels)
        with torch.inference_mode():
            rows.append(features(model(_tensor([parts(pixels)[0]])).numpy()))
        labels.append(written is not None)
    wanted = np.array(labels, np.float64)
    found = np.column_stack([np.array(rows), np.ones(len(rows))])
    weights = logistic(found, wanted)
    right = ((found @ weights > 0) == (wanted > 0)).mean()
    say(f"calibrated on {len(rows)} pictures: {right:.3f} on the right side of one half")
    return weights[:-1], float(weights[-1])


def logistic(rows: NDArray[np.float64], wanted: NDArray[np.float64], ridge: float = 1.0) -> NDArray[np.float64]:
    """Weights that maximise the likelihood of `wanted` (0 or 1) less `ridge` times half their squares."""
    weights = np.zeros(rows.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(rows @ weights, -60, 60)))
        slope = rows.T @ (wanted - chance) - ridge * weights
        bend = rows.T @ (rows * (chance * (1 - chance))[:, None]) + ridge * np.eye(rows.shape[1])
        weights = weights + np.linalg.solve(bend, slope)
    return weights


def _batch(chosen: Sequence[Example]) -> tuple[Tensor, Tensor]:
    cells = torch.from_numpy(np.stack([example.cells for example in chosen]))
    return _tensor([example.pixels for example in chosen]), cells[:, None]


def _tensor(pictures: Sequence[Pixels]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def _cells(mask: Mask) -> NDArray[np.float32]:
    shares = cv2.resize(mask, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(shares, dtype=np.float32) / np.float32(255)


def _turned(rng: np.random.Generator, ground: Pixels) -> Pixels:
    """A flip, a quarter turn or a cut, so that a ground is not learned by heart."""
    turned = np.rot90(ground, int(rng.integers(4)))
    if rng.integers(2):
        turned = turned[:, ::-1]
    height, width = turned.shape[:2]
    top, left = int(rng.integers(height // 3)), int(rng.integers(width // 3))
    cut = turned[top : top + height - height // 3, left : left + width - width // 3] if rng.integers(2) else turned
    order = rng.permutation(3)
    return np.ascontiguousarray(cut[:, :, order])
