"""Posts as lines of a list: what may be told of each to the person who looks."""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime

from moderation.domain.ids import PostId
from moderation.domain.people import Person
from moderation.domain.post import PostState
from moderation.review.plan import Plan
from moderation.storage.review.search import FoundPost
from moderation.storage.review.text_query import TextQuery
from review_ui.console.sight import may_see_post, restricted

TEXT_CHARS = 220
"""Of a caption or prompt, in a list; the whole text is on the post's page."""
BEFORE_MATCH_CHARS = 60
TONES = {
    PostState.PUBLISHED: "good",
    PostState.APPROVED: "good",
    PostState.HELD: "warn",
    PostState.REJECTED: "bad",
    PostState.WITHDRAWN: "bad",
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a text; `found`: it is what was looked for."""

    text: str
    found: bool = False


@dataclass(frozen=True, slots=True)
class PostLine:
    """One post of a list. Of one that the person may not see, only when it came is told.

    `concealable`: a coarse preview may be shown. `distance_bits` is None unless pictures were compared.
    """

    id: str
    visible: bool
    received_at: datetime
    restricted: bool = False
    concealable: bool = False
    state: str = ""
    tone: str = ""
    author: str = ""
    caption: tuple[Stretch, ...] = ()
    prompt: tuple[Stretch, ...] = ()
    queues: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    distance_bits: int | None = None


def line_of(
    found: FoundPost,
    person: Person,
    plan: Plan,
    *,
    blind: Container[PostId] = (),
    query: TextQuery | None = None,
    distance_bits: int | None = None,
) -> PostLine:
    """The line of one post. Of posts in `blind` it is not told what anybody made of them."""
    post, standing = found.post, found.standing
    if not may_see_post(person, standing, plan):
        return PostLine(post.id, visible=False, received_at=post.received_at, distance_bits=distance_bits)
    closed, hidden = restricted(standing, plan), post.id in blind
    return PostLine(
        id=post.id,
        visible=True,
        received_at=post.received_at,
        restricted=closed,
        concealable=not closed,
        state="in review" if hidden else post.state.value,
        tone="warn" if hidden else TONES.get(post.state, "quiet"),
        author=post.author.id,
        caption=() if closed else stretches(post.caption, query),
        prompt=() if closed else stretches(post.prompt, query),
        queues=() if hidden else tuple(plan.queue(name).title for name in sorted(standing.queues)),
        categories=() if hidden else tuple(plan.category(name).title for name in sorted(standing.categories)),
        distance_bits=distance_bits,
    )


def stretches(text: str, query: TextQuery | None) -> tuple[Stretch, ...]:
    """The beginning of `text`, or where the first word that was looked for stands, with all such words marked."""
    pattern = None if query is None else _pattern(query)
    first = None if pattern is None else pattern.search(text)
    start = 0 if first is None else max(0, first.start() - BEFORE_MATCH_CHARS)
    shown = text[start : start + TEXT_CHARS]
    pieces = _cut(shown, pattern) if pattern is not None else [Stretch(shown)]
    ahead = [Stretch("… ")] if start else []
    behind = [Stretch(" …")] if start + TEXT_CHARS < len(text) else []
    return tuple(piece for piece in (*ahead, *pieces, *behind) if piece.text)


def _cut(text: str, pattern: re.Pattern[str]) -> Sequence[Stretch]:
    pieces: list[Stretch] = []
    at = 0
    for match in pattern.finditer(text):
        pieces += [Stretch(text[at : match.start()]), Stretch(match.group(), found=True)]
        at = match.end()
    return [*pieces, Stretch(text[at:])]


def _pattern(query: TextQuery) -> re.Pattern[str] | None:
    terms = [term for term in query.terms if not term.excluded]
    if not terms:
        return None
    wanted = (r"[\W_]+".join(map(re.escape, term.words)) + ("" if term.prefix else r"(?![^\W_])") for term in terms)
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(wanted)})", re.IGNORECASE)
