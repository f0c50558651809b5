"""Daylight scenes: mountains, sea, dunes, forest, balloons, islands from above."""

import numpy as np

from datasets.drawing.colour import Colour, Layer, Pixels, blank, colour, develop, ink, paint, palette, ramp
from datasets.drawing.field import Field, Size, noise, radius, ridge, speckle, step, wave

SKIES = (
    "1b2a5c 5b4b8a c86b85 f2a65a f9dc9a",
    "2e6fb0 6aa8d8 a9d3ea e7f1ee f6f3e0",
    "0f3b4c 2f7f86 8fc7a8 e8e2b0 f5c98a",
    "3a2b52 8a4a6b d9776b f3b27a fde3b4",
)
FAR_ROWS = 3


def mountains(rng: np.random.Generator, size: Size) -> Pixels:
    """Ranges of mountains behind each other, paler with distance, under a low sun."""
    canvas = blank(size, palette(SKIES[int(rng.integers(len(SKIES)))]))
    x, y = size.grid()
    sun = radius(x - size.aspect * float(rng.integers(2, 8)) / 10, y - np.float32(0.32))
    paint(canvas, step(sun, 0.42, 0.05) * np.float32(0.5), colour("ffe2a8"))
    paint(canvas, step(sun, 0.075, 0.065), colour("fff3cf"))
    paint(canvas, step(noise(rng, size, 3, stretch=4), 0.5, 0.9) * np.float32(0.45), colour("fff4e6"))
    rock = noise(rng, size, 12, 3)
    near = palette(("2a3550", "1d3b3a", "3a2338", "14283f")[int(rng.integers(4))])[0]
    for layer in range(5):
        depth = layer / 4
        height = np.float32(0.42 + 0.13 * layer) - ridge(rng, size, 2 + layer) * np.float32(0.26 - 0.02 * layer)
        haze = [colour("c9c3d6"), near]
        body = ramp((rock - np.float32(0.5)) * np.float32(0.35) + np.float32(0.15 + 0.75 * depth), haze)
        paint(canvas, step(y - height, 0, 0.004), body)
        paint(canvas, step(y - height, 0.0, 0.03) * step(y - height, 0.16, 0.03) * rock * np.float32(0.25), near)
    return develop(canvas, rng)


def sea(rng: np.random.Generator, size: Size) -> Pixels:
    """A sea with glitter under the sun, and a sailing boat."""
    canvas = blank(size, palette(SKIES[int(rng.integers(len(SKIES)))]))
    x, y = size.grid()
    horizon = float(rng.integers(42, 58)) / 100
    middle = size.aspect * float(rng.integers(3, 8)) / 10
    sun = radius(x - np.float32(middle), y - np.float32(horizon - 0.14))
    paint(canvas, step(sun, 0.3, 0.04) * np.float32(0.6), colour("ffe9bb"))
    paint(canvas, step(sun, 0.06, 0.052), colour("fffbe6"))
    paint(canvas, step(noise(rng, size, 4, stretch=6), 0.55, 0.85) * np.float32(0.5), colour("fffaf2"))
    depth = np.clip((y - np.float32(horizon)) / np.float32(1 - horizon), 0, 1)
    swell = noise(rng, size, 10, 4, stretch=9)
    water = ramp(
        depth * np.float32(0.8) + (swell - np.float32(0.5)) * np.float32(0.5), palette("8fc4cf 3a86a0 14526f 0b2f48")
    )
    paint(canvas, step(y - np.float32(horizon), 0, 0.003) + swell * 0, water)
    path = step(np.abs(x - np.float32(middle)) - depth * np.float32(0.25), 0.06, 0.0)
    paint(canvas, path * step(swell, 0.5, 0.62) * step(depth, 0, 0.02), colour("fff1c4"))
    _boat(canvas, x, y, float(rng.integers(15, 80)) / 100 * size.aspect, horizon + 0.1)
    return develop(canvas, rng)


def _boat(canvas: Layer, x: Field, y: Field, left: float, foot: float) -> None:
    across, up = x - np.float32(left), np.float32(foot) - y
    main = (
        step(across, 0, 0.003)
        * step(up - np.float32(0.03), 0, 0.003)
        * step(across + up * np.float32(0.45), 0.125, 0.12)
    )
    jib = (
        step(across, -0.006, -0.009)
        * step(up - np.float32(0.04), 0, 0.003)
        * step(up * np.float32(0.4) - across, 0.1, 0.095)
    )
    hull = step(up, 0.025, 0.022) * step(up, 0, 0.003) * step(np.abs(across) - up * np.float32(0.6), 0.1, 0.096)
    paint(canvas, main, colour("fbf5e9"))
    paint(canvas, jib, colour("e4572e"))
    paint(canvas, hull, colour("4a2c1d"))


def dunes(rng: np.random.Generator, size: Size) -> Pixels:
    """Sand dunes with wind ripples, each with a lit and a shaded side."""
    canvas = blank(size, palette("3f7fb5 86b9d6 e6dcc0"))
    x, y = size.grid()
    grit = speckle(rng, size)
    for layer in range(6):
        crest = np.float32(0.3 + 0.12 * layer) - ridge(rng, size, 1 + layer // 2, 3) * np.float32(0.2)
        below = y - crest
        ripples = wave(below * np.float32(22 + 6 * layer) + x * np.float32(3) + ridge(rng, size, 6) * np.float32(1.5))
        light = np.float32(0.75) - below * np.float32(1.6) + ripples * np.float32(0.1) + (grit - 0.5) * np.float32(0.12)
        paint(canvas, step(below, 0, 0.005) + light * 0, ramp(light, palette("5a2f1f a55b2c d99a4e f3cf8e fbe9c2")))
    return develop(canvas, rng)


def forest(rng: np.random.Generator, size: Size) -> Pixels:
    """Rows of firs that fade into fog."""
    canvas = blank(size, palette("d8e4de b9d0c8 8fb3a8"))
    _, y = size.grid()
    fog = noise(rng, size, 3, stretch=3)
    for row, shade in enumerate(palette("9dbdb2 78a091 4f7f70 2c5a4c 143a30")):
        base = 0.5 + 0.12 * row
        for _ in range(20 - 2 * row):
            height = float(rng.integers(18, 34)) / 100 * (0.6 + 0.25 * row)
            _fir(canvas, size, (float(rng.integers(0, 1000)) / 1000 * size.aspect, base, height), shade)
        ground = step(y - np.float32(base) + fog * np.float32(0.05), 0, 0.05)
        paint(canvas, ground, ramp(fog, palette("7fa394 2f5a4c" if row < FAR_ROWS else "3c6a58 16352c")))
        paint(canvas, step(fog, 0.35, 0.9) * np.float32(0.35 - 0.05 * row), colour("eef4ef"))
    return develop(canvas, rng)


def _fir(canvas: Layer, size: Size, place: tuple[float, float, float], shade: Colour) -> None:
    x, y = size.grid()
    middle, base, height = place
    rows, columns = size.window(middle, base - height / 2, height * 0.25, height / 2 + 0.06)
    across = np.abs(x[:, columns] - np.float32(middle))
    down = y[rows] - np.float32(base - height)
    boughs = np.float32(0.55) + np.float32(0.45) * (down * np.float32(9 / height) % 1)
    paint(canvas[rows, columns], step(across - down * boughs * np.float32(0.2), 0.004, 0) * step(down, 0, 0.01), shade)


def balloons(rng: np.random.Generator, size: Size) -> Pixels:
    """Striped hot-air balloons among clouds."""
    canvas = blank(size, palette(SKIES[1]))
    paint(canvas, step(noise(rng, size, 3, 5, stretch=2), 0.45, 0.8) * np.float32(0.85), colour("ffffff"))
    hues = palette("d1495b edae49 00798c 66a182 8d5a97 f26430 30638e")
    for scale in sorted(float(rng.integers(5, 16)) / 100 for _ in range(7)):
        first, second = rng.permutation(len(hues))[:2]
        middle = float(rng.integers(5, 95)) / 100 * size.aspect, float(rng.integers(10, 75)) / 100
        _balloon(canvas, size, (*middle, scale), (hues[first], hues[second]))
    return develop(canvas, rng)


def _balloon(canvas: Layer, size: Size, place: tuple[float, float, float], hues: tuple[Colour, Colour]) -> None:
    x, y = size.grid()
    middle, level, scale = place
    rows, columns = size.window(middle, level, 1.1 * scale, 1.8 * scale)
    across = (x[:, columns] - np.float32(middle)) / np.float32(scale)
    down = (y[rows] - np.float32(level)) / np.float32(scale)
    narrow = across * (1 + np.maximum(down, 0) * np.float32(0.35))
    inside = step(radius(narrow, down * np.float32(0.9)), 1.0, 0.97)
    gores = wave(narrow * np.float32(1.6) / np.sqrt(np.clip(1 - down * down * np.float32(0.8), 0.05, 1)))
    shade = np.clip(np.float32(0.9) - across * np.float32(0.25) - down * np.float32(0.12), 0.5, 1.1)
    stripes = np.where((gores > 0)[:, :, np.newaxis], ink(hues[0]), ink(hues[1]))
    paint(canvas[rows, columns], inside, stripes * shade[:, :, np.newaxis])
    basket = step(np.abs(across), 0.16, 0.13) * step(np.abs(down - np.float32(1.45)), 0.13, 0.1)
    ropes = step(np.abs(np.abs(across) - np.float32(0.13)), 0.03, 0.01) * step(
        np.abs(down - np.float32(1.2)), 0.2, 0.18
    )
    paint(canvas[rows, columns], np.maximum(basket, ropes), colour("5b3a21"))


def islands(rng: np.random.Generator, size: Size) -> Pixels:
    """Islands seen from above: shallows, beaches, woods and peaks, lit from the north-west."""
    height = noise(rng, size, 3, 6)
    tones = palette("12355b 1b5a86 2f8fb0 7fcfc9 f0e2b0 9cbf6b 4f8f4a 2f6b3f 7a6a55 a89a86 f4f4f2")
    slope = np.zeros_like(height)
    slope[1:, 1:] = height[1:, 1:] - height[:-1, :-1]
    light = 1 + np.clip(slope * np.float32(14), -0.4, 0.4) * step(height, 0.36, 0.42)
    return develop(ramp(height * np.float32(1.05), tones) * light[:, :, np.newaxis], rng)
