"""Pictures for people: re-encoded by our own decoder, never the author's bytes, each look at one audited."""

import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import PostId
from moderation.domain.media import Refusal
from moderation.domain.people import Capability, Person
from moderation.domain.post import Post
from review_ui.console.access import needs
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.exposure import begin_exposure
from review_ui.console.pictures import Rendered
from review_ui.console.sight import may_see_post, restricted

VIEW_ID = re.compile(r"[0-9a-f-]{36}")
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

router = APIRouter(prefix="/console/media")

Reader = Annotated[Person, needs(Capability.READ_POSTS, active=False)]


@router.get("/{post_id}/frames/{number}")
async def frame(
    post_id: str,
    number: int,
    person: Reader,
    desk: TheDesk,
    view: Annotated[str, Query(max_length=36)] = "",
) -> Response:
    """One frame, counted from 0 among those that are shown, as a JPEG file. The look is audited before it is answered.

    `view` names the look: its other frames belong to it. 404 for a post that the person may not see.
    """
    return await run_in_threadpool(_frame, desk, person, PostId(post_id), number, view)


@router.get("/{post_id}/concealed")
async def concealed(post_id: str, person: Reader, desk: TheDesk, number: int = 0) -> Response:
    """A frame too coarse to recognise anything in. 404 where not even that may be made: for restricted posts."""
    return await run_in_threadpool(_concealed, desk, person, PostId(post_id), number)


def _frame(desk: Desk, person: Person, post_id: PostId, number: int, view: str) -> Response:
    post, _ = visible_post(desk, person, post_id)
    found = _rendered(desk, post)
    if not 0 <= number < len(found.shown):
        raise NotFoundError("The picture has no such frame.")
    _audit(desk, person, post, number, view)
    begin_exposure(desk, person, post.id, view)
    return Response(found.shown[number], headers=dict(HEADERS), media_type="image/jpeg")


def _audit(desk: Desk, person: Person, post: Post, number: int, view: str) -> None:
    """Note the look, once for all frames of a view. Raises what the database raises: the picture is then not shown."""
    now, key = desk.clock(), (person.id, post.id, view)
    if VIEW_ID.fullmatch(view) is not None and not desk.views.is_new(*key, now=now):
        return
    payload: dict[str, Json] = {"image": post.image, "frame": number, "view": view[:36]}
    try:
        desk.audit.record(AuditDraft(now, "media.viewed", f"post:{post.id}", person.actor, payload))
    except BaseException:
        desk.views.forget(*key)
        raise


def _concealed(desk: Desk, person: Person, post_id: PostId, number: int) -> Response:
    post, is_restricted = visible_post(desk, person, post_id)
    if is_restricted:
        raise NotFoundError("No preview is made of a restricted picture.")
    found = _rendered(desk, post)
    if not 0 <= number < len(found.concealed):
        raise NotFoundError("The picture has no such frame.")
    return Response(found.concealed[number], headers=dict(HEADERS), media_type="image/png")


def visible_post(desk: Desk, person: Person, post_id: PostId) -> tuple[Post, bool]:
    """The post, and whether it is restricted. Raises `NotFoundError` for one that the person may not see."""
    post = desk.site.posts.get(post_id)
    plan, standing = desk.plan(), desk.standings.of([post_id]).get(post_id)
    if post is None or standing is None or not may_see_post(person, standing, plan):
        raise NotFoundError("There is no such post.")
    return post, restricted(standing, plan)


def _rendered(desk: Desk, post: Post) -> Rendered:
    found = desk.pictures.get(post.image)
    if isinstance(found, Refusal):
        raise NotFoundError(f"The picture cannot be shown: {found.reason}.")
    return found
