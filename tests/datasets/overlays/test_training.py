from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from datasets.overlays.backgrounds import backgrounds
from datasets.overlays.network import network, onnx_bytes, restore
from datasets.overlays.training import BATCH, CELLS, Plan, examples, logistic, train
from moderation.media.text_presence import SIDE, TOPS, features, load_presence


def test_the_file_computes_what_the_network_does() -> None:
    torch.manual_seed(1)
    model = network().eval()
    pixels = np.random.default_rng(1).random((1, 3, SIDE, SIDE)).astype(np.float32)
    read = cv2.dnn.readNetFromONNX(np.frombuffer(onnx_bytes(model), np.uint8))
    read.setInput(pixels)
    with torch.inference_mode():
        expected = model(torch.from_numpy(pixels)).numpy()
    assert expected.shape == (1, 1, CELLS, CELLS)
    assert np.abs(np.asarray(read.forward()) - expected).max() < 1e-4


def test_training_can_go_on_from_a_file() -> None:
    torch.manual_seed(2)
    model, again = network(), network()
    pixels = torch.rand(8, 3, SIDE, SIDE)
    with torch.no_grad():
        model.train()(pixels)
        restore(again, onnx_bytes(model))
        assert torch.allclose(model(pixels), again(pixels), atol=1e-4)


def test_a_file_of_another_network_is_refused() -> None:
    narrow = network()
    narrow[1] = torch.nn.Conv2d(8, 16, 5, 2, 2)
    with pytest.raises(ValueError, match="another network"):
        restore(network(), onnx_bytes(narrow))


def test_examples_mark_text_and_only_text() -> None:
    chosen = list(islice(examples(np.random.default_rng(2), list(backgrounds(2, 4))), 24))
    with_text = [example for example in chosen if example.cells.max() > 0]
    assert 4 < len(with_text) < 20
    assert all(example.pixels.shape == (SIDE, SIDE, 3) for example in chosen)
    assert all(example.cells.min() >= 0 and example.cells.max() <= 1 for example in chosen)


def test_features_are_means_of_the_highest() -> None:
    logits = np.arange(CELLS * CELLS, dtype=np.float32).reshape(1, 1, CELLS, CELLS)
    top = CELLS * CELLS - 1
    assert features(logits).tolist() == [top - (count - 1) / 2 for count in TOPS]


def test_logistic_regression_finds_the_chances_it_was_given() -> None:
    rng = np.random.default_rng(5)
    rows = np.column_stack([rng.normal(size=20_000), np.ones(20_000)])
    wanted = (rng.random(20_000) < 1 / (1 + np.exp(-(1.5 * rows[:, 0] - 0.5)))).astype(np.float64)
    assert logistic(rows, wanted) == pytest.approx([1.5, -0.5], abs=0.08)


@pytest.mark.long
def test_training_twice_gives_the_same_weights(tmp_path: Path) -> None:
    said: list[str] = []
    for name in ("first", "again"):
        train(Plan(pictures=2 * BATCH, grounds=4, seed=3, calibration=20), tmp_path / name, said.append)
    cards = [yaml.safe_load((tmp_path / name / "text_presence.yaml").read_text()) for name in ("first", "again")]
    assert cards[0] == cards[1]
    assert load_presence(tmp_path / "first").factors.shape == (len(TOPS),)
    assert "calibrated" in said[-1]
