"""What was counted: for each kind of edit, for each family of hard negatives, and in all."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from moderation.domain.bank import Tier


@dataclass(frozen=True, slots=True)
class EditRow:
    """Of `pictures` edited copies, how many were found.

    `automatic` in that tier; `review` in it or for review, keypoints not compared; `verified` automatically or by
    keypoints; `found` in any tier, keypoints compared. `peer` by the peer's rule.
    """

    name: str
    group: str
    said: str
    pictures: int
    peer: int
    automatic: int
    review: int
    verified: int
    found: int


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """Of `pairs` of two members, how many were taken for one another, by tier and by the peer's rule."""

    name: str
    said: str
    negative: bool
    pairs: int
    peer: int
    tiers: Mapping[Tier, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The whole: `wrong` pairs by tier of `pairs` that are no copies; the peer's beside them.
    `harder` kinds count among the pairs, not in the mean.

    `uncompared` candidates were left out for want of time: with any of them the figures say less than they should.
    """

    source: str
    originals: int
    known: int
    edits: tuple[EditRow, ...]
    harder: tuple[EditRow, ...]
    families: tuple[FamilyRow, ...]
    pairs: int
    wrong: Mapping[Tier, int] = field(default_factory=Counter)
    peer_wrong: int = 0
    uncompared: int = 0

    def mean(self, column: str) -> float:
        """The mean over the kinds of edit of the share that was found, by the name of a row's column."""
        return float(sum(getattr(row, column) / row.pictures for row in self.edits)) / len(self.edits)
