from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest

from datasets.gallery import GALLERY
from datasets.overlays.lettering import fonts
from datasets.overlays.writing import BLACK, WHITE, Look, write
from moderation.media.subject import Frame, Picture, Rgb
from moderation.settings import load_settings
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelState, ModelStore
from moderation.signals.picture_text.presence import PaddlePresence
from moderation.signals.picture_text.reader import MODEL, PaddleReader
from tests.factories import facts

MEME = Look(WHITE, 0.07, BLACK)


@pytest.fixture(scope="session")
def ocr_store() -> ModelStore:
    """The store that `make test` fills; a reader that is missing fails the tests that need it."""
    store = ModelStore(load_settings().models)
    status = store.verify(MODEL)
    if status.state is not ModelState.VERIFIED:
        pytest.fail(f"{MODEL} is {status.state}: run `moderation models pull` first")
    return store


@pytest.fixture(scope="session")
def reader(ocr_store: ModelStore) -> PaddleReader:
    return PaddleReader.load(ocr_store, threads=1)


@pytest.fixture(scope="session")
def presence(ocr_store: ModelStore) -> PaddlePresence:
    return PaddlePresence.load(ocr_store, EngineOptions(threads=1))


def written_on(*lines: str, height: float = 0.08, look: Look = MEME) -> Rgb:
    """A drawn picture of 512 by 512 with the lines on it."""
    return write(GALLERY[2].pixels(), lines, fonts()["sans-heavy"], look, height=height, at=(0.5, 0.5)).pixels


def captioned(pixels: Rgb, *, height: float = 0.08, x: float = 0.5) -> Rgb:
    lines = ("When the tide", "comes in")
    return write(pixels, lines, fonts()["sans-heavy"], MEME, height=height, at=(x, 0.8)).pixels


def a_picture(*likelihoods: float, pixels: Rgb | None = None) -> Picture:
    """A picture with a frame for each likelihood that `FakePresence` shall give it.

    The first pixel of frame `i` says `i`, and in percent how likely it is.
    """
    shown = [np.full((8, 8, 3), place, np.uint8) if pixels is None else pixels for place in range(len(likelihoods))]
    for rgb, chance in zip(shown, likelihoods, strict=True):
        if pixels is None:
            rgb[0, 0, 1] = round(100 * chance)
    frames = tuple(Frame(rgb, {}) for rgb in shown)
    return Picture(facts("png", 8, 8, frames=max(1, len(frames))), frames)


class FakePresence:
    """Believes what `a_picture` wrote; takes no time, or fails at the picture with that number."""

    def __init__(self, failures: Mapping[int, Exception] = MappingProxyType({})) -> None:
        self.failures = failures
        self.looks = 0

    def chance(self, rgb: Rgb) -> float:
        self.looks += 1
        if self.looks - 1 in self.failures:
            raise self.failures[self.looks - 1]
        return float(rgb[0, 0, 1]) / 100
