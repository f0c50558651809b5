import numpy as np
import pytest

from datasets.gallery import GALLERY
from datasets.overlays.lettering import fonts
from datasets.overlays.writing import BLACK, WHITE, Look, write
from moderation.media.subject import Frame, Picture, Rgb
from moderation.settings import load_settings
from moderation.signals.models import ModelState, ModelStore
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


def written_on(*lines: str, height: float = 0.08, look: Look = MEME) -> Rgb:
    """A drawn picture of 512 by 512 with the lines on it."""
    return write(GALLERY[2].pixels(), lines, fonts()["sans-heavy"], look, height=height, at=(0.5, 0.5)).pixels


def a_picture(*likelihoods: float, pixels: Rgb | None = None) -> Picture:
    """A picture whose frames the cheap detector gave these likelihoods; frame `i` is filled with `i`."""
    shown = [np.full((8, 8, 3), place, np.uint8) if pixels is None else pixels for place in range(len(likelihoods))]
    frames = tuple(
        Frame(rgb, {"text_presence": np.array([chance], np.float32)})
        for rgb, chance in zip(shown, likelihoods, strict=True)
    )
    return Picture(facts("png", 8, 8, frames=max(1, len(frames))), frames)
