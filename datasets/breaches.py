"""The samples that policy must stop, each with the rule that stops it. Wording is mild, pictures are harmless."""

from dataclasses import dataclass

import numpy as np

from datasets.drawing import landscapes, nights, patterns, still_life
from datasets.drawing.colour import Pixels, blank, palette
from datasets.drawing.field import Size, noise
from datasets.encode import FileFormat, animate, encode, oversize, resized
from datasets.gallery import SMALL, SQUARE, WIDE, Drawing, Scene
from moderation.domain.verdict import Verdict

BANNED = Drawing("banned", nights.city, 20, SQUARE, FileFormat.PNG, "", "")
WATCHED = Drawing("watched", patterns.mandala, 21, SQUARE, FileFormat.PNG, "", "")
"""The pictures that `datasets.samples.sample_banks` lists: one to reject, one to review."""

OVERSIZE_WIDTH, OVERSIZE_HEIGHT = 9000, 6000
"""54 million pixels in a file of some kilobytes; the default limit is 50 million."""
FRAMES = 12
LIKELY_SEED, POSSIBLE_SEED = 70, 333
"""Pebbles that OpenNSFW scores above 0.9, and between 0.6 and 0.8."""
HOLD, REJECT = Verdict.HOLD, Verdict.REJECT


# fmt: off - one post per line reads as the table that it is
TEXTS: tuple[tuple[str, Scene, int, str, str, Verdict, str], ...] = (
    ("adult-caption", landscapes.dunes, 50, "my nudes are in the next post", "sand dunes", HOLD, "adult_text"),
    (
        "adult-prompt",
        landscapes.sea,
        51,
        "a swim at dusk",
        "woman on a beach, fully nude, explicit",
        HOLD,
        "adult_prompt",
    ),
    ("violence-caption", nights.aurora, 52, "I will hurt you when I find you", "aurora", HOLD, "violence_text"),
    (
        "hate-caption",
        patterns.glass,
        53,
        "people like them are vermin, deport them all",
        "stained glass",
        HOLD,
        "hate_text",
    ),
    (
        "harassment-caption",
        patterns.facets,
        54,
        "you are worthless and everyone knows it",
        "low poly",
        HOLD,
        "harassment_text",
    ),
    ("self-harm-caption", landscapes.forest, 55, "I want to end my life", "foggy forest", HOLD, "self_harm_text"),
    ("minors-prompt", patterns.ripples, 56, "soft light study", "sexy schoolgirl", REJECT, "minors_sexual"),
    (
        "scam-caption",
        patterns.marble,
        57,
        "free crypto giveaway, double your money: bit.ly/win-now",
        "marble",
        HOLD,
        "scam_links",
    ),
    ("spaced-out", patterns.julia, 58, "n u d 3 s in bio", "fractal", HOLD, "adult_text"),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Breach:
    """One sample that must not be published: what is sent, and which rule decides."""

    name: str
    image: bytes
    caption: str
    prompt: str
    expected: Verdict
    rule: str


def flat() -> Pixels:
    """A picture with nothing for a perceptual hash to hold on to."""
    return np.full((512, 512, 3), (217, 206, 190), dtype=np.uint8)


def drifting(size: Size, seed: int) -> list[Pixels]:
    """Clouds that drift past an island map: the frames of an animation, palette-sized for GIF."""
    rng = np.random.default_rng(seed)
    base = landscapes.islands(rng, size)
    cover = np.clip(noise(rng, size, 3, 4) * 3 - 1.4, 0, 0.8)[:, :, np.newaxis]
    step = size.width // FRAMES
    moved = (np.roll(cover, step * frame, axis=1) for frame in range(FRAMES))
    return [(base + (np.float32(250) - base) * layer).astype(np.uint8) for layer in moved]


def ground(size: Size) -> Pixels:
    """A plain shaded ground, smooth enough to compress to almost nothing."""
    return blank(size, palette("2e6fb0 e7f1ee")).astype(np.uint8)


def breaches() -> list[Breach]:
    """Every sample that is stopped, drawn anew."""
    return [*_known_pictures(), *_files(), *_pictures(), *_texts()]


def _known_pictures() -> list[Breach]:
    banned, watched = BANNED.pixels(), WATCHED.pixels()
    brighter = np.clip(watched.astype(np.float32) * 1.1 + 6, 0, 255).astype(np.uint8)
    said = "my city at night", "night city with lit windows"
    drawn = "a quiet mandala", "mandala, soft colours"
    block, review = "known_blocked_image", "known_review_image"
    return [
        Breach("banned-exact", encode(banned, FileFormat.PNG), *said, REJECT, block),
        Breach("banned-jpeg", encode(banned, FileFormat.JPEG, quality=35), *said, REJECT, block),
        Breach("banned-small", encode(resized(banned, 320, 320), FileFormat.WEBP, quality=80), *said, REJECT, block),
        Breach("watched-exact", encode(watched, FileFormat.PNG), *drawn, HOLD, review),
        Breach("watched-brighter", encode(brighter, FileFormat.JPEG, quality=70), *drawn, HOLD, review),
    ]


def _files() -> list[Breach]:
    whole = encode(landscapes.sea(np.random.default_rng(30), WIDE), FileFormat.JPEG)
    png = bytearray(encode(patterns.tiles(np.random.default_rng(31), SMALL), FileFormat.PNG))
    middle = len(png) // 2
    png[middle : middle + 64] = bytes(64)
    rule = "image_not_decodable"
    return [
        Breach("cut-off", whole[: len(whole) // 2], "the upload broke off", "calm sea", HOLD, rule),
        Breach("corrupt", bytes(png), "something is wrong with this file", "tiles", HOLD, rule),
        Breach("not-a-picture", b"%PDF-1.4 not a picture at all\n", "my poster as a PDF", "poster", HOLD, rule),
        Breach(
            "oversize",
            oversize(OVERSIZE_WIDTH, OVERSIZE_HEIGHT),
            "largest print yet",
            "stripes",
            REJECT,
            "image_too_large",
        ),
        Breach("flat", encode(flat(), FileFormat.PNG), "minimalism", "one colour, nothing else", HOLD, "image_flat"),
    ]


def _pictures() -> list[Breach]:
    frames = drifting(Size(320, 320), 40)
    likely = still_life.pebbles(np.random.default_rng(LIKELY_SEED), SMALL)
    possible = still_life.pebbles(np.random.default_rng(POSSIBLE_SEED), SMALL)
    stones = "warm clay stones", "smooth pebbles in warm clay colours, soft studio light"
    return [
        Breach(
            "drifting-gif",
            animate(frames, "GIF"),
            "clouds drifting",
            "islands from above, looping",
            HOLD,
            "animated_image",
        ),
        Breach("drifting-webp", animate(frames, "WEBP"), "clouds drifting", "islands, looping", HOLD, "animated_image"),
        Breach("pebbles-likely", encode(likely, FileFormat.PNG), *stones, REJECT, "adult_image"),
        Breach("pebbles-possible", encode(possible, FileFormat.PNG), *stones, HOLD, "adult_image_possible"),
    ]


def _texts() -> list[Breach]:
    return [
        Breach(
            name, encode(scene(np.random.default_rng(seed), SMALL), FileFormat.JPEG), caption, prompt, expected, rule
        )
        for name, scene, seed, caption, prompt, expected, rule in TEXTS
    ]
