from itertools import islice

import numpy as np
import pytest

from datasets.drawing.field import Size
from datasets.gallery import GALLERY
from datasets.overlays import buildings, textures
from datasets.overlays.backgrounds import backgrounds
from datasets.overlays.cases import cases, laid_cases
from datasets.overlays.compose import overlaid
from datasets.overlays.layouts import LAYOUTS
from datasets.overlays.lettering import fonts, line
from datasets.overlays.phrases import foreign, phrase, words, writing
from datasets.overlays.textures import Texture
from datasets.overlays.writing import BLACK, LEAST_CONTRAST, WHITE, Look, write

GROUND = np.full((400, 600, 3), 90, np.uint8)
TEXTURES: tuple[Texture, ...] = (
    *(textures.noise, textures.twigs, textures.leaves, textures.lattice, textures.stripes, textures.shapes),
    *(buildings.front, buildings.room, buildings.things),
)


@pytest.mark.parametrize("name", sorted(fonts()))
def test_every_font_draws_letters_without_empty_edges(name: str) -> None:
    mask = line("Hgamburg 123", fonts()[name])
    assert mask.dtype == np.uint8
    assert all(edge.max() > 0 for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="shows nothing"):
        line(" ", fonts()["aileron"])


@pytest.mark.parametrize("texture", TEXTURES)
def test_a_texture_is_the_same_for_the_same_seed(texture: Texture) -> None:
    first, again, other = (texture(np.random.default_rng(seed), Size(160, 120)) for seed in (1, 1, 2))
    assert first.shape == (120, 160, 3)
    assert first.dtype == np.uint8
    assert (first == again).all()
    assert (first != other).any()


def test_text_is_as_high_as_asked_and_where_the_mask_says() -> None:
    made = write(GROUND, ["Hg"], fonts()["sans-regular"], Look(WHITE), height=0.1, at=(0.5, 0.5))
    changed = (made.pixels != GROUND).any(axis=2)
    rows = np.flatnonzero(changed.any(axis=1))
    assert made.height == pytest.approx(0.1)
    assert rows[-1] - rows[0] + 1 == pytest.approx(40, abs=2)
    assert not (changed & (made.mask == 0)).any()
    assert (made.mask > 0).sum() > 0
    assert made.contrast == pytest.approx(165, abs=3)


def test_lines_that_are_too_wide_are_made_smaller_and_stay_inside() -> None:
    made = write(GROUND, ["a very long line indeed"], fonts()["sans-heavy"], Look(BLACK), height=0.3, at=(0.0, 1.0))
    assert made.height < 0.3
    assert not (made.pixels[:, 0] != GROUND[:, 0]).any()
    assert not (made.pixels[:, -1] != GROUND[:, -1]).any()


def test_overlays_and_grounds_are_the_same_for_the_same_seed() -> None:
    first, again = (list(backgrounds(7, 3)) for _ in range(2))
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
    made = [overlaid(np.random.default_rng(3), first[0]) for _ in range(2)]
    assert made[0] is not None
    assert made[1] is not None
    assert (made[0].pixels == made[1].pixels).all()


def test_words_come_from_the_gallery_and_lines_are_never_empty() -> None:
    rng = np.random.default_rng(1)
    assert {"sailing", "balloon"} <= set(words())
    assert all(word.lower() in words() for word in phrase(rng, 30).split())
    assert all(writing(rng).strip() and foreign(rng).strip() for _ in range(50))


def test_cases_name_the_words_that_were_drawn() -> None:
    made = list(cases(1, [drawing.pixels() for drawing in islice(GALLERY, 4)], (0.05,)))
    assert len(made) == 4
    for case in made:
        assert case.words
        assert set(case.words) <= set(words())
        assert case.height == pytest.approx(0.05, rel=0.11)


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_layouts_write_words_where_the_mask_says(name: str) -> None:
    rng, faces = np.random.default_rng(6), list(fonts().values())
    grounds = list(backgrounds(6, 6))
    made = [laid for ground in grounds if (laid := LAYOUTS[name](rng, ground, faces)) is not None]
    assert len(made) >= 3
    for laid in made:
        assert laid.words
        assert laid.written.mask.shape == laid.written.pixels.shape[:2]
        assert laid.written.mask.any()
        assert not laid.written.mask.all()
        assert laid.written.contrast >= (20 if name == "faint" else LEAST_CONTRAST)


def test_laid_cases_are_the_same_for_the_same_seed() -> None:
    grounds = list(backgrounds(8, 2))
    first, again = (list(laid_cases(2, grounds)) for _ in range(2))
    assert {case.look for case in first} <= set(LAYOUTS)
    assert all((one.pixels == other.pixels).all() for one, other in zip(first, again, strict=True))
