"""Small evaluations with every kind of figure in them."""

from pathlib import Path

import numpy as np

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Column, ColumnKind, SignalSpec, Surface
from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.obfuscation import Obfuscation
from moderation.evaluation.picture_files import PictureFile, PictureSet
from moderation.evaluation.pictures import PictureScores, Unmeasured
from moderation.evaluation.scored import Scored, any_result, evaluate
from moderation.evaluation.texts import ESSENTIAL, ObfuscationResult
from moderation.reporting.evaluation.text_report import TextSection

FEW = Resampling(rounds=100)
HOSTILE = "<script>alert(1)</script>\"'&\u202e"
SPEC = SignalSpec(
    name="image_nsfw",
    version="1",
    surface=Surface.IMAGE,
    description="A sample.",
    columns=(Column("image_nsfw", ColumnKind.FLOAT, "0 to 1", low=0.0, high=1.0),),
    cost_ms=1.0,
    recommended={"high recall": 0.2, "balanced": 0.5, "high precision": 0.8},
)


def scored(n: int = 60, *, harmful: bool = True, seed: int = 0) -> Scored:
    generator = np.random.default_rng(seed)
    columns = tuple(map(str, HarmCategory))
    labels = (generator.random((n, len(columns))) < 0.2 * harmful).astype(np.float64)
    labels[: n // 4, 1] = np.nan
    scores = np.clip(0.55 * labels + generator.random(labels.shape) * 0.6, 0, 1)
    scores = np.where(np.isnan(labels), 0.1, scores)
    slices = tuple((HOSTILE if row % 2 else "length: 1-5 words", "names: muslim") for row in range(n))
    return Scored(columns, labels, scores, np.full(labels.shape, 0.6), slices, ESSENTIAL)


def section(name: str = "sample.jsonl", *, harmful: bool = True) -> TextSection:
    table = scored(harmful=harmful)
    result = evaluate(table, FEW)
    together = any_result(table, np.ones(60, np.bool_), "written: leet", FEW)
    written = ObfuscationResult(
        Obfuscation.LEET, together, together.recall, {"sexual": together.recall} if harmful else {}
    )
    return TextSection(name, "ab" * 32, table, result, (written,), result if harmful else None)


def pictures(*, labels: bool) -> PictureScores:
    files = tuple(
        PictureFile(f"{part}/{i}.png", Path(f"{part}/{i}.png"), (part == "nsfw") if labels else None, part)
        for part in ("nsfw", "calm")
        for i in range(10)
    )
    scores = np.array([[0.05 * i + 0.4 * (i < 10)] for i in range(20)])
    scores[3] = np.nan
    missing = (Unmeasured(HOSTILE, "truncated", "ends early"),)
    return PictureScores(PictureSet(Path("set"), files), SPEC, {"m": "cd" * 32}, SPEC.columns, files, scores, missing)
