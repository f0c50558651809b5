"""What operators and their machines ask."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from review_ui.classification import public
from review_ui.readiness import PartState, ReadinessProbe
from review_ui.site import TheSite

router = APIRouter(tags=["operations"], dependencies=[public])


class Health(BaseModel):
    """This process answers."""

    status: str = "ok"


class PartView(BaseModel):
    """One part that a verdict needs."""

    name: str
    state: PartState
    detail: str


class ReadinessView(BaseModel):
    """Whether a post that is sent now gets a verdict; if not, `parts` says what is missing or stale."""

    ready: bool
    parts: list[PartView]


def probe_of(request: Request) -> ReadinessProbe:
    """The application's probe."""
    probe = request.app.state.readiness
    assert isinstance(probe, ReadinessProbe)
    return probe


Probe = Annotated[ReadinessProbe, Depends(probe_of)]


@router.get("/healthz", summary="Is this process alive?", response_description="It is.")
async def healthz() -> Health:
    """Always ok; asks nothing of any other part."""
    return Health()


@router.get(
    "/readyz",
    summary="Does a post that is sent now get a verdict?",
    response_description="Every part is ok.",
    responses={503: {"model": ReadinessView, "description": "A part is missing or stale."}},
)
async def readyz(response: Response, probe: Probe) -> ReadinessView:
    """Database and migrations, blob store, models, policy, lanes, backlog; 503 unless all are ok."""
    readiness = await probe.current()
    if not readiness.ready:
        response.status_code = 503
    parts = [PartView(name=part.name, state=part.state, detail=part.detail) for part in readiness.parts]
    return ReadinessView(ready=readiness.ready, parts=parts)


@router.get(
    "/metrics",
    response_class=Response,
    summary="Metrics for Prometheus",
    response_description="Prometheus's text format.",
)
async def metrics(site: TheSite) -> Response:
    """Posts by state, queues, age of the oldest pending post, lanes, outbox, requests, intake."""
    return Response(await site.metrics.text(), media_type=CONTENT_TYPE_LATEST)
