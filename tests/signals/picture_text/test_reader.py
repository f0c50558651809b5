from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from datasets.gallery import GALLERY
from datasets.overlays.lettering import fonts
from datasets.overlays.writing import BLACK, WHITE, Look, write
from moderation.domain.errors import ModelStoreError
from moderation.media.subject import Rgb
from moderation.signals.engine.inference import Array, InferenceError, Tensors
from moderation.signals.engine.onnx_session import OnnxRunner
from moderation.signals.models import ModelStore
from moderation.signals.picture_text.layout import rows, written
from moderation.signals.picture_text.reader import INPUT, MODEL, MOST_LINES, OUTPUT, RECOGNISER, PaddleReader
from tests.signals.picture_text.conftest import written_on


def read(reader: PaddleReader, pixels: Rgb) -> str:
    return written(rows(reader.read(pixels).lines)).lower()


def test_what_is_written_is_read_in_order(reader: PaddleReader) -> None:
    assert read(reader, written_on("Fog, then firs", "then more fog", "for 27 days")) == (
        "fog, then firs\nthen more fog\nfor 27 days"
    )


@pytest.mark.parametrize("angle", [-25, 15, 90, 180])
def test_turned_text_is_read(reader: PaddleReader, angle: float) -> None:
    assert "sunset" in read(reader, written_on("SUNSET SAIL", look=Look(WHITE, 0.07, BLACK, angle=angle)))


def test_small_text_is_read(reader: PaddleReader) -> None:
    assert "alpine" in read(reader, written_on("alpine ridges", height=0.035, look=Look(BLACK, backing=WHITE)))


def test_letters_that_are_not_latin_are_read(reader: PaddleReader) -> None:
    pixels = write(
        GALLERY[2].pixels(), ["Привет", "中文大学"], fonts()["uni"], Look(WHITE, 0.07), height=0.12, at=(0.5, 0.5)
    ).pixels
    assert set("中文大学") <= set(read(reader, pixels))


def test_a_picture_without_text_has_no_lines(reader: PaddleReader) -> None:
    assert reader.read(GALLERY[0].pixels()).lines == ()


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 3)])
def test_strange_shapes_are_no_problem(reader: PaddleReader, shape: tuple[int, int]) -> None:
    assert reader.read(np.full((*shape, 3), 127, np.uint8)).unread == 0


def test_a_wall_of_words_is_bounded_by_number_and_time(ocr_store: ModelStore) -> None:
    tile = np.full((36, 170, 3), 255, np.uint8)
    word = write(tile, ["words"], fonts()["aileron"], Look(BLACK), height=0.55, at=(0.5, 0.5)).pixels
    wall = np.tile(word, (28, 6, 1))
    loaded = PaddleReader.load(ocr_store, threads=1)
    ticks: Iterator[int] = count()
    slow = PaddleReader(
        loaded._detector, loaded._recogniser, loaded._characters, seconds=5, clock=lambda: float(next(ticks))
    )
    reading = slow.read(wall)
    assert len(reading.lines) == 5
    assert reading.unread > MOST_LINES
    endless = PaddleReader(loaded._detector, loaded._recogniser, loaded._characters, clock=lambda: 0.0)
    reading = endless.read(wall)
    assert len(reading.lines) <= MOST_LINES
    assert len(reading.lines) + reading.unread > 2 * MOST_LINES


class BrokenDetector(OnnxRunner):
    """Finds a place, and numbers that are none."""

    def __init__(self) -> None:
        """It has no session."""

    def run(self, inputs: Tensors) -> dict[str, Array]:
        height, width = inputs[INPUT].shape[2:]
        return {OUTPUT: np.full((1, 1, height, width), np.nan, np.float32)}


def test_a_detector_that_gives_no_numbers_is_no_picture_without_text(reader: PaddleReader) -> None:
    broken = PaddleReader(BrokenDetector(), reader._recogniser, reader._characters)
    with pytest.raises(InferenceError, match="not finite"):
        broken.read(written_on("words"))


def test_a_reader_whose_bytes_are_not_the_pinned_ones_is_not_loaded(ocr_store: ModelStore, tmp_path: Path) -> None:
    for name in ("PP-OCRv6_det_small.onnx", RECOGNISER):
        (tmp_path / MODEL).mkdir(exist_ok=True)
        (tmp_path / MODEL / name).write_bytes(ocr_store.read(MODEL, name))
    with (tmp_path / MODEL / RECOGNISER).open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"\0\1\2\3")
    with pytest.raises(ModelStoreError, match="not the pinned"):
        PaddleReader.load(ModelStore(tmp_path), threads=1)
    with pytest.raises(ModelStoreError, match="not in the model store"):
        PaddleReader.load(ModelStore(tmp_path / "empty"), threads=1)
