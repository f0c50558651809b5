import numpy as np
import pytest

from moderation.media.subject import Frame, Picture, Rgb
from moderation.settings import load_settings
from moderation.signals.catalog import REDUCTIONS, SPECS
from moderation.signals.models import ModelState, ModelStore
from tests import factories


@pytest.fixture(scope="session")
def model_store() -> ModelStore:
    """The store that `make test` fills; a model that is missing fails the tests that need it."""
    store = ModelStore(load_settings().models)
    for name in sorted({name for spec in SPECS for name in spec.models}):
        status = store.verify(name)
        if status.state is not ModelState.VERIFIED:
            pytest.fail(f"{name} is {status.state}: run `moderation models pull` first")
    return store


def a_picture(*frames: Rgb, image_format: str = "png") -> Picture:
    """A decoded picture, as the decoder would yield it for these full-size pixels."""
    height, width = frames[0].shape[:2]
    facts = factories.facts(image_format, width, height, frames=len(frames))
    seen = tuple(Frame(frame, {name: reduce(frame) for name, reduce in REDUCTIONS.items()}) for frame in frames)
    return Picture(facts, seen)


def pixels(seed: int, width: int = 320, height: int = 240) -> Rgb:
    """Softly lit warm spheres, another arrangement for each seed: scores spread between 0 and 0.9."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    light = np.zeros_like(x)
    for _ in range(3):
        across, down, radius = rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6), rng.uniform(0.3, 0.8)
        sphere = 1 - ((x - across) ** 2 + (y - down) ** 2) / radius**2
        light = np.maximum(light, np.sqrt(np.clip(sphere, 0, 1)))
    colours = np.stack([60 + light * 175, 45 + light * 120, 40 + light * 90], axis=-1)
    return np.clip(colours + rng.normal(0, 4, colours.shape), 0, 255).astype(np.uint8)
