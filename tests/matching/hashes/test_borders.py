from io import BytesIO
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image, ImageDraw, ImageOps

from moderation.bench.hash_pictures import drawn
from moderation.matching.hashes.borders import NO_BORDER, Box, box_of, trimmed_luma64
from moderation.matching.hashes.grid import Grid, grid_of
from moderation.matching.hashes.pdq import hash_and_quality, pdq_luma64
from moderation.media.subject import Rgb
from tests.media.images import encoded

NEAR = 10
COLOURS = [(0, 0, 0), (255, 255, 255), (128, 120, 110), (200, 20, 40), (20, 40, 120)]


def pixels(image: Image.Image) -> Rgb:
    return np.asarray(image.convert("RGB"))


def picture(height: int = 400, width: int = 520, seed: int = 1) -> Image.Image:
    return Image.fromarray(drawn(height, width, seed))


def distance_inside(changed: Rgb, original: Image.Image) -> int:
    """Bits between the trimmed picture's hash and the original's; 256 where nothing was trimmed."""
    luma = trimmed_luma64(changed)
    if luma.shape == NO_BORDER:
        return 256
    code, _ = hash_and_quality(luma)
    return int(np.bitwise_count(code ^ hash_and_quality(pdq_luma64(pixels(original)))[0]).sum())


def letterboxed(original: Image.Image, bar: int, colour: tuple[int, int, int]) -> Image.Image:
    whole = Image.new("RGB", (original.width, original.height + 2 * bar), colour)
    whole.paste(original, (0, bar))
    return whole


def jpeg(image: Image.Image, quality: int = 70) -> Image.Image:
    return Image.open(BytesIO(encoded(image, "JPEG", quality=quality)))


@given(
    colour=st.sampled_from(COLOURS),
    sides=st.tuples(*[st.integers(0, 90)] * 4).filter(lambda cut: max(cut) > 12),
    height=st.integers(150, 700),
    seed=st.integers(0, 50),
)
@settings(deadline=None, max_examples=30)
def test_a_border_of_any_colour_and_width_is_cut_off_to_the_pixel(
    colour: tuple[int, int, int], sides: tuple[int, int, int, int], height: int, seed: int
) -> None:
    original = picture(height, 500, seed)
    assert distance_inside(pixels(ImageOps.expand(original, sides, colour)), original) <= NEAR


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("quality", [40, 90])
def test_letterbox_bars_are_cut_off_after_lossy_compression(colour: tuple[int, int, int], quality: int) -> None:
    original = picture()
    assert distance_inside(pixels(jpeg(letterboxed(original, 70, colour), quality)), original) <= 2 * NEAR


def test_nearly_uniform_bars_are_cut_off() -> None:
    original = picture()
    noisy = pixels(letterboxed(original, 70, (40, 40, 44))).astype(int)
    noisy[:70] += np.random.default_rng(0).integers(-6, 7, noisy[:70].shape)
    assert distance_inside(np.clip(noisy, 0, 255).astype(np.uint8), original) <= NEAR


def test_bars_inside_a_frame_are_cut_off_too() -> None:
    original = picture()
    framed = ImageOps.expand(letterboxed(original, 60, (0, 0, 0)), 25, (255, 255, 255))
    assert distance_inside(pixels(framed), original) <= NEAR


def test_text_in_a_bar_goes_with_it() -> None:
    original = picture()
    meme = Image.new("RGB", (original.width, original.height + 110), (255, 255, 255))
    meme.paste(original, (0, 110))
    ImageDraw.Draw(meme).text((20, 15), "WHEN ALL TESTS PASS\nAND NOBODY KNOWS WHY", fill=(0, 0, 0), font_size=30)
    assert distance_inside(pixels(jpeg(meme)), original) <= 2 * NEAR


@pytest.mark.parametrize("dark", [False, True])
def test_a_screenshot_is_cut_down_to_its_picture(dark: bool) -> None:
    original = picture()
    paper, ink = ((18, 18, 18), (240, 240, 240)) if dark else ((255, 255, 255), (20, 20, 20))
    screen = Image.new("RGB", (original.width, 760), paper)
    draw = ImageDraw.Draw(screen)
    draw.rectangle((0, 0, screen.width, 24), fill=(0, 0, 0))
    draw.text((10, 3), "12:41", fill=(255, 255, 255), font_size=16)
    draw.ellipse((10, 40, 50, 80), fill=(90, 140, 200))
    draw.text((70, 50), "somebody, 3 hours ago", fill=ink, font_size=20)
    screen.paste(original, (0, 110))
    for line, text in enumerate(["1,204 likes", "what a day it was", "View all 37 comments"]):
        draw.text((10, 540 + 50 * line), text, fill=ink, font_size=22)
    assert distance_inside(pixels(jpeg(screen)), original) <= 2 * NEAR


def test_a_picture_without_a_border_is_not_trimmed() -> None:
    for seed in range(8):
        assert trimmed_luma64(pixels(picture(seed=seed))).shape == NO_BORDER


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (5, 900), (900, 5), (64, 64), (300, 200)])
def test_a_flat_picture_has_nothing_inside(shape: tuple[int, int]) -> None:
    assert trimmed_luma64(np.full((*shape, 3), 200, dtype=np.uint8)).shape == NO_BORDER


@pytest.mark.parametrize(
    ("height", "width", "trimmed"),
    [(300, 300, True), (100, 100, False), (50, 50, False), (220, 600, True), (200, 600, False), (600, 200, False)],
)
def test_it_is_trimmed_only_when_enough_is_left(height: int, width: int, trimmed: bool) -> None:
    """A logo on a page is no picture with a border."""
    page = ImageOps.expand(picture(height, width), ((700 - width) // 2, (700 - height) // 2), (255, 255, 255))
    assert (trimmed_luma64(pixels(page)).shape != NO_BORDER) is trimmed


def test_a_hair_of_a_border_is_none() -> None:
    assert trimmed_luma64(pixels(ImageOps.expand(picture(700, 700), 2, (0, 0, 0)))).shape == NO_BORDER


def test_a_grid_from_the_other_end_has_the_same_box_in_pixels() -> None:
    rgb = pixels(ImageOps.expand(picture(997, 1103), (41, 57, 33, 0), (255, 255, 255)))
    grid = grid_of(rgb)
    turned = grid_of(np.ascontiguousarray(rgb[::-1, ::-1]))
    mirrored = Grid(turned.grey[::-1, ::-1], grid.scale, grid.height, grid.width, from_bottom=True, from_right=True)
    assert box_of(grid) == Box(57, 1054, 41, 1144)
    found = box_of(mirrored)
    assert found is not None
    assert max(abs(a - b) for a, b in zip(found, (57, 1054, 41, 1144), strict=True)) <= 1


def test_most_photographs_with_a_new_border_are_found_again(shared: Path) -> None:
    found = []
    for path in sorted((shared / "corpora/photos").iterdir())[::8]:
        with Image.open(path) as image:
            original = image.convert("RGB")
        found.append(distance_inside(pixels(jpeg(ImageOps.expand(original, 30, (250, 250, 250)))), original) <= 31)
    assert np.mean(found) >= 0.8
