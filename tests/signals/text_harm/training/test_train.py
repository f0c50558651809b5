from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import yaml

from moderation.domain.errors import InvalidInputError, ModelStoreError
from moderation.domain.harm import HarmCategory
from moderation.signals.registry import read_entries
from moderation.signals.text_harm.calibration import SURFACES
from moderation.signals.text_harm.product import Product
from moderation.signals.text_harm.training.card import CARD_FILE, average_precision, write_card
from moderation.signals.text_harm.training.encoder import features, open_encoder, open_encoder_folder
from moderation.signals.text_harm.training.examples import Part
from moderation.signals.text_harm.training.export import export_float, quantised
from moderation.signals.text_harm.training.linear import RARE_BIAS, Heads, fit_heads
from moderation.signals.text_harm.training.ship import SHIPPED, ship, thresholds_module
from moderation.signals.text_harm.training.train import train
from moderation.signals.text_harm.training.words import Words
from tests.signals.text_harm import tiny
from tests.signals.text_harm.conftest import OPTIONS

pytestmark = pytest.mark.timeout(400)  # the first test trains and exports, which takes a busy machine minutes


def test_training_writes_a_product_with_its_card(product_folder: Path, tmp_path: Path) -> None:
    product = Product.open(product_folder)
    measured = write_card(product, tiny.examples(), OPTIONS, tmp_path)
    assert measured[HarmCategory.SEXUAL] > 0.9
    assert HarmCategory.SELF_HARM not in measured
    assert product.calibration.model in (tmp_path / CARD_FILE).read_text()


def test_training_needs_both_parts(encoder_folder: Path, tmp_path: Path) -> None:
    only = [example for example in tiny.examples() if example.part is Part.TRAIN]
    with pytest.raises(InvalidInputError):
        train(only, open_encoder_folder(encoder_folder), OPTIONS, tmp_path)
    with pytest.raises(InvalidInputError):
        train([], open_encoder_folder(encoder_folder), OPTIONS, tmp_path)


def test_the_file_answers_as_torch_does_and_eight_bits_stay_close(encoder_folder: Path, tmp_path: Path) -> None:
    encoder, _tokenizer = open_encoder_folder(encoder_folder)
    random = np.random.default_rng(0)
    heads = Heads(random.normal(size=(9, 32)).astype(np.float32), random.normal(size=9).astype(np.float32))
    words = Words(random.normal(size=(200, 9)).astype(np.float32), random.normal(size=9).astype(np.float32))
    export_float(encoder, heads, words, tmp_path / "float.onnx")
    tokens = random.integers(4, 60, (6, 11))
    feed = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
    logits, vectors = onnxruntime.InferenceSession(tmp_path / "float.onnx").run(None, feed)
    states = features(encoder, tokens.tolist())
    expected = heads.logits(states) + words.logits(tokens.tolist())
    np.testing.assert_allclose(logits, expected[:, :8], atol=0.05)  # features are taken in bfloat16
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    small = onnxruntime.InferenceSession(quantised(encoder, heads, words)).run(None, feed)[0]
    assert np.corrcoef(small.ravel(), logits.ravel())[0, 1] > 0.99


def test_weights_of_another_shape_are_refused(encoder_folder: Path) -> None:
    from safetensors.torch import load, save  # noqa: PLC0415 - brings torch

    config, tokenizer = ((encoder_folder / name).read_bytes() for name in ("config.json", "tokenizer.json"))
    state = load((encoder_folder / "model.safetensors").read_bytes())
    del state[next(iter(state))]
    with pytest.raises(ModelStoreError):
        open_encoder(config, save(state), tokenizer)


def test_unknown_labels_do_not_teach_and_rare_ones_are_not_guessed() -> None:
    random = np.random.default_rng(1)
    x = random.normal(size=(400, 5)).astype(np.float32)
    truth = (x[:, 0] > 0).astype(np.int8)
    labels = np.stack([truth, np.where(np.arange(400) % 2, truth, -1).astype(np.int8), np.zeros(400, np.int8)], axis=1)
    heads = fit_heads(x, labels, np.ones(400, np.float32))
    found = heads.logits(x)
    assert ((found[:, 0] > 0) == (truth == 1)).mean() > 0.95
    assert ((found[:, 1] > 0) == (truth == 1)).mean() > 0.95
    assert (found[:, 2] == RARE_BIAS).all()


def test_average_precision_of_a_small_ranking() -> None:
    harmful = np.array([True, False, True, False])
    assert average_precision(harmful, np.array([0.9, 0.8, 0.7, 0.1])) == pytest.approx((1 + 2 / 3) / 2)


def test_shipping_fills_the_package_and_its_registry_entry(product_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "signals" / "registry").mkdir(parents=True)
    (tmp_path / "signals" / "text_harm").mkdir()
    ship(product_folder, tmp_path)
    text = (tmp_path / "signals" / "registry" / "text-harm.yaml").read_text()
    (entry,) = read_entries([("text-harm.yaml", text)])
    assert Product.open(tmp_path / SHIPPED).calibration.model == entry.files[0].sha256
    assert yaml.safe_load(text)["source"] == {"kind": "package", "folder": SHIPPED}


def test_what_is_shipped_recommends_the_thresholds_of_its_calibration() -> None:
    from moderation.signals.text_harm.thresholds import thresholds  # noqa: PLC0415 - written by training
    from moderation.signals.text_harm.training.ship import PACKAGE  # noqa: PLC0415

    calibration = Product.open(PACKAGE / SHIPPED).calibration
    for surface in SURFACES:
        for category in HarmCategory:
            assert thresholds(surface, category) == calibration.surfaces[surface][category].thresholds.by_use()
    assert "Surface.PICTURE_TEXT, HarmCategory.UNSAFE" in thresholds_module(calibration)


@pytest.mark.long
def test_the_same_seed_gives_the_same_product(encoder_folder: Path, tmp_path: Path) -> None:
    options = replace(OPTIONS, epochs=1)
    first, second = (
        train(tiny.examples(60), open_encoder_folder(encoder_folder), options, tmp_path / name) for name in ("a", "b")
    )
    assert first == second
