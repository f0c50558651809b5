"""Pages for people: the start page and the API's documentation. No script, nothing from another host."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from fastapi import APIRouter, Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import InvalidInputError, ModerationError
from moderation.domain.post import PENDING, PostState
from moderation.storage.posts import FeedPage
from review_ui.api.feed import Cursor
from review_ui.api.health import Probe
from review_ui.classification import public
from review_ui.documentation import operations
from review_ui.problem import CODES
from review_ui.readiness import PartState, Readiness
from review_ui.recent import Recent
from review_ui.site import Site, TheSite
from review_ui.views import feed_entry

POSTS_PER_PAGE = 24
REFRESH_SECONDS = 3
"""While posts wait for their verdict, the first page looks again after this long."""
PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}

router = APIRouter(include_in_schema=False, dependencies=[public])


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the start page. `tone` is its colour's name."""

    name: str
    value: int
    note: str
    tone: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What the start page shows of the database."""

    tiles: tuple[Tile, ...]
    queues: Mapping[str, int]
    page: FeedPage
    waiting: int


class Pages:
    """The templates of one application, and what its start page shows."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._first = Recent(partial(run_in_threadpool, _first_overview, site))
        self._environment = Environment(
            loader=PackageLoader("review_ui"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["code"] = marked_code

    async def overview(self, cursor: str | None) -> Overview:
        """The numbers, and the page of the feed at `cursor`; everybody may ask, so the first page is read in common.

        Raises `InvalidInputError` for a wrong cursor, `UnavailableError`.
        """
        first = await self._first.get()
        if cursor is None:
            return first
        return replace(first, page=await run_in_threadpool(_feed_page, self._site, cursor))

    def render(self, template: str, values: Mapping[str, object], *, status: int = 200) -> Response:
        """A page as a response, with its content security policy."""
        body = self._environment.get_template(template).render(**values)
        return Response(body, status, headers=dict(PAGE_HEADERS), media_type="text/html")


def marked_code(text: str) -> Markup:
    """Escaped text with what stands between backticks as code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )


@router.get("/")
async def start_page(request: Request, site: TheSite, probe: Probe, cursor: Cursor = None) -> Response:
    """What is published, and how the system is."""
    readiness = await probe.current()
    overview, status = None, 200
    try:
        overview = await _pages(request).overview(cursor)
    except InvalidInputError:
        raise
    except ModerationError:
        status = 503
    values = {
        "readiness": readiness,
        "overview": overview,
        "entries": [feed_entry(item) for item in overview.page.items] if overview else [],
        "first_page": cursor is None,
        "refresh": REFRESH_SECONDS if overview and overview.waiting and cursor is None else None,
        "dagster_url": _dagster_url(site),
        "now": site.clock(),
        "headline": _headline(readiness, overview),
    }
    return _pages(request).render("start.html", values, status=status)


@router.get("/docs")
async def documentation(request: Request) -> Response:
    """The API's documentation, made from its OpenAPI document."""
    values = {"operations": operations(request.app.openapi()), "problems": CODES}
    return _pages(request).render("docs.html", values)


def _pages(request: Request) -> Pages:
    pages = request.app.state.pages
    assert isinstance(pages, Pages)
    return pages


def _feed_page(site: Site, cursor: str | None) -> FeedPage:
    return site.posts.feed(cursor=cursor, limit=POSTS_PER_PAGE)


def _first_overview(site: Site) -> Overview:
    counts, queues = site.posts.counts(), site.jobs.depths()
    waiting = sum(counts.get(state, 0) for state in (*PENDING, PostState.APPROVED))
    held = counts.get(PostState.HELD, 0)
    tiles = (
        Tile("Published", counts.get(PostState.PUBLISHED, 0), "in the feed", "good"),
        Tile("Held", held, "for a person to decide", "warn"),
        Tile("Rejected", counts.get(PostState.REJECTED, 0), "by policy", "bad"),
        Tile("In progress", waiting, "being screened", "quiet"),
    )
    return Overview(tiles, queues, _feed_page(site, None), waiting)


def _headline(readiness: Readiness, overview: Overview | None) -> str:
    wrong = [part.name for part in readiness.parts if part.state is not PartState.OK]
    if wrong:
        return f"Not ready: {', '.join(wrong)}"
    return "Screening" if overview and overview.waiting else "Ready"


def _dagster_url(site: Site) -> str | None:
    host = site.settings.api_host
    return None if host in {"0.0.0.0", "::"} else f"http://{host}:{site.settings.dagster_port}"  # noqa: S104 - compared
