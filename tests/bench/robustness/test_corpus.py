"""The bench's pictures: of folders, of the environment's, or drawn; and the parts that they are cut into."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moderation.bench.robustness import corpus as module
from moderation.bench.robustness.corpus import VARIABLE, corpus, tiles
from moderation.bench.robustness.scenes import scene
from moderation.domain.errors import InvalidInputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(4):
        Image.fromarray(scene(np.random.default_rng(seed), 96, 64)).save(tmp_path / f"{seed}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_gives_its_pictures_and_skips_other_files(folder: Path) -> None:
    found = corpus([folder])
    assert [picture.shape for picture in found.pictures] == [(64, 96, 3)] * 4
    assert found.source == folder.name


def test_every_second_picture_can_be_taken(folder: Path) -> None:
    assert len(corpus([folder], every=2).pictures) == 2


def test_the_environment_names_folders(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(folder))
    assert len(corpus([]).pictures) == 4


def test_without_any_folder_pictures_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(module, "BESIDE", tmp_path / "none")
    found = corpus([], every=30)
    assert len(found.pictures) == 2
    assert found.source == "drawn pictures"
    assert not np.array_equal(*found.pictures)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        corpus([tmp_path])


def test_a_picture_is_cut_into_parts_that_cover_it() -> None:
    picture = scene(np.random.default_rng(5), 100, 70)
    parts = tiles(picture)
    assert len(parts) == 4 + 9 + 16
    assert np.array_equal(np.hstack(parts[:2]), picture[:35])
    assert sum(part.shape[0] * part.shape[1] for part in parts) == 3 * 70 * 100
