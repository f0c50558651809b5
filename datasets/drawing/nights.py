"""Night scenes: aurora, nebula with a planet, a city's windows."""

import numpy as np

from datasets.drawing.colour import Layer, Pixels, blank, colour, develop, ink, paint, palette, ramp
from datasets.drawing.field import Size, noise, radius, ridge, speckle, step, wave


def _stars(canvas: Layer, rng: np.random.Generator, size: Size, share: float) -> None:
    grain = speckle(rng, size)
    bright = step(grain, 1 - share, 1)
    near = np.maximum(bright, np.float32(0.5) * np.maximum(np.roll(bright, 1, 0), np.roll(bright, 1, 1)))
    paint(canvas, near, colour("fdfbff"))


def aurora(rng: np.random.Generator, size: Size) -> Pixels:
    """Curtains of light over a line of firs and their lake."""
    canvas = blank(size, palette("050b1f 0a1a35 123047 0a1a2a"))
    x, y = size.grid()
    _stars(canvas, rng, size, 0.003)
    rays = ridge(rng, size, 20, 4)
    for hue in palette(("3dffa8 7c5cff", "49e0c8 ff5ca8", "9dff5c 3da8ff")[int(rng.integers(3))]):
        foot = np.float32(0.35) + ridge(rng, size, 2, 3) * np.float32(0.3)
        above = foot - y
        veil = step(above, -0.05, 0.06) * step(above, 0.4, 0.0) * step(rays, 0.1, 0.9)
        canvas += ink(hue) * (veil * np.float32(0.8))[:, :, np.newaxis]
    trees = np.float32(0.72) - np.abs(wave(x * np.float32(19)) * wave(x * np.float32(7.3))) * np.float32(0.12)
    mirror = y > np.float32(0.78)
    flip = canvas[np.clip((np.float32(1.56) - y[:, 0]) * size.height, 0, size.height - 1).astype(np.int64)]
    ripple = noise(rng, size, 24, 2, stretch=8)
    paint(
        canvas,
        mirror * np.float32(0.9) + x * 0,
        flip * (np.float32(0.35) + ripple * np.float32(0.35))[:, :, np.newaxis],
    )
    bank = step(y - trees, 0, 0.004) * step(y, 0.785, 0.78)
    paint(canvas, bank, colour("04080f"))
    return develop(canvas, rng)


def nebula(rng: np.random.Generator, size: Size) -> Pixels:
    """Gas clouds, stars, and a banded planet."""
    x, y = size.grid()
    gas, dust = noise(rng, size, 2, 6), noise(rng, size, 3, 6)
    inks = (
        "02030a 1b1140 5a1f6e c2477f f7b267",
        "020610 06283d 1363df 47b5ff dff6ff",
        "030405 10231c 1f5f4a 8fd694 f6f7c1",
    )
    canvas = ramp(gas * gas * np.float32(1.3) - dust * np.float32(0.35), palette(inks[int(rng.integers(3))]))
    _stars(canvas, rng, size, 0.004)
    reach = float(rng.integers(16, 27)) / 100
    across = (x - np.float32(size.aspect * float(rng.integers(30, 70)) / 100)) / np.float32(reach)
    down = (y - np.float32(float(rng.integers(35, 65)) / 100)) / np.float32(reach)
    off = radius(across, down)
    bulge = np.sqrt(np.clip(1 - off * off, 0, 1))
    belts = wave(down * np.float32(1.7) + dust * np.float32(0.35)) * np.float32(0.3) + np.float32(0.5)
    light = np.clip((bulge * np.float32(0.6) - across * np.float32(0.6) - down * np.float32(0.5)), 0.05, 1)
    surface = ramp(belts + gas * np.float32(0.25), palette("5a3825 a8693f e0b97d f5e6c8 9fb8ad"))
    paint(canvas, step(off, 1, 0.985), surface * light[:, :, np.newaxis])
    ring = radius(across, (down + across * np.float32(0.25)) * np.float32(3.4))
    behind = 1 - step(off, 1, 0.98) * (down + across * np.float32(0.25) < 0)
    paint(
        canvas,
        step(ring, 1.25, 1.4) * step(ring, 2.1, 1.8) * behind * np.float32(0.75),
        ramp(ring % 1, palette("efe0c0 a98d63 efe0c0")),
    )
    return develop(canvas, rng)


def city(rng: np.random.Generator, size: Size) -> Pixels:
    """Towers with lit windows at dusk, mirrored in wet ground."""
    canvas = blank(
        size,
        palette(("14143a 4b2a63 b2556b f0a06a f0a06a", "0b1d3a 1f4a6e 5f93a8 e8c9a0 e8c9a0")[int(rng.integers(2))]),
    )
    x, y = size.grid()
    moon = radius(x - np.float32(0.75 * size.aspect), y - np.float32(0.18))
    paint(canvas, step(moon, 0.07, 0.065), colour("fff6dd"))
    paint(canvas, step(noise(rng, size, 4, stretch=5), 0.5, 0.9) * np.float32(0.35), colour("f7d9c4"))
    for row in range(3):
        left = -0.05
        while left < size.aspect:
            width, top = float(rng.integers(6, 15)) / 100, 0.75 - float(rng.integers(15, 60 - 12 * row)) / 100
            _tower(canvas, rng, size, left, (width, top, row))
            left += width + float(rng.integers(0, 4)) / 100
    foot = round(0.78 * size.height)
    below = canvas[foot - 1 :: -1][: size.height - foot]
    shimmer = noise(rng, Size(size.width, size.height - foot), 6, 3, stretch=6)[:, :, np.newaxis]
    canvas[foot:] = below * (np.float32(0.3) + shimmer * np.float32(0.5)) + np.float32(6)
    return develop(canvas, rng)


def _tower(canvas: Layer, rng: np.random.Generator, size: Size, left: float, shape: tuple[float, float, int]) -> None:
    width, top, row = shape
    rows = slice(round(top * size.height), round(0.78 * size.height))
    columns = slice(max(0, round(left * size.height)), max(0, min(size.width, round((left + width) * size.height))))
    block = canvas[rows, columns]
    if block.size == 0:
        return
    block[:] = ink(palette("544a72 342f55 1b1a33")[row])
    pitch = max(6, size.height // 56)
    down, across = (block.shape[0] + pitch - 1) // pitch, (block.shape[1] + pitch - 1) // pitch
    lit = rng.integers(0, 100, (down, across)) < 18 + 14 * row
    mask = np.kron(lit, np.ones((pitch, pitch), dtype=bool))[: block.shape[0], : block.shape[1]]
    inset = (np.arange(block.shape[0]) % pitch > pitch // 3)[:, np.newaxis] & (
        np.arange(block.shape[1]) % pitch > pitch // 3
    )
    block[mask & inset] = ink(palette("ffd98a ffe9b8 9fd8ef")[int(rng.integers(3))])
