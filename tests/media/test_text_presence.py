from pathlib import Path

import numpy as np
import pytest
import yaml

from datasets.gallery import GALLERY
from datasets.overlays.lettering import fonts
from datasets.overlays.writing import BLACK, WHITE, Look, write
from moderation.media.decode import DecoderProcess
from moderation.media.subject import Picture, Rgb
from moderation.media.text_presence import (
    CALIBRATION,
    SIDE,
    WEIGHTS,
    load_presence,
    parts,
    text_presence,
    weights_digest,
)
from moderation.signals.picture_text.signal import READ_FROM
from tests.media.images import LIMITS, encoded

WEIGHTS_FOLDER = Path(__file__).resolve().parents[2] / "moderation/media/weights"
MEME = Look(WHITE, 0.07, BLACK)


def captioned(pixels: Rgb, *, height: float = 0.08, x: float = 0.5) -> Rgb:
    lines = ("When the tide", "comes in")
    return write(pixels, lines, fonts()["sans-heavy"], MEME, height=height, at=(x, 0.8)).pixels


@pytest.mark.parametrize("shape", [(1, 1), (5, 4_000), (3_000, 2), (40, 60), (1024, 1024), (769, 767)])
def test_every_size_of_picture_gets_one_likelihood(shape: tuple[int, int]) -> None:
    found = text_presence(np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert found.shape == (1,)
    assert found.dtype == np.float32
    assert 0 <= found.item() <= 1
    assert all(part.shape == (SIDE, SIDE, 3) for part in parts(np.zeros((*shape, 3), np.uint8)))


def test_drawn_pictures_with_a_caption_are_told_from_those_without() -> None:
    drawn = [drawing.pixels() for drawing in GALLERY[::3]]
    found = [text_presence(captioned(pixels)).item() >= READ_FROM for pixels in drawn]
    alarms = [text_presence(pixels).item() >= READ_FROM for pixels in drawn]
    assert sum(found) == len(drawn)
    assert sum(alarms) <= len(drawn) // 3


def test_text_at_one_end_of_a_very_long_picture_is_seen() -> None:
    wide = np.concatenate([GALLERY[0].pixels()] * 5, axis=1)
    assert text_presence(captioned(wide, x=0.95)).item() >= READ_FROM
    assert text_presence(wide).item() < READ_FROM


def test_it_runs_inside_the_decoder() -> None:
    pixels = captioned(GALLERY[0].pixels())
    with DecoderProcess(LIMITS, {"text_presence": text_presence}) as decoder:
        (picture,) = decoder.decode([encoded(pixels, "PNG")])
    assert isinstance(picture, Picture)
    (frame,) = picture.frames
    assert frame.reduced["text_presence"].item() == pytest.approx(text_presence(pixels).item(), abs=1e-5)


def test_weights_that_are_not_the_cards_are_refused(tmp_path: Path) -> None:
    (tmp_path / CALIBRATION).write_bytes((WEIGHTS_FOLDER / CALIBRATION).read_bytes())
    (tmp_path / WEIGHTS).write_bytes((WEIGHTS_FOLDER / WEIGHTS).read_bytes() + b"\0")
    with pytest.raises(ValueError, match="is not the file"):
        load_presence(tmp_path)


def test_the_card_pins_the_weights_and_says_how_they_were_made() -> None:
    card = yaml.safe_load((WEIGHTS_FOLDER / CALIBRATION).read_text())
    assert weights_digest() == card["sha256"]
    assert card["made_by"].startswith("python -m datasets.overlays train")
