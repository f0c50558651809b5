"""The edits: 36 kinds, each a pure function of pixels and seed that changes the picture and nothing else."""

import numpy as np
import pytest

from moderation.bench.robustness.edits import EDITS, HARDER, Kind, edited
from moderation.bench.robustness.scenes import scene
from moderation.media.subject import Rgb


@pytest.fixture(scope="module")
def picture() -> Rgb:
    return scene(np.random.default_rng(1), 320, 240)


def test_there_are_36_kinds_of_different_names() -> None:
    assert len(EDITS) == 36
    assert len({kind.name for kind in (*EDITS, *HARDER)}) == len(EDITS) + len(HARDER)
    assert all(kind.said.endswith(".") for kind in (*EDITS, *HARDER))


@pytest.mark.parametrize("kind", [*EDITS, *HARDER], ids=lambda kind: kind.name)
def test_an_edit_is_repeatable_changes_the_picture_and_leaves_the_original_alone(kind: Kind, picture: Rgb) -> None:
    before = picture.copy()
    once, again = edited(picture, kind, 3), edited(picture, kind, 3)
    assert np.array_equal(picture, before)
    assert np.array_equal(once, again)
    assert once.dtype == np.uint8
    assert once.ndim == 3
    assert once.shape[2] == 3
    assert once.shape != picture.shape or not np.array_equal(once, picture)


def test_pictures_get_different_edits(picture: Rgb) -> None:
    crop = next(kind for kind in EDITS if kind.name == "crop_75")
    assert not np.array_equal(edited(picture, crop, 1), edited(picture, crop, 2))
