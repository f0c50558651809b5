"""The signal that says which known images a post's image is."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Protocol

import numpy as np

from moderation.domain.bank import EFFECT_ORDER, MAX_DISTANCE_BITS, MIN_QUALITY, Bank, BankContents, BankEffect
from moderation.domain.media import Refusal
from moderation.domain.signal import (
    BankHit,
    Column,
    ColumnKind,
    FailureReason,
    Match,
    PictureHash,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
)
from moderation.matching.index import HashIndex, Neighbour
from moderation.matching.pdq import from_hex, hashes_and_qualities, to_hex
from moderation.matching.reductions import PDQ_LUMA64
from moderation.matching.scan import CODE_BYTES, ExactScan
from moderation.media.subject import Picture, Subject

NO_MATCH = "none"
MAX_HITS = 100
"""Hits kept for one picture, strictest and nearest first; a viral picture can have thousands."""

IMAGE_MATCH = SignalSpec(
    name="image_match",
    version="1",
    surface=Surface.IMAGE,
    description="The banked images that the picture is a copy of, by PDQ hash within each bank's distance.",
    columns=(
        Column(
            "image_match_effect",
            ColumnKind.TEXT,
            "Strictest effect among the matching banks",
            choices=(NO_MATCH, *reversed([effect.value for effect in EFFECT_ORDER])),
        ),
        Column(
            "image_match_distance",
            ColumnKind.INTEGER,
            "Differing bits of the nearest match of that effect; unknown when nothing matches",
            low=0,
            high=MAX_DISTANCE_BITS,
            nullable=True,
        ),
        Column("image_match_bank", ColumnKind.TEXT, "Bank of that match, empty when nothing matches"),
        Column("image_match_category", ColumnKind.TEXT, "Category of that match's entry, empty when it has none"),
        Column("image_pdq_quality", ColumnKind.INTEGER, "PDQ quality of the worst frame", low=0, high=100),
        Column(
            "image_hash_usable",
            ColumnKind.BOOLEAN,
            f"PDQ quality is at least {MIN_QUALITY} on every frame, so that the absence of a match means something",
        ),
    ),
    cost_ms=0.5,
    known_failures=(
        "Crops, rotations, mirror images and overlaid text move a hash out of reach: half of edits are missed.",
        "Flat pictures, gradients and pages of text have no usable hash.",
    ),
)


class ContentsSource(Protocol):
    """Where bank contents come from; `screening.ports.Banks` is one."""

    def checkpoint(self) -> str:
        """The number of the newest change, cheaply."""
        ...

    def contents(self, as_of: str | None = None) -> BankContents:
        """Every bank and entry as of a checkpoint (None: now)."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """One checkpoint's contents, ready to be searched. Position in the index is position in `entries`."""

    contents: BankContents
    banks: dict[str, Bank]
    index: HashIndex
    radius: int


class ImageMatch:
    """Implements `SignalType`. A batch is searched in one checkpoint: the one that the last `refresh` loaded."""

    def __init__(self, banks: ContentsSource) -> None:
        self._banks = banks
        self._loaded: Loaded | None = None

    @property
    def spec(self) -> SignalSpec:
        """`IMAGE_MATCH`."""
        return IMAGE_MATCH

    def refresh(self) -> None:
        """Load the newest bank contents if they changed. Call before each batch.

        Raises what the source raises: a lane that cannot see the banks must not say that nothing matches.
        """
        loaded = self._loaded
        if loaded is None or loaded.contents.checkpoint != self._banks.checkpoint():
            self._loaded = _load(self._banks.contents())

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One `Match` for each decoded picture, a `SignalFailure` for every other."""
        loaded = self._loaded
        if loaded is None:
            loaded = self._loaded = _load(self._banks.contents())
        pictures = [subject.picture for subject in batch if isinstance(subject.picture, Picture)]
        matches = iter(_match_all(pictures, loaded))
        return [
            SignalFailure(IMAGE_MATCH.name, FailureReason.UNDECODABLE, subject.picture.reason)
            if isinstance(subject.picture, Refusal)
            else next(matches)
            for subject in batch
        ]


def _load(contents: BankContents) -> Loaded:
    codes = np.empty((len(contents.entries), CODE_BYTES), dtype=np.uint8)
    for position, entry in enumerate(contents.entries):
        codes[position] = from_hex(entry.pdq)
    banks = {bank.name: bank for bank in contents.banks}
    radius = max((bank.distance_bits for bank in contents.banks), default=0)
    return Loaded(contents, banks, ExactScan(codes), radius)


def _match_all(pictures: Sequence[Picture], loaded: Loaded) -> list[SignalResult]:
    if not pictures:
        return []
    lumas = np.stack([frame.reduced[PDQ_LUMA64] for picture in pictures for frame in picture.frames])
    codes, qualities = hashes_and_qualities(np.asarray(lumas, dtype=np.float32))
    neighbours = loaded.index.search(codes, loaded.radius)
    matches: list[SignalResult] = []
    start = 0
    for picture in pictures:
        end = start + len(picture.frames)
        hashes = tuple(
            PictureHash(frame, to_hex(code), int(quality))
            for frame, (code, quality) in enumerate(zip(codes[start:end], qualities[start:end], strict=True))
        )
        matches.append(_match(neighbours[start:end], hashes, loaded))
        start = end
    return matches


def _match(frames: Sequence[Sequence[Neighbour]], hashes: tuple[PictureHash, ...], loaded: Loaded) -> Match:
    """The match of one picture, from its frames' neighbours and hashes."""
    found: list[tuple[BankHit, str]] = []
    for neighbours, searched in zip(frames, hashes, strict=True):
        for neighbour in neighbours:
            entry = loaded.contents.entries[neighbour.position]
            bank = loaded.banks[entry.bank]
            if neighbour.distance_bits > bank.distance_bits or min(searched.quality, entry.quality) < bank.min_quality:
                continue
            hit = BankHit(
                bank.name,
                entry.id,
                bank.effect.value,
                neighbour.distance_bits,
                entry.quality,
                searched.frame,
                entry.note,
            )
            found.append((hit, entry.category))
    found.sort(key=lambda item: _strictest_then_nearest(item[0]))
    worst = min(searched.quality for searched in hashes)
    nearest, category = found[0] if found else (None, "")
    values = {
        "image_match_effect": nearest.effect if nearest else NO_MATCH,
        "image_match_distance": nearest.distance_bits if nearest else None,
        "image_match_bank": nearest.bank if nearest else "",
        "image_match_category": category,
        "image_pdq_quality": worst,
        "image_hash_usable": worst >= MIN_QUALITY,
    }
    hits = tuple(map(itemgetter(0), found[:MAX_HITS]))
    return Match(IMAGE_MATCH.name, values, hits, loaded.contents.checkpoint, hashes)


def _strictest_then_nearest(hit: BankHit) -> tuple[int, int, str, int]:
    return EFFECT_ORDER.index(BankEffect(hit.effect)), hit.distance_bits, hit.entry_id, hit.frame
