"""Candidates by keypoints: entries that show the same as a picture, when no hash is near.

A crop, a turn by some degrees or a collage moves every hash out of reach, but not its corners. Only entries whose
keypoints are stored can be found so, and `recall_room.MAX_ENTRIES` of them.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from moderation.domain.bank import BankEffect
from moderation.domain.errors import InvalidInputError
from moderation.matching.entries.known_entries import BankSource, KnownEntries
from moderation.matching.geometry.keypoint_index import KeypointIndex
from moderation.matching.geometry.keypoints import unpack
from moderation.matching.geometry.verification import FrameKeypoints
from moderation.matching.hashes.frame_hashes import FrameHashes
from moderation.matching.hashes.orientations import Orientation
from moderation.matching.tiers import Facts, verified_bits
from moderation.matching.weighing.candidates import UNSEARCHED_BITS, Candidate, View
from moderation.matching.weighing.recall_room import held

log = structlog.get_logger(__name__)

PAGE: Final = 500
"""Entries whose keypoints are read at a time, 18 KB each."""
PROPOSED: Final = 4
"""Entries of blocking banks, and as many of others, that are compared for each frame, as it is and mirrored; of an
animation the first and the middle frame."""
CONSIDERED: Final = 64
"""Entries that are proposed for these places: some of them may have expired or not have begun."""
BATCH_SECONDS: Final = 5.0
"""After this time no more pictures of a batch are looked at: keypoints take some 10 ms for each."""
MIRRORS: Final = (Orientation.UPRIGHT, Orientation.FLIP_Y)


class Proposal(NamedTuple):
    """An entry that may show the same as a frame, as it is or mirrored."""

    picture: int
    frame: int
    mirror: Orientation
    number: int


class Proposals(NamedTuple):
    """What was proposed, for each frame and mirror the likeliest first, and the pictures that were not looked at."""

    found: list[Proposal]
    late: frozenset[int]


class Recall:
    """Thread-safe. Follows the entries that have keypoints; it holds those of `checkpoint`."""

    def __init__(self, banks: BankSource, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._banks = banks
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._index = KeypointIndex()
        self.checkpoint = -1
        self.history = 0
        self._held: NDArray[np.int64] = np.empty(0, np.int64)
        self._left_out = 0

    def __len__(self) -> int:
        """How many entries are held."""
        return len(self._held)

    def follow(
        self,
        wanted: NDArray[np.int64],
        checkpoint: int,
        *,
        first: NDArray[np.int64] | None = None,
        history: int = 0,
    ) -> None:
        """Hold exactly these entries, by ascending number: those of a checkpoint of the banks.

        Of another `history` of the banks, see `KnownEntries`, what is held does not count: it may be of other entries.
        Of too many the newest are held, those in `first` before others, see `recall_room.held`. Raises what the source
        raises; then it is still of the checkpoint before.
        """
        named = len(wanted)
        wanted = held(wanted[:0] if first is None else first, wanted if first is None else np.setdiff1d(wanted, first))
        with self._lock:
            if (history, checkpoint) < (self.history, self.checkpoint):
                return
            if history != self.history:
                self._index, self._held = KeypointIndex(), self._held[:0]
                self.history, self.checkpoint = history, -1
            if named - len(wanted) > self._left_out:
                log.warning("recall_full", left_out=named - len(wanted))
            self._left_out = named - len(wanted)
            gone, new = np.setdiff1d(self._held, wanted), np.setdiff1d(wanted, self._held)
            if len(gone):
                self._index.remove([int(number) for number in gone])
                self._held = np.setdiff1d(self._held, gone)
            for start in range(0, len(new), PAGE):
                page = new[start : start + PAGE]
                self._read(page)
                self._held = np.union1d(self._held, page)
            self.checkpoint = checkpoint

    def propose(self, pictures: Iterable[tuple[int, int]], keypoints: FrameKeypoints) -> Proposals:
        """Entries that share corners with pictures, given by place and number of frames, as they are or mirrored."""
        found: list[Proposal] = []
        end, late = self._monotonic() + BATCH_SECONDS, []
        for picture, frames in pictures:
            if self._monotonic() > end:
                late.append(picture)
                continue
            for frame in sorted({0, frames // 2}):
                for mirror in MIRRORS:
                    query = keypoints.of(picture, frame, mirrored=mirror is not Orientation.UPRIGHT)
                    with self._lock:
                        near = self._index.near(query, CONSIDERED)
                    found += [Proposal(picture, frame, mirror, one.number) for one in near]
        if late:
            log.warning("recall_out_of_time", pictures=len(late))
        return Proposals(found, frozenset(late))

    def _read(self, numbers: NDArray[np.int64]) -> None:
        entries = self._banks.entries_by_number([int(number) for number in numbers])
        packed = self._banks.keypoints({entry.id for entry in entries.values()})
        known = []
        for number, entry in entries.items():
            try:
                if entry.id in packed:
                    known.append((number, unpack(packed[entry.id])))
            except InvalidInputError as error:
                log.error("keypoints_unreadable", entry=entry.id, reason=error.message)  # noqa: TRY400 - said
        self._index.add(known)


def add_proposed(
    found: Sequence[list[Candidate]],
    proposals: Sequence[Proposal],
    pictures: Sequence[Sequence[FrameHashes]],
    known: KnownEntries,
    now: datetime,
) -> None:
    """Add to the candidates of each picture what was proposed for it, of active entries and of banks that verify.

    No more than `PROPOSED` for a frame and mirror; blocking banks have that many places of their own.
    """
    taken: Counter[tuple[int, int, Orientation, bool]] = Counter()
    for one in proposals:
        row = known.facts.row(one.number)
        if row is None or not known.facts.active(np.array([row]), now)[0]:
            continue
        record = known.facts.records(np.array([row]))[0]
        bank = known.banks.get(known.facts.banks[record["bank"]])
        if bank is None or not record["live"] or verified_bits(bank) < 0:
            continue
        place = (one.picture, one.frame, one.mirror, bank.effect is BankEffect.BLOCK)
        if taken[place] == PROPOSED:
            continue
        taken[place] += 1
        quality = pictures[one.picture][one.frame].quality
        view = View(one.picture, one.frame, one.mirror, trimmed=False, quality=quality)
        facts = Facts(UNSEARCHED_BITS, quality, int(record["quality"]), trusted=bool(record["trusted"]), recalled=True)
        found[one.picture].append(Candidate(view, one.number, bank, facts, has_keypoints=True))
