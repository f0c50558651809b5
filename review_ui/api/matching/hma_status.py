"""HMA's routes for load balancers: whether this process answers, and whether it can match."""

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from review_ui.api.matching.searching import SearchState
from review_ui.api.matching.service import TheMatching
from review_ui.classification import public

router = APIRouter(tags=["HMA"], dependencies=[public])


@router.get(
    "/status",
    name="hma_status",
    response_class=PlainTextResponse,
    summary="HMA: can this process match?",
    response_description="`I-AM-ALIVE`",
    responses={503: {"description": "`INDEX-NOT-LOADED` or `INDEX-STALE`", "content": {"text/plain": {}}}},
)
async def show_status(matching: TheMatching) -> PlainTextResponse:
    """The first who asks has the index loaded. It is stale when the banks could not be seen for 65 seconds."""
    state = await run_in_threadpool(matching.searcher.state)
    return PlainTextResponse(state.value, 200 if state is SearchState.ALIVE else 503)


@router.get(
    "/status/live",
    name="hma_live",
    response_class=PlainTextResponse,
    summary="HMA: is this process alive?",
    response_description="`I-AM-ALIVE`",
)
async def show_live() -> PlainTextResponse:
    """Always; asks nothing of any other part."""
    return PlainTextResponse(SearchState.ALIVE.value)
