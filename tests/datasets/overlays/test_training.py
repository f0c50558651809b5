from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from typer.testing import CliRunner

from datasets.overlays.__main__ import app
from datasets.overlays.backgrounds import backgrounds
from datasets.overlays.examples import Example, Plan, examples, plain_photographs, turned
from datasets.overlays.network import Head, joined, onnx_bytes, picture_logit
from datasets.overlays.training import fit, train
from moderation.domain.errors import InvalidInputError, ModelStoreError
from moderation.settings import load_settings
from moderation.signals.engine.onnx_session import OnnxRunner, open_runner
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelState, ModelStore
from moderation.signals.picture_text import presence
from moderation.signals.picture_text.presence import (
    CARD,
    DEEP,
    DEEP_CHANNELS,
    LOGITS,
    WIDE,
    WIDE_CHANNELS,
    PaddlePresence,
    deep_network,
    network_digest,
)
from moderation.signals.picture_text.reader import MODEL

CHANNELS = WIDE_CHANNELS + DEEP_CHANNELS
ONE_THREAD = EngineOptions(threads=1)


@pytest.fixture(scope="module")
def store() -> ModelStore:
    found = ModelStore(load_settings().models)
    if found.verify(MODEL).state is not ModelState.VERIFIED:
        pytest.fail(f"{MODEL} is not there: run `moderation models pull` first")
    return found


@pytest.fixture(scope="module")
def network(store: ModelStore) -> OnnxRunner:
    return deep_network(store, ONE_THREAD)


@pytest.mark.parametrize(("rows", "columns"), [(20, 20), (2, 60), (30, 14)])
def test_the_file_computes_what_the_head_does_for_every_shape(rows: int, columns: int) -> None:
    torch.manual_seed(1)
    head = Head(torch.rand(CHANNELS), torch.rand(CHANNELS) + 0.5).eval()
    wide, deep = torch.rand(1, WIDE_CHANNELS, 2 * rows, 2 * columns), torch.rand(1, DEEP_CHANNELS, rows, columns)
    runner, _ = open_runner(onnx_bytes(head), ONE_THREAD, (LOGITS,))
    with torch.inference_mode():
        expected = head(wide, deep).numpy()
    found = np.asarray(runner.run({WIDE: wide.numpy(), DEEP: deep.numpy()})[LOGITS])
    assert found.shape == expected.shape == (1, 1, rows, columns)
    assert np.abs(found - expected).max() < 1e-4


def test_a_picture_is_judged_in_training_as_in_use() -> None:
    fields = torch.randn(1, 1, 12, 9)
    assert float(picture_logit(fields)) == pytest.approx(presence.picture_logit(fields.numpy()), abs=1e-5)


def test_a_field_has_the_strongest_wide_feature_and_the_deep_ones() -> None:
    wide, deep = torch.zeros(1, WIDE_CHANNELS, 4, 4), torch.ones(1, DEEP_CHANNELS, 2, 2)
    wide[0, 5, 3, 0] = 7
    both = joined(wide, deep)
    assert both.shape == (1, CHANNELS, 2, 2)
    assert both[0, 5].tolist() == [[0, 0], [7, 0]]
    assert (both[0, WIDE_CHANNELS:] == 1).all()


def test_examples_mark_text_and_only_text(network: OnnxRunner) -> None:
    chosen = list(examples(Plan(pictures=20, grounds=4, seed=2), [], network))
    with_text = [example for example in chosen if example.cells.max() > 0]
    assert 6 < len(with_text) < 18
    assert all(example.features.shape == (CHANNELS, *example.cells.shape) for example in chosen)
    assert all(example.cells.min() >= 0 and example.cells.max() <= 1 for example in chosen)


def test_grounds_are_turned_but_stay_pictures() -> None:
    ground = next(backgrounds(3, 1))
    made = [turned(np.random.default_rng(seed), ground) for seed in range(8)]
    assert len({one.shape for one in made}) > 1
    assert all(one.shape[2] == 3 and min(one.shape[:2]) >= 0.4 * min(ground.shape[:2]) - 1 for one in made)


def test_photographs_with_text_of_their_own_are_left_out(tmp_path: Path) -> None:
    assert plain_photographs(Plan(1, 1, 1), lambda _: True) == []
    assert plain_photographs(Plan(1, 1, 1, photos=tmp_path, most_photos=5), lambda _: False) == []


def test_the_head_learns_features_that_tell() -> None:
    rng = np.random.default_rng(4)
    shown: list[Example] = []
    for number in range(96):
        features = rng.normal(size=(CHANNELS, 4, 4)).astype(np.float16)
        cells = np.zeros((4, 4), np.float32)
        if number % 2:
            cells[1, 1:3] = 1
            features[7:47, 1, 1:3] += 3
        shown.append(Example(features, cells))
    torch.manual_seed(4)
    torch.set_num_threads(1)
    said: list[str] = []
    head = fit(shown, Plan(96, 1, 4, epochs=20), said.append)
    with torch.inference_mode():
        logits = [float(picture_logit(head.fields(_tensor([one])))) for one in shown]
    assert sum((logit > 0) == bool(number % 2) for number, logit in enumerate(logits)) >= 92
    assert said[-1].startswith("epoch 20 of 20")


def test_a_folder_without_photographs_is_refused_before_weights_are_replaced(
    network: OnnxRunner, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="no photograph"):
        train(Plan(24, 1, 1, 1, tmp_path, 5), network, "0" * 64, tmp_path / "out", lambda _: None)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [["train", "--photos", "NOWHERE"], ["measure", "--photos", "NOWHERE"], ["measure", "--most", "1", "--skip", "1"]],
)
def test_wrong_folders_are_one_line(arguments: list[str], tmp_path: Path) -> None:
    named = [str(tmp_path / "none") if one == "NOWHERE" else one for one in arguments]
    result = CliRunner().invoke(app, [*named, *(["--out", str(tmp_path)] if named[0] == "train" else [])])
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert isinstance(result.exception, SystemExit)


@pytest.mark.long
def test_training_twice_gives_the_same_weights_which_load_over_their_network_only(
    store: ModelStore, network: OnnxRunner, tmp_path: Path
) -> None:
    said: list[str] = []
    for name in ("first", "again"):
        plan = Plan(pictures=24, grounds=3, seed=3, epochs=2)
        train(plan, network, network_digest(store), tmp_path / name, said.append)
    cards = [yaml.safe_load((tmp_path / name / CARD).read_text()) for name in ("first", "again")]
    assert cards[0] == cards[1]
    detector = PaddlePresence.load(store, ONE_THREAD, tmp_path / "first")
    assert all(0 <= detector.chance(pixels) <= 1 for pixels in islice(backgrounds(9, 2), 2))
    train(Plan(24, 3, 3, 1), network, "0" * 64, tmp_path / "other", said.append)
    with pytest.raises(ModelStoreError, match="another detection network"):
        PaddlePresence.load(store, ONE_THREAD, tmp_path / "other")


def _tensor(shown: Sequence[Example]) -> torch.Tensor:
    return torch.from_numpy(np.stack([one.features for one in shown]).astype(np.float32))
