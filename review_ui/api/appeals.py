"""Appeals: an author asks that a rejected post be looked at again."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, status
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from moderation.domain.appeal import MAX_APPEAL_CHARS, Appeal, AppealState
from moderation.domain.errors import NotFoundError
from moderation.domain.ids import PostId
from moderation.review.appeals import AppealDesk
from moderation.storage.keys import ApiKey
from review_ui.api.posts import POST_ID
from review_ui.api.schema import refusals
from review_ui.body import JSON, media_type, parse_json, read_body
from review_ui.console.desk import Desk, TheDesk
from review_ui.errors import UnsupportedMediaTypeError
from review_ui.problem import FieldsError, field_problems
from review_ui.security import Writer

BODY_BYTES = 12 * MAX_APPEAL_CHARS + 1_000
"""Room for every character as a pair of JSON escapes."""
BODY_SECONDS = 30.0

router = APIRouter(prefix="/v1/posts", tags=["appeals"])


class AppealBody(BaseModel):
    """What the author says."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=MAX_APPEAL_CHARS, description="In the author's own words.")]


class AppealView(BaseModel):
    """An appeal, and how it stands."""

    id: str
    post_id: str
    state: AppealState = Field(description="`upheld`: the rejection stays; `overturned`: the post is let in.")
    text: str
    opened_at: datetime
    resolved_at: datetime | None = None


class AppealsView(BaseModel):
    """A post's appeals, oldest first."""

    items: list[AppealView]


BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {JSON: {"schema": AppealBody.model_json_schema()}}}
}
"""The body, which the route reads itself so that limits come before parsing."""


@router.post(
    "/{post_id}/appeals",
    status_code=status.HTTP_201_CREATED,
    summary="Appeal against a rejection",
    response_description="The appeal; somebody who did not decide before will answer it.",
    responses=refusals(401, 403, 404, 408, 409, 413, 415, 422, 429, 503),
    openapi_extra=BODY,
)
async def open_appeal(request: Request, post_id: str, desk: TheDesk, key: Writer) -> AppealView:
    """Ask for a second look at one of the caller's own posts that was rejected or withdrawn.

    Each rejection can be appealed once. The answer comes by webhook (`appeal.upheld`, `appeal.overturned`), and here.
    """
    if media_type(request) != JSON:
        raise UnsupportedMediaTypeError("An appeal is JSON.", hint=f"Send {JSON}.")
    body = await read_body(request, max_bytes=BODY_BYTES, seconds=BODY_SECONDS)
    text = _text(body)
    return _view(await run_in_threadpool(_open, desk, key, post_id, text))


@router.get(
    "/{post_id}/appeals",
    summary="A post's appeals",
    response_description="Oldest first.",
    responses=refusals(401, 403, 404, 422, 429, 503),
)
async def list_appeals(post_id: str, desk: TheDesk, key: Writer) -> AppealsView:
    """The appeals of one of the caller's own posts."""

    def read() -> list[Appeal]:
        _check_own(desk, key, post_id)
        return desk.appeals.of_post(PostId(post_id))

    return AppealsView(items=[_view(appeal) for appeal in await run_in_threadpool(read)])


def _open(desk: Desk, key: ApiKey, post_id: str, text: str) -> Appeal:
    _check_own(desk, key, post_id)
    appeals = AppealDesk(desk.appeals, plan=desk.plan)
    return appeals.open(PostId(post_id), client=key.name, text=text, now=desk.clock())


def _check_own(desk: Desk, key: ApiKey, post_id: str) -> None:
    """Whoever did not send a post learns nothing of it, whatever scopes the key has."""
    if not POST_ID.fullmatch(post_id) or desk.site.posts.client_of(PostId(post_id)) != key.name:
        raise NotFoundError("There is no such post.")


def _text(body: bytes) -> str:
    try:
        return AppealBody.model_validate(parse_json(body)).text
    except ValidationError as error:
        raise FieldsError(field_problems(error.errors(include_input=False, include_context=False))) from error


def _view(appeal: Appeal) -> AppealView:
    return AppealView(
        id=appeal.id,
        post_id=appeal.post_id,
        state=appeal.state,
        text=appeal.text,
        opened_at=appeal.opened_at,
        resolved_at=appeal.resolved_at,
    )
