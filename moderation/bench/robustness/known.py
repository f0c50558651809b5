"""A bank in memory, searched by the same matcher that lanes use."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from moderation.domain.bank import Bank, BankChange, BankEffect, BankEntry
from moderation.domain.ids import EntryId
from moderation.matching.entries.known_entries import PAGE
from moderation.matching.geometry.keypoints import keypoints_of, pack
from moderation.matching.hashes.frame_hashes import FrameHashes, hashes_of
from moderation.matching.hashes.pdq import to_hex
from moderation.matching.hashes.secondary import to_hex64
from moderation.matching.hits import Matched
from moderation.matching.matcher import Matcher
from moderation.media.decode_image import preview
from moderation.media.decode_limits import PREVIEW_SIDE
from moderation.media.subject import Rgb

BANK = Bank("bench", BankEffect.BLOCK)
AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Query:
    """One picture as the lane has it: its hashes, and its preview."""

    hashes: FrameHashes
    preview: Rgb


def query_of(picture: Rgb) -> Query:
    """What the decoder makes of a picture's pixels."""
    return Query(hashes_of(picture), preview(picture, PREVIEW_SIDE))


class KnownPictures:
    """Implements `BankSource`: one bank with the default distances, whose entries are numbered as they were given.

    Pictures without a usable hash are left out: nothing can be taken for them.
    """

    def __init__(self, pictures: Sequence[Query]) -> None:
        self._entries: dict[int, BankEntry] = {}
        self._keypoints: dict[EntryId, bytes] = {}
        self.numbers: list[int] = []
        for number, picture in enumerate(pictures, start=2):
            if picture.hashes.quality >= BANK.min_quality:
                self._add(number, picture)
        self.matcher = Matcher(self, clock=lambda: AT)
        self.matcher.refresh()

    def _add(self, number: int, picture: Query) -> None:
        entry = EntryId(str(number))
        self._keypoints[entry] = pack(keypoints_of(picture.preview))
        self._entries[number] = BankEntry(
            entry,
            BANK.name,
            to_hex(picture.hashes.pdq[0]),
            picture.hashes.quality,
            AT,
            number=number,
            phash=to_hex64(picture.hashes.phash),
            dhash=to_hex64(picture.hashes.dhash),
            has_keypoints=True,
        )

    def places(self) -> set[int]:
        """Which of the given pictures are in the bank, counted from 0."""
        return {number - 2 for number in self._entries}

    def found(self, queries: Sequence[Query], *, compare: bool) -> list[Matched]:
        """What the matcher answers, with or without comparing keypoints."""
        previews = [[query.preview] for query in queries] if compare else None
        return self.matcher.match([[query.hashes] for query in queries], previews)

    def checkpoint(self) -> str:
        """See `BankSource`."""
        return str(max(self._entries, default=1))

    def changes(self, after: int, *, limit: int = PAGE) -> list[BankChange]:
        """See `BankSource`."""
        first = [BankChange(1, "create", bank=BANK)] if after < 1 else []
        added = [
            BankChange(number, "add", entry=entry) for number, entry in self._entries.items() if number > max(after, 1)
        ]
        return (first + added)[:limit]

    def entries_by_number(self, numbers: Collection[int]) -> Mapping[int, BankEntry]:
        """See `BankSource`."""
        return {number: self._entries[number] for number in numbers if number in self._entries}

    def keypoints(self, entry_ids: Collection[EntryId]) -> Mapping[EntryId, bytes]:
        """See `BankSource`."""
        return {entry: self._keypoints[entry] for entry in entry_ids}
