import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moderation.bench.evaluation.scorers import CLEAR, TERMS_OF, HarmScorer, TermScorer
from moderation.bench.evaluation.text import evaluate_text, read_sets, text_document
from moderation.domain.errors import ModelStoreError, NotFoundError
from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.evaluation.bootstrap import Resampling
from moderation.evaluation.obfuscation import Obfuscation
from moderation.signals.models import ModelStore
from moderation.signals.text_harm.product import Product
from moderation.signals.text_harm.training.encoder import open_encoder_folder
from moderation.signals.text_harm.training.train import train
from tests.signals.text_harm import tiny
from tests.signals.text_harm.conftest import OPTIONS

FEW = Resampling(rounds=50)


@pytest.fixture(scope="module")
def product_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A product that hardly learned anything, which does not matter here."""
    encoder = tiny.encoder_folder(tmp_path_factory.mktemp("encoder"))
    out = tmp_path_factory.mktemp("product")
    train(tiny.examples(), open_encoder_folder(encoder), replace(OPTIONS, epochs=0.3), out)
    return out


@pytest.fixture(scope="module")
def scorer(product_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> HarmScorer:
    store = ModelStore(tmp_path_factory.mktemp("models"))
    return HarmScorer(store, name="text-harm", folder=product_folder)


def test_the_classifier_is_held_at_its_own_thresholds(scorer: HarmScorer, product_folder: Path) -> None:
    calibration = Product.open(product_folder).calibration
    for surface in (Surface.CAPTION, Surface.PROMPT, Surface.PICTURE_TEXT):
        held = scorer.thresholds(surface)
        own = calibration.surfaces[surface]
        assert held == {each: own[each].thresholds.balanced for each in held}
        assert (HarmCategory.UNSAFE in held) == (surface is Surface.PROMPT)
    assert scorer.digest == calibration.model


def test_a_file_goes_through_the_real_classifier(scorer: HarmScorer, tmp_path: Path) -> None:
    rows = [
        {"text": "nude photo of you", "labels": {"S": 1, "V": 0}},
        {"text": "a green tree in the garden", "labels": dict.fromkeys(["S", "H", "V", "HR", "SH"], 0)},
        {"text": "", "labels": {"S": 0}, "surface": "prompt"},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (source,) = read_sets([file])
    found = evaluate_text(source, scorer, ways=(Obfuscation.FULLWIDTH,), baseline=TermScorer(), resampling=FEW)
    assert found.scored.scores.shape == (3, len(HarmCategory))
    assert not found.scored.scores[2].any(), "an empty text scores 0"
    assert found.obfuscations[0].kind is Obfuscation.FULLWIDTH
    document = text_document(scorer, [found])
    assert document["model"] == {"name": scorer.name, "digest": scorer.digest}
    assert json.dumps(document, allow_nan=False)


def test_without_a_product_there_is_one_clear_error(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    with pytest.raises(ModelStoreError):
        HarmScorer(store, name="text-harm", folder=tmp_path / "none")
    with pytest.raises(NotFoundError, match="no-such-model"):
        HarmScorer(store, name="no-such-model")


def test_term_lists_score_by_severity() -> None:
    scorer = TermScorer()
    scores = scorer.scores(["hardcore porn", "a quiet lake", ""], Surface.CAPTION)
    sexual = list(HarmCategory).index(HarmCategory.SEXUAL)
    assert scores[0, sexual] >= CLEAR
    assert not scores[1:].any()
    assert set(np.unique(scores)) <= {0.0, 1 / 3, 2 / 3, 1.0}
    assert scorer.thresholds(Surface.PROMPT) == dict.fromkeys(TERMS_OF, CLEAR)
