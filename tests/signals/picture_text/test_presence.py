from pathlib import Path

import numpy as np
import pytest
import yaml

from datasets.gallery import GALLERY
from datasets.overlays.layouts import LAYOUTS
from datasets.overlays.lettering import fonts
from moderation.domain.errors import ModelStoreError
from moderation.media.subject import Rgb
from moderation.signals.engine.inference import Array, InferenceError, Tensors
from moderation.signals.engine.onnx_session import OnnxRunner
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore
from moderation.signals.picture_text.presence import (
    CARD,
    DEEP,
    LOGITS,
    WEIGHTS,
    WIDE,
    PaddlePresence,
    card,
    network_digest,
    picture_logit,
    weights_digest,
    weights_folder,
)
from moderation.signals.picture_text.signal import PICTURE_TEXT, READ_FROM
from tests.signals.picture_text.conftest import captioned

ONE_THREAD = EngineOptions(threads=1)
LIKELIHOOD = next(column for column in PICTURE_TEXT.columns if column.name == "picture_text_likelihood")


@pytest.mark.parametrize("shape", [(1, 1), (5, 1_000), (1_000, 2), (40, 60), (1024, 1024), (769, 767)])
def test_every_size_of_picture_gets_one_likelihood(presence: PaddlePresence, shape: tuple[int, int]) -> None:
    assert 0 <= presence.chance(np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)) <= 1


def test_drawn_pictures_with_a_caption_are_told_from_those_without(presence: PaddlePresence) -> None:
    drawn = [drawing.pixels() for drawing in GALLERY[::3]]
    found = [presence.chance(captioned(pixels)) >= READ_FROM for pixels in drawn]
    plain = [presence.chance(pixels) for pixels in drawn]
    balanced = LIKELIHOOD.recommended["balanced"]
    assert sum(found) == len(drawn)
    assert sum(chance >= READ_FROM for chance in plain) <= len(drawn) // 2
    assert sum(chance >= balanced for chance in plain) <= len(drawn) // 6


@pytest.mark.parametrize("name", ["page", "interface", "caption bar", "board"])
def test_pages_screenshots_bars_and_signs_are_seen(presence: PaddlePresence, name: str) -> None:
    rng, faces = np.random.default_rng(8), list(fonts().values())
    made = [LAYOUTS[name](rng, drawing.pixels(), faces) for drawing in GALLERY[:5]]
    found = [presence.chance(laid.written.pixels) >= READ_FROM for laid in made if laid is not None]
    assert len(found) >= 3
    assert all(found)


def test_text_at_one_end_of_a_very_long_picture_is_seen(presence: PaddlePresence) -> None:
    wide = np.concatenate([GALLERY[0].pixels()[:256]] * 4, axis=1)
    assert presence.chance(captioned(wide, x=0.95)) >= READ_FROM
    assert presence.chance(wide) < READ_FROM


def test_a_few_fields_together_decide() -> None:
    fields = np.full((1, 1, 5, 5), -8.0, np.float32)
    fields[0, 0, 2, 2:5] = (3, 6, 0)
    assert picture_logit(fields) == pytest.approx(3)
    assert picture_logit(np.full((1, 1, 1, 1), 2.0, np.float32)) == pytest.approx(2)


class Constant(OnnxRunner):
    """Gives the same numbers for everything."""

    def __init__(self, value: float) -> None:
        """It has no session."""
        self._value = value

    def run(self, inputs: Tensors) -> dict[str, Array]:
        return {name: np.full((1, 1, 4, 4), self._value, np.float32) for name in (WIDE, DEEP, LOGITS)}


@pytest.mark.parametrize("values", [(np.nan, 0.0), (0.0, np.nan), (np.inf, 0.0)])
def test_networks_that_give_no_numbers_are_no_picture_without_text(values: tuple[float, float]) -> None:
    broken = PaddlePresence(Constant(values[0]), Constant(values[1]))
    with pytest.raises(InferenceError, match="not finite"):
        broken.chance(np.zeros((8, 8, 3), np.uint8))


def test_a_very_sure_head_stays_within_0_and_1() -> None:
    pixels: Rgb = np.zeros((8, 8, 3), np.uint8)
    assert PaddlePresence(Constant(0), Constant(1e9)).chance(pixels) <= 1
    assert PaddlePresence(Constant(0), Constant(-1e9)).chance(pixels) >= 0


def _copied(folder: Path, *, more: bytes = b"", **changed: str) -> Path:
    shipped = weights_folder()
    (folder / CARD).write_text(yaml.safe_dump({**card(shipped), **changed}))
    (folder / WEIGHTS).write_bytes((shipped / WEIGHTS).read_bytes() + more)
    return folder


def test_weights_that_are_not_the_cards_or_over_another_network_are_refused(
    ocr_store: ModelStore, tmp_path: Path
) -> None:
    assert PaddlePresence.load(ocr_store, ONE_THREAD, _copied(tmp_path)).chance(GALLERY[0].pixels()) < READ_FROM
    with pytest.raises(ModelStoreError, match="is not the file"):
        PaddlePresence.load(ocr_store, ONE_THREAD, _copied(tmp_path, more=b"\0"))
    with pytest.raises(ModelStoreError, match="another detection network"):
        PaddlePresence.load(ocr_store, ONE_THREAD, _copied(tmp_path, network="0" * 64))
    with pytest.raises(ModelStoreError, match="cannot be read"):
        PaddlePresence.load(ocr_store, ONE_THREAD, tmp_path / "empty")
    (tmp_path / CARD).write_text("- a list\n")
    with pytest.raises(ModelStoreError, match="cannot be read"):
        PaddlePresence.load(ocr_store, ONE_THREAD, tmp_path)


def test_the_card_pins_weights_and_network_and_says_how_they_were_made(ocr_store: ModelStore) -> None:
    stated = card(weights_folder())
    assert weights_digest() == stated["sha256"]
    assert stated["network"] == network_digest(ocr_store)
    assert stated["made_by"].startswith("python -m datasets.overlays train")
