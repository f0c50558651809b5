from pathlib import Path

import pytest

from moderation.signals.text_harm.calibration import SURFACES
from moderation.signals.text_harm.model import TextHarmModel
from moderation.signals.text_harm.product import Product
from moderation.signals.text_harm.training.encoder import open_encoder_folder
from moderation.signals.text_harm.training.examples import Options
from moderation.signals.text_harm.training.train import train
from tests.signals.text_harm import tiny

OPTIONS = Options(
    epochs=6, batch_rows=16, learning_rate=3e-3, head_rate=1e-2, frozen_layers=0, window_tokens=32, part_tokens=14,
    soft_weight=0.1, obfuscated_share=0.1, interpolation=1.0,
    limits={surface: {"ordinary": 0.05} for surface in SURFACES},
)  # fmt: skip


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.encoder_folder(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="session")
def product_folder(encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("product")
    train(tiny.examples(), open_encoder_folder(encoder_folder), OPTIONS, out)
    return out


@pytest.fixture(scope="session")
def model(product_folder: Path) -> TextHarmModel:
    return TextHarmModel.of(Product.open(product_folder), threads=1)
