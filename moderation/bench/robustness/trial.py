"""The trial: every edit of every original looked up among all, and every hard negative among its likes."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from moderation.bench.robustness.corpus import Corpus, tiles
from moderation.bench.robustness.edits import EDITS, HARDER, Kind, edited
from moderation.bench.robustness.known import KnownPictures, Query, query_of
from moderation.bench.robustness.negatives import FAMILIES, Family, members
from moderation.bench.robustness.outcome import EditRow, FamilyRow, Outcome
from moderation.bench.robustness.peer import PeerHashes, available
from moderation.domain.bank import Tier
from moderation.matching.hits import Matched
from moderation.media.subject import Rgb

Item = TypeVar("Item")

BATCH = 8
"""Pictures looked up together: so few that the matcher's time for comparing keypoints suffices."""


class Trial:
    """One corpus: its originals and their parts are known, its edits are asked for."""

    def __init__(self, corpus: Corpus, tell: Callable[[str], None]) -> None:
        self._corpus = corpus
        self._tell = tell
        self._owners = list(range(len(corpus.pictures)))
        pictures = list(corpus.pictures)
        for owner, picture in enumerate(corpus.pictures):
            parts = tiles(picture)
            pictures += parts
            self._owners += [owner] * len(parts)
        tell(f"hashing {len(pictures)} known pictures of {corpus.source}")
        self._known = KnownPictures([query_of(picture) for picture in pictures])
        self._peer = PeerHashes(pictures) if available() else None
        self._of_owner = Counter(self._owners[place] for place in self._known.places())
        self._wrong: Counter[Tier] = Counter()
        self._peer_wrong = 0
        self._uncompared = 0

    def run(
        self,
        members_of_family: int,
        edits: Sequence[Kind] = EDITS,
        harder: Sequence[Kind] = HARDER,
        families: Sequence[Family] = FAMILIES,
    ) -> Outcome:
        """Everything, or these kinds of edit and families. Families of hard negatives have so many members."""
        rows, more = (tuple(self._edit(kind) for kind in kinds) for kinds in (edits, harder))
        others = tuple(self._family(family, members_of_family) for family in families)
        originals, known = len(self._corpus.pictures), len(self._known.places())
        wrong_for_one_kind = sum(known - self._of_owner[owner] for owner in range(originals))
        return Outcome(
            self._corpus.source,
            originals,
            known,
            rows,
            more,
            others,
            (len(edits) + len(harder)) * wrong_for_one_kind,
            self._wrong,
            self._peer_wrong,
            self._uncompared,
        )

    def _edit(self, kind: Kind) -> EditRow:
        counts: Counter[str] = Counter()
        for owners, pictures in _batches(
            (owner, edited(picture, kind, owner)) for owner, picture in enumerate(self._corpus.pictures)
        ):
            queries = [query_of(picture) for picture in pictures]
            plain, compared = self._found(queries)
            for owner, without, full in zip(owners, plain, compared, strict=True):
                counts.update(self._seen(owner, without, full))
            for owner, picture in zip(owners, pictures, strict=True):
                counts["peer"] += self._seen_by_peer(owner, picture)
        pictures_in_all = len(self._corpus.pictures)
        columns = ("peer", "automatic", "review", "verified", "found")
        row = EditRow(kind.name, kind.group, kind.said, pictures_in_all, *(counts[column] for column in columns))
        self._tell(
            f"{kind.name}: automatic {row.automatic}, review {row.review}, verified {row.verified} of {row.pictures}"
        )
        return row

    def _found(self, queries: Sequence[Query]) -> tuple[list[Matched], list[Matched]]:
        plain, compared = (self._known.found(queries, compare=compare) for compare in (False, True))
        self._uncompared += sum(one.uncompared for one in compared)
        return plain, compared

    def _seen(self, owner: int, plain: Matched, compared: Matched) -> list[str]:
        """The columns in which the original was found; pairs with other pictures are counted as wrong."""
        for hit in compared.hits:
            if self._owners[hit.entry.number - 2] != owner:
                self._wrong[hit.tier] += 1
        tier = next((hit.tier for hit in compared.hits if hit.entry.number - 2 == owner), None)
        columns = ["review"] if any(hit.entry.number - 2 == owner for hit in plain.hits) else []
        columns += ["automatic"] if tier is Tier.AUTOMATIC else []
        columns += ["verified"] if tier in (Tier.AUTOMATIC, Tier.VERIFIED) else []
        return columns + (["found"] if tier is not None else [])

    def _seen_by_peer(self, owner: int, picture: Rgb) -> bool:
        if self._peer is None:
            return False
        matched = self._peer.matched(picture)
        self._peer_wrong += sum(self._owners[place] != owner for place in matched)
        return owner in matched

    def _family(self, family: Family, count: int) -> FamilyRow:
        pictures = members(family, self._corpus.pictures, count)
        queries = [query_of(picture) for picture in pictures]
        known = KnownPictures(queries)
        tiers: Counter[Tier] = Counter()
        for places, some in _batches(iter(enumerate(queries))):
            for place, matched in zip(places, known.found(some, compare=True), strict=True):
                self._uncompared += matched.uncompared
                tiers.update(hit.tier for hit in matched.hits if hit.entry.number - 2 != place)
        peer = 0
        if self._peer is not None:
            hashes = PeerHashes(pictures)
            peer = sum(len(hashes.matched(picture)) for picture in pictures) - sum(
                place in hashes.matched(picture) for place, picture in enumerate(pictures)
            )
        self._tell(f"{family.name}: {dict(tiers)} of {count * (count - 1)}")
        return FamilyRow(family.name, family.said, family.negative, count * (count - 1), peer, tiers)


def _batches(items: Iterator[tuple[int, Item]]) -> Iterator[tuple[list[int], list[Item]]]:
    while some := list(islice(items, BATCH)):
        yield [number for number, _ in some], [item for _, item in some]
