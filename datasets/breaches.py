"""The samples that policy must stop, each with the rule that stops it. Wording is mild, pictures are harmless."""

from dataclasses import dataclass

import numpy as np

from datasets import written
from datasets.authors import NEWCOMER
from datasets.drawing import landscapes, nights, patterns, still_life
from datasets.drawing.colour import Pixels
from datasets.drawing.field import Size, noise
from datasets.encode import FileFormat, animate, encode, oversize, resized
from datasets.gallery import SMALL, SQUARE, WIDE, Drawing, Scene
from moderation.domain.post import Author
from moderation.domain.verdict import Verdict

BANNED = Drawing("banned", nights.city, 20, SQUARE, FileFormat.PNG, "", "")
WATCHED = Drawing("watched", patterns.mandala, 21, SQUARE, FileFormat.PNG, "", "")
"""The pictures that `datasets.samples.sample_banks` lists: one to reject, one to review."""

OVERSIZE_WIDTH, OVERSIZE_HEIGHT = 9000, 6000
"""54 million pixels in a file of some kilobytes; the default limit is 50 million."""
FRAMES = 12
STONES = "smooth pebbles in warm clay colours, soft studio light"
HOLD, REJECT = Verdict.HOLD, Verdict.REJECT

# One post per line reads as the table that it is.
# fmt: off
TEXTS: tuple[tuple[str, Scene, int, str, str, Verdict, str], ...] = (
    ("adult-caption", landscapes.dunes, 50, "my nudes are in the next post", "sand dunes", HOLD, "adult_text"),
    ("spaced-out", patterns.julia, 58, "n u d 3 s are in the next post", "fractal", HOLD, "adult_text"),
    ("adult-prompt", landscapes.sea, 51, "a swim at dusk", "naked person swimming, evening sea", HOLD, "adult_prompt"),
    ("violence-caption", nights.aurora, 52, "I will kill you when I find you", "aurora", HOLD, "violence_text"),
    ("hate-caption", patterns.glass, 53, "foreigners are vermin", "window", HOLD, "hate_text"),
    ("harassment-caption", patterns.facets, 54, "you are worthless and ugly", "low poly", HOLD, "harassment_text"),
    ("self-harm-caption", landscapes.forest, 55, "I want to end my life", "foggy forest", HOLD, "self_harm_text"),
    ("minors-severe", patterns.ripples, 56, "soft light study", "nude child", REJECT, "minors_sexual"),
    ("minors-coded", patterns.mandala, 60, "barely legal", "mandala", HOLD, "minors_text"),
    ("scam-link", patterns.marble, 57, "crypto giveaway, double your money: bit.ly/win", "marble", HOLD, "scam_links"),
    ("scam-text", nights.city, 61, "guaranteed profit, ask me how", "city at night", HOLD, "spam_text"),
    ("many-links", landscapes.islands, 62, "prints: a.example.com b.example.com c.example.com d.example.com", "islands",
     HOLD, "link_flood"),
    ("adult-implied", landscapes.sea, 90, "slide into my private channel, I will show you every inch of my body", "sea",
     HOLD, "adult_text_likely"),
    ("despair", landscapes.forest, 91, "tonight is my last night, goodbye everyone, I can not go on", "fog", HOLD,
     "self_harm_text_likely"),
    ("threat-implied", landscapes.dunes, 92, "he deserves to bleed for what he did, I will make him suffer", "dunes",
     HOLD, "violence_text_likely"),
    ("contempt", patterns.glass, 93, "nobody should hire africans, they are all thieves by nature", "window", HOLD,
     "hate_text_likely"),
    ("mockery", patterns.facets, 94, "look at this clown, so dumb and ugly that nobody wants to sit beside him",
     "low poly", HOLD, "harassment_text_likely"),
    ("first-day-link", nights.nebula, 63, "more of these: bit.ly/more-of-these", "nebula", HOLD, "new_account_links"),
)
PEBBLES: tuple[tuple[str, int, str, Verdict, str], ...] = (
    ("pebbles-likely", 70, "warm stones", REJECT, "adult_image"),
    ("pebbles-possible", 581, "warm stones, second try", HOLD, "adult_image_possible"),
    ("pebbles-children", 543, "the children found these on the beach", HOLD, "minors_image"),
)
# fmt: on
"""Harmless stones that OpenNSFW takes for skin: it scores them about 0.97, 0.66 and 0.33."""
COPIED = "scam-text"
"""The sample of which edited copies are sent, by others and under the same words: people decide all of them at once."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One sample that must not be published: what is sent, and which rule decides. No author: any regular's."""

    name: str
    image: bytes
    caption: str
    prompt: str
    expected: Verdict
    rule: str
    author: Author | None = None


def breaches() -> list[Breach]:
    """Every sample that is stopped, drawn anew."""
    return [*_known_pictures(), *_files(), *_animations(), *_pebbles(), *_texts(), *_copies(), *_written()]


def flat() -> Pixels:
    """A picture with nothing for a perceptual hash to hold on to."""
    return np.full((512, 512, 3), (217, 206, 190), dtype=np.uint8)


def drifting(size: Size, seed: int) -> list[Pixels]:
    """Clouds that drift past islands: the frames of an animation."""
    rng = np.random.default_rng(seed)
    base = landscapes.islands(rng, size)
    cover = np.clip(noise(rng, size, 3, 4) * 3 - 1.4, 0, 0.8)[:, :, np.newaxis]
    shift = size.width // FRAMES
    moved = (np.roll(cover, shift * frame, axis=1) for frame in range(FRAMES))
    return [(base + (np.float32(250) - base) * layer).astype(np.uint8) for layer in moved]


def _copies() -> list[Breach]:
    _, scene, seed, caption, prompt, expected, rule = next(row for row in TEXTS if row[0] == COPIED)
    pixels = scene(np.random.default_rng(seed), SMALL)
    darker = (pixels.astype(np.float32) * np.float32(0.92)).astype(np.uint8)
    edited = (
        encode(pixels, FileFormat.JPEG, quality=40),
        encode(resized(pixels, SMALL.width * 15 // 16, SMALL.height * 15 // 16), FileFormat.JPEG),
        encode(darker, FileFormat.PNG),
        encode(pixels, FileFormat.WEBP, quality=70),
    )
    return [
        Breach(
            f"{COPIED}-copy-{number}", image, caption, prompt, expected, rule, Author(f"copier-{number}", 3.0, number)
        )
        for number, image in enumerate(edited, start=1)
    ]


def _written() -> list[Breach]:
    small, wide = "the sea, small waves", "sand dunes"
    return [
        Breach("offer-in-picture", written.offer(), "a quiet evening", wide, HOLD, "adult_text"),
        Breach("code-in-picture", written.code(), "my new tiles", "coloured tiles", HOLD, "code_link"),
        Breach("damaged-code", written.code(damaged=True), "worn tiles", "coloured tiles, worn", HOLD, "text_unread"),
        Breach("prompt-in-file", written.with_prompt(), "the sea at dusk", "calm water", HOLD, "adult_prompt"),
        Breach("archive-behind", written.with_archive(), "far away", "nebula", HOLD, "hidden_file"),
        Breach(
            "german-caption",
            _sea(86),
            "Heute war das Meer ganz ruhig und der Himmel voller Wolken",
            small,
            HOLD,
            "language_not_covered",
        ),
        Breach("russian-caption", _sea(87), "Тихое море сегодня вечером", small, HOLD, "language_not_covered"),
        Breach("russian-prompt", _sea(88), "A quiet evening by the sea", "тихое море", HOLD, "prompt_not_covered"),
    ]


def _sea(seed: int) -> bytes:
    return encode(landscapes.sea(np.random.default_rng(seed), SMALL), FileFormat.JPEG)


def _known_pictures() -> list[Breach]:
    banned, watched = BANNED.pixels(), WATCHED.pixels()
    brighter = np.clip(watched.astype(np.float32) * np.float32(1.1) + 6, 0, 255).astype(np.uint8)
    vague = resized(resized(banned, 40, 40), *reversed(banned.shape[:2]))
    said = "my city at night", "night city with lit windows"
    drawn = "a quiet mandala", "mandala, soft colours"
    block, review = "known_blocked_image", "known_review_image"
    return [
        Breach("banned-exact", encode(banned, FileFormat.PNG), *said, REJECT, block),
        Breach("banned-jpeg", encode(banned, FileFormat.JPEG, quality=35), *said, REJECT, block),
        Breach("banned-small", encode(resized(banned, 320, 320), FileFormat.WEBP, quality=80), *said, REJECT, block),
        Breach("banned-vague", encode(vague, FileFormat.JPEG), *said, HOLD, "known_image_possible"),
        Breach("watched-exact", encode(watched, FileFormat.PNG), *drawn, HOLD, review),
        Breach("watched-brighter", encode(brighter, FileFormat.JPEG, quality=70), *drawn, HOLD, review),
    ]


def _files() -> list[Breach]:
    whole = encode(landscapes.sea(np.random.default_rng(30), WIDE), FileFormat.JPEG)
    png = bytearray(encode(patterns.tiles(np.random.default_rng(31), SMALL), FileFormat.PNG))
    middle = len(png) // 2
    png[middle : middle + 64] = bytes(64)
    wide = oversize(OVERSIZE_WIDTH, OVERSIZE_HEIGHT)
    rule = "image_not_decodable"
    return [
        Breach("cut-off", whole[: len(whole) // 2], "the upload broke off", "calm sea", HOLD, rule),
        Breach("corrupt", bytes(png), "something is wrong with this file", "tiles", HOLD, rule),
        Breach("not-a-picture", b"%PDF-1.4 not a picture at all\n", "my poster as a PDF", "poster", HOLD, rule),
        Breach("oversize", wide, "largest print yet", "stripes", REJECT, "image_too_large"),
        Breach("flat", encode(flat(), FileFormat.PNG), "minimalism", "one colour, nothing else", HOLD, "image_flat"),
    ]


def _animations() -> list[Breach]:
    frames = drifting(Size(320, 320), 40)
    said = "clouds drifting", "islands from above, clouds"
    return [
        Breach("drifting-gif", animate(frames, "GIF"), *said, HOLD, "animated_image"),
        Breach("drifting-webp", animate(frames, "WEBP"), *said, HOLD, "animated_image"),
    ]


def _pebbles() -> list[Breach]:
    drawn = ((row, still_life.pebbles(np.random.default_rng(row[1]), SMALL)) for row in PEBBLES)
    return [
        Breach(name, encode(pixels, FileFormat.PNG), caption, STONES, expected, rule)
        for (name, _, caption, expected, rule), pixels in drawn
    ]


def _texts() -> list[Breach]:
    return [
        Breach(
            name,
            encode(scene(np.random.default_rng(seed), SMALL), FileFormat.JPEG),
            caption,
            prompt,
            expected,
            rule,
            NEWCOMER if rule == "new_account_links" else None,
        )
        for name, scene, seed, caption, prompt, expected, rule in TEXTS
    ]
