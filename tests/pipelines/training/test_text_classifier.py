from pathlib import Path

import dagster as dg
import pytest

from datasets.captions import generate
from moderation.signals.text_harm.product import Product
from moderation.signals.text_harm.training.card import CARD_FILE
from moderation.signals.text_harm.training.examples import Part
from pipelines.defs.training import text_classifier
from pipelines.defs.training.text_classifier import TextClassifierConfig, train_text_classifier
from pipelines.defs.training.text_examples import part, pool
from pipelines.resources import System
from tests.signals.text_harm import tiny


def test_more_harmless_texts_fill_the_pools_and_teach_no_curve() -> None:
    rows = text_classifier.captions(4, 12)
    chosen = generate(text_classifier.CAPTIONS_SEED, 4)
    more = rows[len(chosen) :]
    assert rows[: len(chosen)] == chosen
    assert more
    assert len({row.text for row in rows}) == len({row.text for row in chosen}) + len({row.text for row in more})
    for row in more:
        assert row.labels == {}
        assert pool(row)
        assert part(row) is Part.VALIDATION


@pytest.mark.timeout(400)
def test_the_asset_trains_on_generated_rows_and_says_what_it_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODERATION_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(text_classifier, "rows", lambda config: generate(config.seed, 1))
    encoder = tiny.encoder_folder(tmp_path / "encoder")
    config = TextClassifierConfig(out=str(tmp_path / "out"), encoder=str(encoder), epochs=0.05)
    result = dg.materialize(
        [train_text_classifier],
        resources={"system": System()},
        run_config=dg.RunConfig({"train_text_classifier": config}),
    )
    assert result.success
    (event,) = result.asset_materializations_for_node("train_text_classifier")
    product = Product.open(tmp_path / "out")
    assert event.metadata["model-int8.onnx"].value == product.calibration.model
    assert event.metadata["folder"].value == str(tmp_path / "out")
    assert (tmp_path / "out" / CARD_FILE).is_file()
