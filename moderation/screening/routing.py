"""Where each held post of a batch waits. Whatever goes wrong here, the post is held in the queue that policy named."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from moderation.domain.ids import PostId
from moderation.domain.job import Route
from moderation.domain.post import Claim
from moderation.domain.verdict import Screening, Verdict
from moderation.screening.basis import basis
from moderation.screening.ports import Router

log = structlog.get_logger(__name__)

MAX_SEVERITY = 100


@dataclass(frozen=True, slots=True)
class Placing:
    """Routes and bases of held posts; one that is missing here is held all the same."""

    routes: dict[PostId, Route] = field(default_factory=dict)
    bases: dict[PostId, str] = field(default_factory=dict)


def place(router: Router | None, screened: Iterable[tuple[Claim, Screening]]) -> Placing:
    """Never raises for what a router does: an error, or a route that makes no sense, is logged and left out."""
    placing = Placing()
    for claim, screening in screened:
        if screening.judgement.verdict is not Verdict.HOLD:
            continue
        try:
            placing.bases[claim.post.id] = basis(claim.post, screening.judgement, screening.results)
            if router is not None:
                route = router.route(claim.post, screening.results, screening.judgement)
                placing.routes[claim.post.id] = _checked(route)
        except Exception as error:  # noqa: BLE001 - no error of routing may keep a post from being held
            log.warning("routing_failed", post_id=claim.post.id, reason=str(error), error=type(error).__name__)
    return placing


def _checked(route: Route) -> Route:
    urgent = 0 <= route.severity <= MAX_SEVERITY and math.isfinite(route.service_seconds) and route.service_seconds > 0
    if not route.queue or not urgent:
        raise ValueError(f"{route} is not a route")
    return route
