"""Edits that add something: watermark, text, sticker, meme bar, screenshot, collage, and combinations of edits."""

import cv2
import numpy as np

from moderation.bench.robustness.scenes import fitted, scene, words, write
from moderation.bench.robustness.shapes import border, crop, flip_horizontal, framed, half, resized, rotated
from moderation.bench.robustness.tones import brighter, jpeg, noise, tint
from moderation.media.subject import Rgb


def watermark(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """White words all over at 40 % opacity."""
    height, width = rgb.shape[:2]
    drawn, text, tall = rgb.copy(), words(random, 2), max(height, width) / 24
    for top in np.arange(tall, height + tall, 4 * tall):
        for left in np.arange(-tall, width, 14 * tall):
            write(drawn, text, (int(left), int(top)), tall, (255, 255, 255))
    return np.asarray(cv2.addWeighted(drawn, 0.4, rgb, 0.6, 0.0), dtype=np.uint8)


def text(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Two outlined lines of text over the picture, at its top and bottom."""
    edited = rgb.copy()
    height, width = rgb.shape[:2]
    tall = width / 16
    for low in (int(tall * 1.8), int(height - tall * 0.8)):
        write(edited, words(random, 3), (int(tall / 2), low), tall, (255, 255, 255), outline=True)
    return edited


def sticker(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """A yellow face that covers a twentieth of the picture."""
    return _with_face(rgb, random, 0.05)


def large_sticker(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """A yellow face that covers a fifth of the picture."""
    return _with_face(rgb, random, 0.2)


def _with_face(rgb: Rgb, random: np.random.Generator, share: float) -> Rgb:
    edited = rgb.copy()
    height, width = rgb.shape[:2]
    radius = int(np.sqrt(share * height * width / np.pi))
    x = int(random.integers(radius, max(radius + 1, width - radius)))
    y = int(random.integers(radius, max(radius + 1, height - radius)))
    cv2.circle(edited, (x, y), radius, (250, 210, 50), -1, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(edited, (x + side * radius // 3, y - radius // 4), radius // 8, (60, 40, 10), -1, cv2.LINE_AA)
    mouth = (radius // 2, radius // 2)
    cv2.ellipse(edited, (x, y + radius // 8), mouth, 0, 10, 170, (60, 40, 10), max(1, radius // 12))
    return edited


def meme_bar(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """A white bar with two lines of text above the picture, a quarter of its height."""
    height, width = rgb.shape[:2]
    bar = height // 4
    edited = framed(rgb, (bar, 0, 0, 0), 255)
    for line in (0.42, 0.84):
        write(edited, words(random, 4), (width // 30, int(bar * line)), bar * 0.22, (0, 0, 0))
    return edited


def screenshot(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """A phone's screen with a status bar, a name, the picture at full width, buttons and a caption."""
    width, screen = 540, 1170
    shown = resized(rgb, width, max(1, round(rgb.shape[0] * width / rgb.shape[1])))[: screen - 330]
    top = 150
    edited = interface(words(random, 2), f"{random.integers(1, 24)}:{random.integers(10, 60)}", (width, screen))
    edited[top : top + len(shown)] = shown
    low = top + len(shown)
    for place in range(3):
        cv2.circle(edited, (40 + 60 * place, low + 40), 16, (40, 40, 40), 3, cv2.LINE_AA)
    for line in range(2):
        write(edited, words(random, 5), (20, low + 90 + 34 * line), 15, (40, 40, 40))
    return edited


def interface(name: str, clock: str, size: tuple[int, int]) -> Rgb:
    """An app's empty screen of that (width, height): the time, who posted, the bar at the bottom."""
    width, height = size
    screen = np.full((height, width, 3), 250, dtype=np.uint8)
    write(screen, clock, (24, 34), 16, (20, 20, 20))
    cv2.rectangle(screen, (width - 70, 16), (width - 24, 36), (20, 20, 20), 2)
    cv2.line(screen, (0, 56), (width, 56), (210, 210, 210), 2)
    cv2.circle(screen, (48, 104), 30, (120, 140, 200), -1, cv2.LINE_AA)
    write(screen, name, (96, 112), 18, (20, 20, 20))
    cv2.line(screen, (0, height - 80), (width, height - 80), (210, 210, 210), 2)
    for place in range(5):
        left = (2 * place + 1) * width // 10
        cv2.rectangle(screen, (left - 16, height - 56), (left + 16, height - 24), (60, 60, 60), 3)
    return screen


def collage(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """One of four equal parts; the others are other pictures."""
    height, width = (length - length % 2 for length in rgb.shape[:2])
    parts = [scene(random, width // 2, height // 2) for _ in range(4)]
    parts[int(random.integers(0, 4))] = fitted(rgb, width // 2, height // 2)
    return np.vstack([np.hstack(parts[:2]), np.hstack(parts[2:])])


def reuploaded(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """What another platform makes of it: half the size, another tint, JPEG at quality 50."""
    return jpeg(half(tint(rgb, random), random), 50)


def mirrored_crop(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Mirrored, cropped to 90 % of each side, JPEG at quality 40."""
    return jpeg(crop(flip_horizontal(rgb, random), random, 0.9), 40)


def reposted(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Text over it, a border, half the size, JPEG at quality 40."""
    edited = border(text(rgb, random), random)
    return jpeg(resized(edited, edited.shape[1] // 2, edited.shape[0] // 2), 40)


def disguised(rgb: Rgb, random: np.random.Generator) -> Rgb:
    """Turned by 3 degrees, cropped to 85 % of each side, brighter, noisy."""
    return noise(brighter(crop(rotated(rgb, 3.0), random, 0.85), random), random)
