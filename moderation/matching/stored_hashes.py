"""Finding pictures by hashes that were stored: entries are what is indexed, and stored hashes are what is asked.

Only the upright hash of a picture is stored. Turning a picture permutes its cosine coefficients and changes the sign
of half of them, and their median is near zero, so a hash's bits can be turned the same way: permuted, and flipped where
the sign changes. That is not exactly the turned picture's hash, whose median has the other sign too: the bits of the
coefficients between both medians come out wrong (docs/howto-retroaction.md says how many). It is near enough to ask a
person, and nothing acts on it without one.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import Bank, BankEntry
from moderation.domain.signal import PictureHash
from moderation.matching.hashes.frame_hashes import FrameHashes
from moderation.matching.hashes.orientations import ORIENTATIONS, Orientation, turned
from moderation.matching.hashes.pdq import BITS, CODE_BYTES, FREQUENCIES
from moderation.matching.hashes.secondary import from_hex64
from moderation.matching.multi_index.file import IndexFile, build
from moderation.matching.multi_index.layout import MAX_INDEXED_RADIUS
from moderation.matching.multi_index.live import LiveIndex
from moderation.matching.tiers import wanted_bits

TURNED_BITS = 45
"""How far turned hashes are looked for: 31 bits, and what is lost by turning a hash in place of the picture."""

FEW_ENTRIES = 2_500
"""So many entries are compared one by one, at every distance. Of more the 31 nearest bits are searched, by an index."""

AT_ONCE = 10_000
"""Entries that are turned at once."""


def turned_codes(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What hashes (n, 32) are about when the picture is turned: (n, 8, 32), a row for each of `ORIENTATIONS`.

    Row 0 is the hash itself, and the others are near the turned pictures' hashes. Distances are kept: two hashes turned
    alike are as far apart as before.
    """
    bits = np.unpackbits(codes, axis=1)[:, ::-1]
    places, flips = _turns()
    views = bits[:, places] ^ flips
    return np.packbits(views[:, :, ::-1], axis=2)


def codes_of(hashes: Sequence[str]) -> NDArray[np.uint8]:
    """Hashes of 64 hexadecimal characters as rows of 32 bytes. Raises `ValueError` for anything else."""
    text = "".join(hashes)
    if any(len(one) != 2 * CODE_BYTES for one in hashes):
        raise ValueError("a stored hash is not 64 characters long")
    return np.frombuffer(bytes.fromhex(text), dtype=np.uint8).reshape(len(hashes), CODE_BYTES)


def frames_of(hashes: Sequence[PictureHash]) -> list[FrameHashes]:
    """What matching takes, of a picture's stored hashes: their codes, turned in place of the picture.

    A pHash and dHash of 0 stand for unknown ones here: leave out what only they would find.
    """
    return [
        FrameHashes(
            turned_codes(codes_of([one.pdq]))[0],
            one.quality,
            turned_codes(codes_of([one.trimmed]))[0] if one.trimmed else None,
            one.trimmed_quality,
            from_hex64(one.phash) if one.phash else 0,
            from_hex64(one.dhash) if one.dhash else 0,
        )
        for one in hashes
    ]


class SoughtEntries:
    """Bank entries to be found among stored hashes; a million hashes against a hundred entries take seconds."""

    def __init__(self, entries: Iterable[BankEntry], banks: Mapping[str, Bank], *, few: int = FEW_ENTRIES) -> None:
        sought, codes, numbers = set[str](), bytearray(), set[int]()
        for entry in entries:
            numbers.add(entry.number)
            if entry.bank in banks and banks[entry.bank].enabled:
                sought.add(entry.bank)
                codes += bytes.fromhex(entry.pdq)
        self._radius = max((wanted_bits(banks[bank]) for bank in sought), default=-1)
        self._floor = min((banks[bank].min_quality for bank in sought), default=0)
        self._indexes: list[tuple[LiveIndex, int]] = []
        self.numbers = frozenset(numbers)
        """The numbers of all the entries that were given."""
        self.size = len(codes) // CODE_BYTES
        """How many entries there are; the others are of banks that match nothing."""
        if self.size:
            views = _turned(np.frombuffer(bytes(codes), dtype=np.uint8).reshape(-1, CODE_BYTES))
            self._indexes = self._few(views) if self.size <= few else self._many(views)

    def near(self, codes: NDArray[np.uint8], qualities: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which stored hashes (n, 32) may match an entry in some orientation, and have the quality (n,) for it.

        Every upright match is among them, and turned ones up to `TURNED_BITS`; of more than `few` entries only what is
        within 31 bits. Banks with narrower distances may make some of them match nothing.
        """
        found = np.zeros(len(codes), dtype=np.bool_)
        usable = np.flatnonzero(qualities >= self._floor)
        if len(usable):
            for index, radius in self._indexes:
                near = index.search(codes[usable], radius, limit=1)
                found[usable[near.queries]] = True
        return found

    def _few(self, views: NDArray[np.uint8]) -> list[tuple[LiveIndex, int]]:
        upright, others = LiveIndex(), LiveIndex()
        upright.add(range(len(views)), np.ascontiguousarray(views[:, 0]))
        turned_only = views[:, 1:].reshape(-1, CODE_BYTES)
        others.add(range(len(turned_only)), turned_only)
        return [(upright, self._radius), (others, min(self._radius, TURNED_BITS))]

    def _many(self, views: NDArray[np.uint8]) -> list[tuple[LiveIndex, int]]:
        """An index file of their own; it stays mapped when its folder is gone."""
        codes = views.reshape(-1, CODE_BYTES)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "sought.mi"
            build(codes, np.arange(len(codes), dtype=np.int64), path, checkpoint=0)
            return [(LiveIndex(IndexFile.open(path)), min(self._radius, MAX_INDEXED_RADIUS))]


def _turned(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`turned_codes`, some at a time: unpacked to a byte for each bit, a million of them take gigabytes."""
    views = np.empty((len(codes), len(ORIENTATIONS), CODE_BYTES), dtype=np.uint8)
    for start in range(0, len(codes), AT_ONCE):
        views[start : start + AT_ONCE] = turned_codes(codes[start : start + AT_ONCE])
    return views


@lru_cache(maxsize=1)
def _turns() -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """For each orientation the bit that comes to each place, and whether its sign changes: both (8, 256)."""
    odd = np.arange(1, FREQUENCIES + 1) % 2 == 1
    numbers = np.arange(BITS).reshape(FREQUENCIES, FREQUENCIES)
    places, flips = [], []
    for orientation in ORIENTATIONS:
        transposed, upside_down, mirrored = _made_by(orientation)
        places.append((numbers.T if transposed else numbers).reshape(BITS))
        signs = np.zeros((FREQUENCIES, FREQUENCIES), dtype=np.uint8)
        signs ^= np.where(odd & upside_down, 1, 0).astype(np.uint8)[:, np.newaxis]
        signs ^= np.where(odd & mirrored, 1, 0).astype(np.uint8)[np.newaxis, :]
        flips.append(signs.reshape(BITS))
    return np.stack(places), np.stack(flips)


def _made_by(orientation: Orientation) -> tuple[bool, bool, bool]:
    """Whether it transposes, and then mirrors top and bottom, left and right: read off a square of four numbers."""
    square = np.arange(4).reshape(2, 2)
    seen = turned(square, orientation)
    for transposed in (False, True):
        view = square.T if transposed else square
        for upside_down in (False, True):
            for mirrored in (False, True):
                if np.array_equal(view[:: -1 if upside_down else 1, :: -1 if mirrored else 1], seen):
                    return transposed, upside_down, mirrored
    raise ValueError(f"{orientation} is not a turn of a square")
