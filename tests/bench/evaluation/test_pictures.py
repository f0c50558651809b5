from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moderation.bench.evaluation import pictures
from moderation.bench.evaluation.pictures import score_pictures
from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
)
from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.picture_files import find_pictures
from moderation.evaluation.pictures import picture_figures
from moderation.media.subject import Picture, SignalType, Subject
from moderation.reporting.evaluation.document import pictures as pictures_document
from moderation.settings import Settings
from moderation.signals.registry import ModelEntry

FEW = Resampling(rounds=100)


def spec(name: str, *needs: str) -> SignalSpec:
    return SignalSpec(
        name=name,
        version="1",
        surface=Surface.IMAGE,
        description="How bright a picture is.",
        columns=(Column(f"{name}_score", ColumnKind.FLOAT, "0 to 1", low=0.0, high=1.0),),
        cost_ms=1.0,
        recommended={"high recall": 0.2, "balanced": 0.5},
        needs=needs,
    )


class Brightness:
    """The mean of the pixels; pure white fails."""

    spec = spec("brightness")

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        return [self._one(subject) for subject in batch]

    def _one(self, subject: Subject) -> SignalResult:
        if not isinstance(subject.picture, Picture):
            return SignalFailure("brightness", FailureReason.UNDECODABLE)
        value = float(subject.picture.frames[0].rgb.mean()) / 255
        if value == 1:
            return SignalFailure("brightness", FailureReason.ERROR, "dazzled")
        return Score("brightness", {"brightness_score": value})


class Echo:
    """What brightness said: a signal that needs another one."""

    spec = spec("echo", "brightness")

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        results = (subject.earlier["brightness"] for subject in batch)
        return [
            Score("echo", {"echo_score": each.values["brightness_score"]})
            if isinstance(each, Score)
            else SignalFailure("echo", FailureReason.ERROR)
            for each in results
        ]


class Absent:
    """A signal whose model is not there."""

    spec = spec("absent")

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        return [SignalFailure("absent", FailureReason.MODEL_MISSING, "no weights") for _ in batch]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    def build(*_: object, **__: object) -> tuple[SignalType, ...]:
        return (Brightness(), Echo(), Absent())

    monkeypatch.setattr(pictures, "build", build)
    return Settings(home=tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "set"
    for part, levels in {"nsfw": (230, 200, 90), "calm": (10, 20, 110, 140), "odd": (255,)}.items():
        (root / part).mkdir(parents=True)
        for level in levels:
            Image.fromarray(np.full((16, 16, 3), level, np.uint8)).save(root / part / f"{level}.png")
    (root / "odd" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture at all")
    (root / "odd" / "notes.txt").write_text("words")
    return root


def test_every_picture_is_measured_or_named(settings: Settings, folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    found = score_pictures(settings, find_pictures(folder, ["nsfw"]), "brightness", lambda *each: told.append(each))
    assert len(found.measured) == 7
    assert {each.name: each.reason for each in found.unmeasured}.keys() == {"odd/255.png", "odd/broken.png"}
    assert next(each for each in found.unmeasured if each.name == "odd/255.png").detail == "dazzled"
    assert told[-1] == ("set", 9, 9)


def test_figures_of_labelled_pictures(settings: Settings, folder: Path) -> None:
    found = score_pictures(settings, find_pictures(folder, ["nsfw"]), "echo")
    figures = picture_figures(found, FEW)
    (column,) = figures.columns
    assert (column.n, column.nulls, len(column.judged), column.judged.positives) == (7, 0, 7, 3)
    assert column.ranking is not None
    assert column.ranking.average_precision.value == pytest.approx((1 + 1 + 3 / 5) / 3)
    balanced = column.thresholds[1]
    assert balanced.use == "balanced"
    assert balanced.flagged.value == pytest.approx(3 / 7)
    assert balanced.point is not None
    assert balanced.point.recall.value == pytest.approx(2 / 3)
    assert balanced.point.false_alarms.value == pytest.approx(1 / 4)
    assert {part.name: part.flagged["balanced"].value for part in figures.slices} == {
        "calm": 0.25,
        "nsfw": pytest.approx(2 / 3),
    }


def test_without_labels_there_is_a_distribution_and_no_verdict_on_it(settings: Settings, folder: Path) -> None:
    figures = picture_figures(score_pictures(settings, find_pictures(folder / "calm", ["nsfw"]), "brightness"), FEW)
    (column,) = figures.columns
    assert (column.ranking, column.probabilities, column.thresholds[0].point) == (None, None, None)
    assert column.quantiles[1.0] == pytest.approx(140 / 255)
    document = pictures_document(figures)
    assert document["measured"] == 4
    assert "average_precision" not in str(document)


def test_a_missing_model_is_an_error_and_no_row_of_failures(settings: Settings, folder: Path) -> None:
    with pytest.raises(UnavailableError, match="no weights"):
        score_pictures(settings, find_pictures(folder, ["nsfw"]), "absent")


def test_an_unknown_signal_is_refused_with_the_known_ones(settings: Settings, folder: Path) -> None:
    with pytest.raises(InvalidInputError) as refused:
        score_pictures(settings, find_pictures(folder, ["nsfw"]), "loudness")
    assert "brightness, echo" in refused.value.hint


def test_classifiers_that_the_settings_turn_on_can_be_measured(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def build(*_: object, classifiers: Sequence[ModelEntry], **__: object) -> tuple[SignalType, ...]:
        asked.extend(entry.name for entry in classifiers)
        return (Brightness(),)

    monkeypatch.setattr(pictures, "build", build)
    turned_on = settings.model_copy(update={"classifiers": ("falconsai-nsfw",)})
    score_pictures(turned_on, find_pictures(folder / "calm", ["nsfw"]), "brightness")
    assert "falconsai-nsfw" in asked
