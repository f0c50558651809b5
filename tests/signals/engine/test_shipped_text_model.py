"""The shipped text classifier in the engine: its scores are a text's own."""

from dataclasses import replace

import numpy as np
import pytest
from onnxruntime import InferenceSession

from moderation.bench.signals.captions import captions
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import FailureReason, SignalFailure, Surface
from moderation.media.subject import Subject
from moderation.settings import load_settings
from moderation.signals.engine.inference import InferenceError
from moderation.signals.models import ModelState, ModelStore
from moderation.signals.runtime import SignalRuntime
from moderation.signals.text_harm.model import MODEL, TextHarmModel
from moderation.signals.text_harm.signal import TextHarm
from tests.factories import a_post

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


class Broken:
    """The shipped session, with numbers in its answer that no network means."""

    def __init__(self, session: InferenceSession, place: int, value: float) -> None:
        self._session = session
        self._place = place
        self._value = value

    def run(self, names: None, feeds: dict[str, object]) -> list[np.ndarray]:
        found = [array.copy() for array in self._session.run(names, feeds)]
        found[self._place][0, 0] = self._value
        return found


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_a_failure_never_a_low_score(
    model: TextHarmModel, monkeypatch: pytest.MonkeyPatch, place: int, value: float
) -> None:
    monkeypatch.setattr(model, "_session", Broken(model._session, place, value))
    with pytest.raises(InferenceError, match="not finite"):
        model.scores(["a quiet harbour"], Surface.CAPTION)
    signal = SignalRuntime([Alone(TextHarm(model))])
    [(failed,)] = signal.measure([Subject(a_post(caption="a quiet harbour"), Refusal(RefusalReason.EMPTY, ""))])
    signal.close()
    assert isinstance(failed, SignalFailure), failed
    assert failed.reason is FailureReason.ERROR


class Alone:
    """The signal without what it needs of others."""

    def __init__(self, signal: TextHarm) -> None:
        self.spec = replace(signal.spec, needs=())
        self.measure = signal.measure
