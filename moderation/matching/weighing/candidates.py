"""From the hashes of pictures to entries that may match them: the search in every view, as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import Bank
from moderation.matching.entries.entry_facts import EntryFacts
from moderation.matching.hashes.frame_hashes import FrameHashes
from moderation.matching.hashes.orientations import ORIENTATIONS, Orientation
from moderation.matching.index import EntryIndex, Found
from moderation.matching.tiers import Facts, verified_bits, wanted_bits, wants_secondary

FIRST_LIMIT = 256
"""Hits of one view that are asked for first; a view with more is searched again for all of them."""
UNSEARCHED_BITS = 256
"""Stands for the PDQ distance of an entry that only pHash and dHash found, until it is known."""


class View(NamedTuple):
    """One way to look at a frame: how it is turned, whether its border is cut off, and its PDQ quality."""

    picture: int
    frame: int
    orientation: Orientation
    trimmed: bool
    quality: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One entry near one view of a frame; `number` is the entry's."""

    view: View
    number: int
    bank: Bank
    facts: Facts
    has_keypoints: bool


def candidates(
    pictures: Sequence[Sequence[FrameHashes]],
    index: EntryIndex,
    entries: EntryFacts,
    banks: Mapping[str, Bank],
    now: datetime,
) -> list[list[Candidate]]:
    """For each picture every active entry of an enabled bank that some view of a frame may match, in no order.

    Raises `KeyError` when the index and the entries are not of the same contents.
    """
    found: list[list[Candidate]] = [[] for _ in pictures]
    enabled = [bank for bank in banks.values() if bank.enabled]
    if not enabled or not len(entries):
        return found
    floor = min(bank.min_quality for bank in enabled)
    views, codes = _views(pictures, floor)
    near = search_all(index, codes, _radius(enabled, entries))
    _add_near(found, views, near, entries, banks, now, pictures)
    bits = wants_secondary(enabled)
    if bits is not None and entries.with_secondary:
        _add_secondary(found, pictures, bits, entries, banks, now, floor)
    return found


def search_all(index: EntryIndex, codes: NDArray[np.uint8], radius: int) -> Found:
    """Every entry within `radius` of each code: codes that have more than a first limit are searched again."""
    found = index.search(codes, radius, limit=FIRST_LIMIT)
    if not found.capped.any():
        return found
    again = np.flatnonzero(found.capped).astype(np.int32)
    rest = index.search(codes[again], radius, limit=max(1, len(index)))
    kept = ~found.capped[found.queries]
    return Found(
        np.concatenate((found.queries[kept], again[rest.queries])),
        np.concatenate((found.keys[kept], rest.keys)),
        np.concatenate((found.distances[kept], rest.distances)),
        np.zeros_like(found.capped),
    )


def _radius(enabled: Sequence[Bank], entries: EntryFacts) -> int:
    """Within 31 bits a search is many times faster than beyond: it goes no farther than some bank can use."""
    radius = max(wanted_bits(bank) for bank in enabled)
    return max(radius, *(verified_bits(bank) for bank in enabled)) if entries.with_keypoints else radius


def _views(pictures: Sequence[Sequence[FrameHashes]], floor: int) -> tuple[list[View], NDArray[np.uint8]]:
    """Every view whose quality some bank takes, and its code."""
    views: list[View] = []
    codes: list[NDArray[np.uint8]] = []
    for picture, frames in enumerate(pictures):
        for frame, hashes in enumerate(frames):
            for trimmed, rows, quality in (
                (False, hashes.pdq, hashes.quality),
                (True, hashes.trimmed, hashes.trimmed_quality),
            ):
                if rows is not None and quality >= floor:
                    views += [View(picture, frame, one, trimmed, quality) for one in ORIENTATIONS]
                    codes.append(rows)
    return views, np.concatenate(codes) if codes else np.empty((0, 32), dtype=np.uint8)


def _add_near(
    found: list[list[Candidate]],
    views: Sequence[View],
    near: Found,
    entries: EntryFacts,
    banks: Mapping[str, Bank],
    now: datetime,
    pictures: Sequence[Sequence[FrameHashes]],
) -> None:
    rows = entries.rows(near.keys)
    records = entries.records(rows)
    known = [banks.get(name) for name in entries.banks]
    reach = np.array([-1 if bank is None else wanted_bits(bank) for bank in known], dtype=np.int64)
    compared = np.array([-1 if bank is None else verified_bits(bank) for bank in known], dtype=np.int64)
    floors = np.array([0 if bank is None else bank.min_quality for bank in known], dtype=np.int64)
    qualities = np.array([view.quality for view in views], dtype=np.int64)
    places = records["bank"]
    wanted = (
        ((near.distances <= reach[places]) | (records["keypoints"] & (near.distances <= compared[places])))
        & (np.minimum(qualities[near.queries], records["quality"]) >= floors[places])
        & entries.active(rows, now)
    )
    rows, queries, distances = rows[wanted], near.queries[wanted], near.distances[wanted]
    secondary = _secondary(entries, rows, [views[query] for query in queries], pictures)
    for record, query, distance, bits in zip(records[wanted], queries, distances, secondary, strict=True):
        view = views[query]
        facts = Facts(int(distance), view.quality, int(record["quality"]), bits, trusted=bool(record["trusted"]))
        bank = banks[entries.banks[record["bank"]]]
        found[view.picture].append(
            Candidate(view, int(record["number"]), bank, facts, has_keypoints=bool(record["keypoints"]))
        )


def _secondary(
    entries: EntryFacts, rows: NDArray[np.int64], views: Sequence[View], pictures: Sequence[Sequence[FrameHashes]]
) -> list[tuple[int, int] | None]:
    """Distances of pHash and dHash, which only upright whole pictures have."""
    asked = [pictures[view.picture][view.frame] for view in views]
    phash, dhash, has = entries.secondary_bits(
        rows,
        np.array([hashes.phash for hashes in asked], dtype=np.uint64),
        np.array([hashes.dhash for hashes in asked], dtype=np.uint64),
    )
    return [
        (int(phash[place]), int(dhash[place]))
        if has[place] and view.orientation is Orientation.UPRIGHT and not view.trimmed
        else None
        for place, view in enumerate(views)
    ]


def _add_secondary(
    found: list[list[Candidate]],
    pictures: Sequence[Sequence[FrameHashes]],
    bits: int,
    entries: EntryFacts,
    banks: Mapping[str, Bank],
    now: datetime,
    floor: int,
) -> None:
    """Entries that pHash and dHash find and PDQ did not; their PDQ distance is `UNSEARCHED_BITS` here."""
    for picture, frames in enumerate(pictures):
        known = {
            (one.view.frame, one.number)
            for one in found[picture]
            if one.view.orientation is Orientation.UPRIGHT and not one.view.trimmed
        }
        for frame, hashes in enumerate(frames):
            if hashes.quality < floor:
                continue
            near = entries.near(hashes.phash, hashes.dhash, bits)
            active = entries.active(near.rows, now)
            view = View(picture, frame, Orientation.UPRIGHT, trimmed=False, quality=hashes.quality)
            for record, phash, dhash, begun in zip(
                entries.records(near.rows), near.phash_bits, near.dhash_bits, active, strict=True
            ):
                bank = banks.get(entries.banks[record["bank"]])
                if bank is None or not begun or (frame, int(record["number"])) in known:
                    continue
                facts = Facts(
                    UNSEARCHED_BITS,
                    hashes.quality,
                    int(record["quality"]),
                    (int(phash), int(dhash)),
                    trusted=bool(record["trusted"]),
                )
                found[picture].append(Candidate(view, int(record["number"]), bank, facts, has_keypoints=False))
