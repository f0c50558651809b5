"""What matching answers, before it is written down as a signal or sent to a client."""

from dataclasses import dataclass
from datetime import datetime

from moderation.domain.bank import Bank, BankEffect, BankEntry, Tier
from moderation.matching.hashes.frame_hashes import Orientation
from moderation.matching.tiers import rank


@dataclass(frozen=True, slots=True)
class Hit:
    """One entry that a frame matches: how surely, and from which view of it.

    `effect` is what the match does, which in the review tier can be less than what the bank asks for.
    `distance_bits` (0 to 256) is the PDQ distance of the view that matches best; `orientation` is how the frame has to
    be turned to be that view, `trimmed` whether its border was cut off. `inliers` are agreeing keypoints, None where
    nobody compared them.
    """

    bank: Bank
    entry: BankEntry
    distance_bits: int
    tier: Tier
    effect: BankEffect
    frame: int = 0
    orientation: Orientation = Orientation.UPRIGHT
    trimmed: bool = False
    inliers: int | None = None

    @property
    def order(self) -> tuple[int, int, int, str, int]:
        """Sort key: strictest effect, surest tier, nearest, then oldest entry and first frame."""
        return (*rank(self.effect, self.tier, self.distance_bits), self.entry.id, self.frame)


@dataclass(frozen=True, slots=True)
class Matched:
    """The answer for one picture: hits in their order, and the checkpoint of the banks that were searched.

    `capped`: there are more hits than these. `uncompared` candidates have keypoints that there was no time to compare,
    or that cannot be read: they count for review. Not `complete`: there was no time to look at all that keypoints could
    tell, so that no match means nothing. `at` is the time by which entries had begun and expired.
    """

    hits: tuple[Hit, ...]
    checkpoint: str
    capped: bool = False
    uncompared: int = 0
    at: datetime | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The answer for one hash: hits nearest first, `capped` when there are more, and the banks' checkpoint."""

    hits: tuple[Hit, ...]
    checkpoint: str
    capped: bool = False


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What is searched. `size` entries as of `checkpoint`, those up to `built_to` in the published file (0: no file);
    `delta` were added and `tombstones` removed since. The banks were last seen `stale_s` seconds ago (None: never).
    `problem` says what is wrong, empty when nothing is.
    """

    checkpoint: str
    built_to: int
    size: int
    delta: int
    tombstones: int
    stale_s: float | None
    problem: str = ""
