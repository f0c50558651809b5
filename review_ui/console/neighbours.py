"""What is known that looks like a post: bank entries that it matched, and earlier posts with what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from moderation.domain.decision import Action, Decision, Fate
from moderation.domain.ids import PostId
from moderation.domain.people import Person
from moderation.domain.post import Post
from moderation.domain.signal import BankHit, Match
from moderation.domain.verdict import Screening
from moderation.review.near_pictures import NearPost
from moderation.review.plan import Plan
from review_ui.console.column_words import OPINIONS, ORIENTATIONS, TIERS
from review_ui.console.desk import Desk
from review_ui.console.sight import may_see_post, restricted

NEAR_BITS = 31
MAX_SHOWN = 8
MAX_CODES = 3
"""Frames of an animation that are looked for."""
CONSIDERED = 40
"""Of near posts, the nearest ones looked at; restricted ones are then left out."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An earlier post with a near picture. `concealable`: a coarse preview of it may be shown."""

    post: Post
    distance_bits: int
    decisions: tuple[Decision, ...]
    concealable: bool

    @property
    def decision(self) -> Decision | None:
        """The newest one that counts."""
        counting = [one for one in self.decisions if one.fate is not Fate.UNDONE and one.action is not Action.ESCALATE]
        return counting[-1] if counting else None


@dataclass(frozen=True, slots=True)
class KnownPicture:
    """A bank entry that the picture matches, and how in words."""

    hit: BankHit

    @property
    def found(self) -> str:
        """How surely, and by what: "sure match by its hash"."""
        return TIERS.get(self.hit.tier, self.hit.tier)

    @property
    def view(self) -> str:
        """How the posted picture was looked at: "a quarter turn to the left, without its border"; empty: as it is."""
        hit = self.hit
        turned = "" if hit.orientation == "upright" else ORIENTATIONS.get(hit.orientation, hit.orientation)
        return ", ".join(part for part in (turned, "without its border" if hit.trimmed else "") if part)

    @property
    def evidence(self) -> str:
        """The numbers: bits, details that agree, and how much detail the known picture has."""
        hit = self.hit
        inliers = "" if hit.inliers is None else f"{hit.inliers} details agree"
        quality = f"known picture's quality {hit.entry_quality}"
        return ", ".join(part for part in (f"{hit.distance_bits} of 256 bits differ", inliers, quality) if part)

    @property
    def doubt(self) -> str:
        """What speaks against acting on it by itself, empty when nothing does."""
        return "" if self.hit.opinion == "positive_class" else OPINIONS.get(self.hit.opinion, self.hit.opinion)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Bank hits, strictest first, and near posts, nearest first. `complete`: earlier posts could be searched.

    `further` counts hits that are not among them, `capped`: even more were found than were kept.
    """

    hits: tuple[KnownPicture, ...]
    posts: tuple[Neighbour, ...]
    complete: bool = True
    further: int = 0
    capped: bool = False

    @property
    def decided(self) -> list[Neighbour]:
        """Near posts that somebody decided."""
        return [one for one in self.posts if one.decision is not None]


def neighbours_of(
    desk: Desk,
    person: Person,
    plan: Plan,
    post: Post,
    screening: Screening | None,
    *,
    before: datetime | None = None,
    without: Sequence[PostId] = (),
) -> Neighbours:
    """What looks like `post`, as far as the person may see it.

    With `before` nothing that was decided later is told: a blind second look must not learn of the first. Posts in
    `without` (the same cluster) are left out. Of posts that the person is yet to look at blind no decision is told.
    """
    found = desk.near_at_hand.search(desk.near.codes_of(post.id)[:MAX_CODES], radius=NEAR_BITS)
    near = [one for one in found or () if one.post_id not in {post.id, *without}][:CONSIDERED]
    matches = [one for one in (screening.results if screening else ()) if isinstance(one, Match)]
    hits = [hit for match in matches for hit in match.hits]
    return Neighbours(
        tuple(map(KnownPicture, hits[:MAX_SHOWN])),
        tuple(_seen(desk, person, plan, near, before)),
        complete=found is not None,
        further=len(hits[MAX_SHOWN:]),
        capped=any(match.capped for match in matches),
    )


def _seen(desk: Desk, person: Person, plan: Plan, near: Sequence[NearPost], before: datetime | None) -> list[Neighbour]:
    ids = [one.post_id for one in near]
    if not ids:
        return []
    posts, standings = desk.site.posts.many(ids), desk.standings.of(ids)
    allowed = [one for one in near if one.post_id in posts and may_see_post(person, standings[one.post_id], plan)][
        :MAX_SHOWN
    ]
    shown = [one.post_id for one in allowed]
    decisions, blind = desk.decisions.of_posts(shown), desk.blind.among(shown, person)
    return [
        Neighbour(
            posts[one.post_id],
            one.distance_bits,
            () if one.post_id in blind else known(decisions, one.post_id, before),
            concealable=not restricted(standings[one.post_id], plan),
        )
        for one in allowed
    ]


def known(
    decisions: Mapping[PostId, Sequence[Decision]], post_id: PostId, before: datetime | None
) -> tuple[Decision, ...]:
    """The post's decisions, oldest first; with `before` only those made until then."""
    found = decisions.get(post_id, ())
    return tuple(one for one in found if before is None or one.decided_at < before)
