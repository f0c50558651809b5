"""The pictures of the bench: originals, and other pictures that no edit of an original may be taken for."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from moderation.bench.robustness.scenes import scene
from moderation.domain.errors import InvalidInputError
from moderation.media.decode_pixels import orientation_of, oriented, to_rgb
from moderation.media.subject import Rgb
from moderation.settings import PROJECT

VARIABLE = "MODERATION_BENCH_IMAGES"
"""Folders of pictures, separated as `PATH` is."""
BESIDE = PROJECT.parent / "shared" / "corpora"
"""Where the corpora lie beside a working copy, if they do."""
DRAWN = 60
TILINGS = (2, 3, 4)
"""Other pictures are made by cutting each picture into so many parts each way."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Pictures, and where they are from."""

    pictures: tuple[Rgb, ...]
    source: str


def corpus(folders: Sequence[Path], *, every: int = 1) -> Corpus:
    """Every `every`th picture of the folders; without folders of those that the environment names, or that lie beside
    the repository; without any of these drawn ones.

    Raises `InvalidInputError` for a folder without pictures.
    """
    chosen = list(folders) or [Path(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    if not chosen:
        chosen = [folder for folder in (BESIDE / "photos", BESIDE / "large") if folder.is_dir()]
    if not chosen:
        drawn = (scene(np.random.default_rng(number)) for number in range(0, DRAWN, every))
        return Corpus(tuple(drawn), "drawn pictures")
    files = [file for folder in chosen for file in sorted(folder.glob("*"))][::every]
    pictures = tuple(_read(files))
    if len(pictures) < 2:  # noqa: PLR2004 - an original and another picture
        raise InvalidInputError("There are no pictures to edit.", hint="Name folders of pictures with --images.")
    return Corpus(pictures, " and ".join(folder.name for folder in chosen))


def tiles(picture: Rgb) -> list[Rgb]:
    """The picture's parts in each of `TILINGS`: other pictures, as natural as it is itself."""
    parts = [np.array_split(rows, count, axis=1) for count in TILINGS for rows in np.array_split(picture, count)]
    return [np.ascontiguousarray(part) for row in parts for part in row]


def _read(files: Sequence[Path]) -> Iterator[Rgb]:
    for file in files:
        try:
            with Image.open(file) as image:
                image.load()
                yield np.ascontiguousarray(oriented(to_rgb(image), orientation_of(image)))
        except (OSError, UnidentifiedImageError):
            continue
