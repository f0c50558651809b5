"""Matching: which known pictures a picture is, in the newest contents of the banks.

One matcher serves a process, its threads and its batches. It follows the banks change by change: what was added matches
and what was removed does not from the next `refresh` on. A matcher that cannot see the banks, or whose contents cannot
be trusted, says so and matches nothing at all: that is an error, never a picture without a match.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import BankEffect, BankEntry
from moderation.domain.errors import CorruptIndexError, UnavailableError
from moderation.domain.ids import EntryId
from moderation.matching.entries.contents import Contents
from moderation.matching.entries.known_entries import BankSource
from moderation.matching.geometry.verification import FrameKeypoints, Verifier
from moderation.matching.hashes.frame_hashes import FrameHashes
from moderation.matching.hits import Hit, IndexStatus, LookedUp, Matched
from moderation.matching.multi_index.warming import warm_up
from moderation.matching.weighing.candidates import Candidate, candidates
from moderation.matching.weighing.lookup import Lookup, look_up
from moderation.matching.weighing.recall import Recall, add_proposed
from moderation.matching.weighing.weighing import MAX_HITS, PictureWeighed, blocked
from moderation.media.subject import Rgb

__all__ = ["MAX_HITS", "BankSource", "Hit", "IndexStatus", "LookedUp", "Matched", "Matcher"]

TRIES = 3
"""How often a search is done again because an entry that it found was removed meanwhile."""


class Matcher:
    """Thread-safe; one for a process. `index` is the folder of published index files, None where there is none.

    `clock` gives the time by which entries begin and expire.
    """

    def __init__(self, banks: BankSource, *, index: Path | None = None, clock: Callable[[], datetime]) -> None:
        self._banks = banks
        self._clock = clock
        self._contents = Contents(banks, index=index)
        self._recall = Recall(banks)
        self._broken: CorruptIndexError | None = None

    def refresh(self) -> None:
        """See the newest contents of the banks. Call before each batch; cheap when nothing changed.

        Raises `UnavailableError` when the banks cannot be seen; `CorruptIndexError` or `BanksUnreadableError`, which
        are such errors, while what can be seen cannot be trusted.
        """
        self._check()
        self._contents.refresh()
        self._recall_entries()

    def prepare(self) -> None:
        """Do what takes long before the first search: compile, load the banks, read keypoints. Raises as `refresh`.

        A compiled index that does not find what it should is not searched from then on.
        """
        try:
            warm_up()
        except UnavailableError as error:
            self._broken = CorruptIndexError(error.message, hint=error.hint)
        self.refresh()

    @property
    def checkpoint(self) -> str:
        """The checkpoint of what is searched. Raises as `refresh` does when nothing can be searched."""
        with self._contents.reading() as known:
            return str(known.checkpoint)

    def status(self) -> IndexStatus:
        """What is searched, and what is wrong with it."""
        return self._contents.status()

    def match(
        self, pictures: Sequence[Sequence[FrameHashes]], previews: Sequence[Sequence[Rgb]] | None
    ) -> list[Matched]:
        """For each picture, by the hashes of its frames, which entries it matches, and how surely.

        Keypoints are compared where there are `previews`: the same frames' pixels. Raises as `refresh` does when
        nothing can be searched.
        """
        self._check()
        for _ in range(TRIES):
            now = self._clock()
            with self._contents.reading() as known:
                found = candidates(pictures, known.index, known.facts, known.banks, now)
                seen = Matched((), str(known.checkpoint), at=now)
            frames_keypoints, late = FrameKeypoints(previews or ()), frozenset[int]()
            if previews is not None:
                late = self._add_recalled(found, pictures, frames_keypoints, now)
            weighed = [PictureWeighed(some, compare=previews is not None) for some in found]
            entries = self._entries({number for one in weighed for number in one.numbers})
            if entries is not None:
                verifier = Verifier(frames_keypoints, self._keypoints(weighed, entries))
                return [
                    one.matched(entries, frames, verifier, replace(seen, complete=place not in late))
                    for place, (one, frames) in enumerate(zip(weighed, pictures, strict=True))
                ]
            self.refresh()
        raise UnavailableError("The banks change faster than they can be searched.")

    def look_up(
        self,
        code: NDArray[np.uint8],
        *,
        quality: int | None = None,
        banks: Collection[str] = (),
        radius: int | None = None,
        limit: int = MAX_HITS,
    ) -> LookedUp:
        """The entries near one PDQ hash (32 bytes), as it is, in some banks (none named: all), nearest first.

        Without a `radius` (0 to 256 bits) by each bank's own distances and quality; with one every entry within it,
        those that their bank would not match in the review tier. A hash of unknown quality counts as usable. Allowing
        banks silence nothing here. Raises `NotFoundError` for an unknown bank, `InvalidInputError` for a wrong hash,
        quality, radius or limit, and as `refresh` does when nothing can be searched.
        """
        self._check()
        asked = Lookup(code, quality, frozenset(banks), radius, limit)
        for _ in range(TRIES):
            now = self._clock()
            with self._contents.reading() as known:
                near = look_up(asked, known, now)
            entries = self._entries({one.number for one in near.found})
            if entries is not None:
                return near.answer(entries)
            self.refresh()
        raise UnavailableError("The banks change faster than they can be searched.")

    def _add_recalled(
        self,
        found: Sequence[list[Candidate]],
        pictures: Sequence[Sequence[FrameHashes]],
        keypoints: FrameKeypoints,
        now: datetime,
    ) -> frozenset[int]:
        """Candidates by keypoints for the pictures that no blocking bank matches automatically: what another bank
        knows can be a part of a banned picture all the same. Returns the places of those there was no time for.
        """
        if not self._recall_entries():
            return frozenset()
        open_ = [(place, len(pictures[place])) for place, some in enumerate(found) if not blocked(some)]
        proposals = self._recall.propose(open_, keypoints)
        with self._contents.reading() as known:
            add_proposed(found, proposals.found, pictures, known, now)
        return proposals.late

    def _check(self) -> None:
        if self._broken is not None:
            raise CorruptIndexError(self._broken.message, hint=self._broken.hint)

    def _recall_entries(self) -> bool:
        """Hold the keypoints of the entries that have some; whether there are any."""
        with self._contents.reading() as known:
            checkpoint, history = known.checkpoint, known.history
            held = self._recall.history, self._recall.checkpoint
            wanted = None if (history, checkpoint) == held else known.compared()
            blocking = None if wanted is None else known.compared((BankEffect.BLOCK,))
        if wanted is not None and blocking is not None:
            self._recall.follow(wanted, checkpoint, first=blocking, history=history)
        return len(self._recall) > 0

    def _entries(self, numbers: Collection[int]) -> Mapping[int, BankEntry] | None:
        """The entries by number; None when one of them was removed since the search."""
        if not numbers:
            return {}
        entries = self._banks.entries_by_number(numbers)
        return entries if set(numbers) <= entries.keys() else None

    def _keypoints(
        self, weighed: Sequence[PictureWeighed], entries: Mapping[int, BankEntry]
    ) -> Mapping[EntryId, bytes]:
        wanted = {entries[one.candidate.number].id for some in weighed for one in some.compared}
        return self._banks.keypoints(wanted) if wanted else {}
