"""Two pictures side by side, concealed until one looks, with the regions in which they differ."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.ids import PostId
from moderation.domain.media import ImageFacts, Refusal
from moderation.domain.people import Capability, Person
from moderation.domain.post import Post
from review_ui.console.access import needs
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.keys import keys_of
from review_ui.console.media import visible_post
from review_ui.console.shell import render

router = APIRouter(prefix="/console/compare")

Reader = Annotated[Person, needs(Capability.READ_POSTS)]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two; `facts` is None for a picture that cannot be read."""

    post: Post
    restricted: bool
    facts: ImageFacts | None


@router.get("/{first}/{second}")
async def compare(request: Request, first: str, second: str, person: Reader, desk: TheDesk) -> Response:
    """Both pictures. 404 when the person may not see one of them."""
    values = await run_in_threadpool(_values, desk, person, PostId(first), PostId(second))
    return render(request, "console/compare.html", person, values)


def _values(desk: Desk, person: Person, first: PostId, second: PostId) -> dict[str, object]:
    one, other = _side(desk, person, first), _side(desk, person, second)
    same = one.post.image == other.post.image
    return {
        "sides": (one, other),
        "same": same,
        "differences": None if same else desk.pictures.compare(one.post.image, other.post.image),
        "look_key": next(key.key for key in keys_of(person) if key.act == "reveal"),
    }


def _side(desk: Desk, person: Person, post_id: PostId) -> Side:
    post, restricted = visible_post(desk, person, post_id)
    found = desk.pictures.get(post.image)
    return Side(post, restricted, None if isinstance(found, Refusal) else found.facts)
