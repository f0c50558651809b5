"""Abstract pictures: fractals, marble, stained glass, mandalas, tiles, sunflowers, ripples, low-poly facets."""

import numpy as np

from datasets.drawing.colour import Pixels, colour, develop, ink, paint, palette, ramp
from datasets.drawing.field import Field, Size, angle, noise, radius, speckle, step, wave

INKS = (
    "0b132b 1c2541 3a506b 5bc0be f2f4f3",
    "2d132c 801336 c72c41 ee4540 f7b267",
    "132a13 31572c 4f772d 90a955 ecf39e",
    "10002b 3c096c 7b2cbf c77dff f6e7ff",
    "003049 2a6f97 61a5c2 fcbf49 f77f00",
    "22223b 4a4e69 9a8c98 c9ada7 f2e9e4",
)
JULIA = ((-0.8, 0.156), (-0.4, 0.6), (0.285, 0.01), (-0.70176, -0.3842), (-0.835, -0.2321))
JULIA_ROUNDS = 48
ESCAPED = 16
"""The squared distance from which a point never comes back."""


def _inks(rng: np.random.Generator) -> list[tuple[int, int, int]]:
    return palette(INKS[int(rng.integers(len(INKS)))])


def julia(rng: np.random.Generator, size: Size) -> Pixels:
    """A Julia set, coloured by how soon each point escapes, drawn at half size and enlarged."""
    half = Size(size.width // 2, size.height // 2)
    x, y = half.grid()
    real, imag = JULIA[int(rng.integers(len(JULIA)))]
    a = (x - np.float32(half.aspect / 2)) * np.float32(2.6) + np.zeros_like(y)
    b = (y - np.float32(0.5)) * np.float32(2.6) + np.zeros_like(x)
    count = np.zeros_like(a)
    for _ in range(JULIA_ROUNDS):
        inside = a * a + b * b < ESCAPED
        count += inside
        a, b = (
            np.where(inside, a * a - b * b + np.float32(real), a),
            np.where(inside, 2 * a * b + np.float32(imag), b),
        )
    tone = np.sqrt(count / JULIA_ROUNDS)
    canvas = ramp(tone, [*_inks(rng), colour("0a0a14")])
    return develop(canvas.repeat(2, axis=0).repeat(2, axis=1), rng)


def marble(rng: np.random.Generator, size: Size) -> Pixels:
    """Veins bent by noise."""
    x, y = size.grid()
    bend, fine = noise(rng, size, 2, 5), noise(rng, size, 4, 5)
    veins = wave((x + y) * np.float32(0.7) + bend * np.float32(2.2) + fine * np.float32(0.6))
    return develop(ramp(veins * np.float32(0.4) + fine * np.float32(0.25) + np.float32(0.35), _inks(rng)), rng)


def glass(rng: np.random.Generator, size: Size) -> Pixels:
    """Stained glass: the cells nearest to the points of a jittered lattice, with leaded edges."""
    x, y = size.grid()
    nearest = np.full((size.height, size.width), 9, dtype=np.float32)
    second, owner = nearest.copy(), np.zeros((size.height, size.width), dtype=np.int64)
    rows, columns = 6, round(6 * size.aspect)
    count = rows * columns
    for index in range(count):
        across, down = rng.integers(100, 900, 2).astype(np.float32) / np.float32(1000)
        away = radius(
            x - (across + index % columns) / np.float32(rows), y - (down + index // columns) / np.float32(rows)
        )
        closer = away < nearest
        second = np.minimum(second, np.maximum(away, nearest))
        owner[closer] = index
        nearest = np.minimum(nearest, away)
    hues = rng.integers(0, 1000, count).astype(np.float32) / np.float32(1000)
    canvas = (
        ramp(hues[owner], _inks(rng)[1:])
        * (np.float32(0.75) + noise(rng, size, 8, 3) * np.float32(0.5))[:, :, np.newaxis]
    )
    paint(canvas, step(second - nearest, 0.016, 0.008), colour("14110f"))
    return develop(canvas, rng)


def mandala(rng: np.random.Generator, size: Size) -> Pixels:
    """Rings of petals with an odd or even symmetry."""
    x, y = size.grid()
    across, down = x - np.float32(size.aspect / 2), y - np.float32(0.5)
    turns, away = angle(across + 0 * down, down + 0 * across), radius(across, down)
    canvas = ramp(away * np.float32(1.3) + noise(rng, size, 3) * np.float32(0.2), _inks(rng)[::-1])
    inks = _inks(rng)
    for ring in range(7):
        petals = int(rng.integers(5, 15))
        reach = 0.07 + 0.065 * ring
        edge = np.float32(reach) + np.abs(wave(turns * np.float32(petals / 2))) * np.float32(0.05)
        paint(canvas, step(np.abs(away - edge), 0.018, 0.006), inks[ring % len(inks)])
        dots = wave(turns * petals) * wave(away * np.float32(9))
        paint(
            canvas,
            step(dots, 0.8, 0.9) * step(np.abs(away - np.float32(reach)), 0.05, 0.03),
            inks[(ring + 2) % len(inks)],
        )
    return develop(canvas, rng)


def tiles(rng: np.random.Generator, size: Size) -> Pixels:
    """Truchet tiles: quarter circles that join into paths, over a shaded ground."""
    pitch = size.height // int(rng.integers(6, 11))
    rows, columns = size.height // pitch + 1, size.width // pitch + 1
    turned = np.kron(rng.integers(0, 2, (rows, columns)), np.ones((pitch, pitch), dtype=np.int64))
    turned = turned[: size.height, : size.width].astype(bool)
    across = ((np.arange(size.width) % pitch + 0.5) / pitch).astype(np.float32)[np.newaxis, :]
    down = ((np.arange(size.height) % pitch + 0.5) / pitch).astype(np.float32)[:, np.newaxis]
    mirrored = np.where(turned, 1 - across, across)
    arc = np.minimum(radius(mirrored, down), radius(1 - mirrored, 1 - down))
    inks = _inks(rng)
    canvas = ramp(noise(rng, size, 2, 4), inks[:2] + inks[-1:])
    band = np.abs(arc - np.float32(0.5))
    paint(canvas, step(band, 0.2, 0.17), inks[2])
    paint(canvas, step(band, 0.13, 0.1), inks[-1])
    paint(canvas, step(band, 0.05, 0.03), inks[0])
    return develop(canvas, rng)


def sunflower(rng: np.random.Generator, size: Size) -> Pixels:
    """Seeds on a golden spiral, on a leafy ground."""
    canvas = ramp(noise(rng, size, 5, 5), palette("17301c 2f5d34 6d9a4a b9cf7d"))
    x, y = size.grid()
    centre_x, centre_y = np.float32(size.aspect / 2), np.float32(0.5)
    turns, away = angle(x - centre_x + 0 * y, y - centre_y + 0 * x), radius(x - centre_x, y - centre_y)
    for ring, hue in enumerate(palette("c9730b f0a818 ffd23f")):
        petals = step(away, 0.44 - 0.05 * ring, 0.43 - 0.05 * ring) * step(
            np.abs(wave(turns * np.float32(10) + np.float32(0.1 * ring))) - away * np.float32(1.1), -0.1, 0.0
        )
        paint(canvas, petals, ink(hue) * (np.float32(0.6) + away * np.float32(1.1))[:, :, np.newaxis])
    paint(canvas, step(away, 0.25, 0.245), colour("3b2412"))
    golden = 0.381966
    for seed in range(260):
        reach = 0.24 * (seed / 260) ** 0.5
        across = centre_x + np.float32(reach) * wave(np.full(1, seed * golden, dtype=np.float32))[0]
        down = centre_y + np.float32(reach) * wave(np.full(1, seed * golden + 0.25, dtype=np.float32))[0]
        spot = max(2, size.height // 110)
        row, column = round(float(down) * size.height), round(float(across) * size.height)
        canvas[row - spot // 2 : row + spot // 2 + 1, column - spot // 2 : column + spot // 2 + 1] = ink(
            colour("d9a441" if seed % 3 else "7a4a1c")
        )
    return develop(canvas, rng)


def ripples(rng: np.random.Generator, size: Size) -> Pixels:
    """Waves from a few drops, laid over each other."""
    x, y = size.grid()
    total: Field = np.zeros((size.height, size.width), dtype=np.float32)
    for _ in range(4):
        across, down = rng.integers(0, 1000, 2).astype(np.float32) / np.float32(1000)
        away = radius(x - across * np.float32(size.aspect), y - down)
        total += wave(away * np.float32(int(rng.integers(5, 13)))) / (1 + 3 * away)
    tone = total * np.float32(0.28) + noise(rng, size, 3) * np.float32(0.35) + np.float32(0.3)
    return develop(ramp(tone, _inks(rng)), rng)


def facets(rng: np.random.Generator, size: Size) -> Pixels:
    """A low-poly ground: triangles of a jittered lattice, each in one shade."""
    x, y = size.grid()
    bend = noise(rng, size, 4, 2) * np.float32(0.16)
    pitch = np.float32(9)
    across, down = (x + bend) * pitch, (y + bend[::-1]) * pitch
    column, row = np.floor(across), np.floor(down)
    upper = (across - column) + (down - row) > 1
    cell = (row * 64 + column * 2 + upper).astype(np.int64) & 4095
    shades = speckle(rng, Size(4096, 1))[0]
    tone = shades[cell] * np.float32(0.45) + (1 - y) * np.float32(0.55) + bend
    return develop(ramp(tone, _inks(rng)), rng)
