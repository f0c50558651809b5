"""What runs on a CUDA device. Skipped, and said so, where there is none."""

import numpy as np
import pytest

from moderation.signals.engine.modules import open_module
from moderation.signals.engine.options import Device, EngineOptions, Precision
from moderation.signals.engine.peak import peak
from moderation.signals.engine.source import MAX_SCORE_CHANGE
from tests.signals.engine.modules import bert_source, pictures, texts, vit_source
from tests.signals.engine.test_modules import difference

pytestmark = pytest.mark.usefixtures("cuda")


def test_a_picture_model_scores_alike_for_every_number_of_rows() -> None:
    engine = open_module(vit_source(), EngineOptions(device=Device.CUDA, max_batch=6))
    assert (engine.plan.device, engine.plan.precision) == (Device.CUDA, Precision.BFLOAT16)
    for rows in (1, 2, 3, 6, 15):
        assert difference(engine, vit_source(), pictures(rows, seed=rows)) <= MAX_SCORE_CHANGE
    engine.close()


def test_a_text_model_scores_alike_for_every_length() -> None:
    engine = open_module(bert_source(), EngineOptions(device=Device.CUDA, max_batch=4))
    for rows, length in ((1, 2), (3, 17), (4, 64)):
        assert difference(engine, bert_source(), texts(rows, length, seed=length)) <= MAX_SCORE_CHANGE
    engine.close()


def test_float32_is_had_for_the_asking() -> None:
    engine = open_module(vit_source(), EngineOptions(device=Device.CUDA, precision=Precision.FLOAT32, max_batch=2))
    assert engine.plan.precision is Precision.FLOAT32
    assert difference(engine, vit_source(), pictures(2)) < 2e-3
    engine.close()


def test_answers_stay_as_they_were_when_the_next_call_comes() -> None:
    engine = open_module(vit_source(), EngineOptions(device=Device.CUDA, max_batch=2))
    first = engine.run(pictures(2, seed=1))["logits"]
    before = first.copy()
    engine.run(pictures(2, seed=2))
    assert (first == before).all()
    assert np.isfinite(first).all()
    engine.close()


def test_the_device_has_a_peak() -> None:
    assert peak(Precision.BFLOAT16, threads=1, seconds=0.2, device=Device.CUDA) > 1e12
