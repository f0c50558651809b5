"""The shipped text classifier in the engine: its scores are a text's own."""

import numpy as np
import pytest

from moderation.bench.signals.captions import captions
from moderation.domain.signal import Surface
from moderation.settings import load_settings
from moderation.signals.models import ModelState, ModelStore
from moderation.signals.text_harm.model import MODEL, TextHarmModel

LOUD = "I HATE you all!!! kill kill kill *** @@@ #### ????"


@pytest.fixture(scope="module")
def model() -> TextHarmModel:
    store = ModelStore(load_settings().models)
    if store.verify(MODEL).state is not ModelState.VERIFIED:
        pytest.fail(f"{MODEL} is not in the store: run `moderation models pull` first")
    return TextHarmModel.load(store, threads=1)


def test_a_text_scores_the_same_alone_and_among_others(model: TextHarmModel) -> None:
    texts = [*captions(12), LOUD, "a nude figure drawing class", "they should all be hurt"]
    alone = np.concatenate([model.scores([text], Surface.CAPTION) for text in texts])
    together = model.scores(texts, Surface.CAPTION)
    backwards = model.scores(texts[::-1], Surface.CAPTION)[::-1]
    assert np.abs(together - alone).max() < 1e-4
    assert np.abs(backwards - alone).max() < 1e-4
