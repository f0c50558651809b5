"""The application; `review_ui.serve` serves it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from moderation import logs
from moderation.settings import Settings, load_settings
from review_ui import pages, problem
from review_ui.api import appeals, feed, health, media, posts
from review_ui.api.matching import (
    hma_banks,
    hma_config,
    hma_content,
    hma_hash,
    hma_match,
    hma_status,
    v1_banks,
    v1_entries,
    v1_lookup,
    v1_posts,
)
from review_ui.api.matching.opening import open_matching
from review_ui.console import (
    access,
    account_pages,
    audit_page,
    bank_entry_page,
    bank_page,
    bank_post_page,
    banks_page,
    cluster_page,
    compare_page,
    dashboard,
    exchanges_page,
    exposure,
    failures,
    grid,
    home,
    jobs,
    live,
    login,
    mine,
    oidc,
    plan_page,
    post_page,
    profile,
    quality_page,
    queues_page,
    restricted,
    search_page,
    sweep_new_page,
    sweeps_page,
    totp,
    wellbeing,
)
from review_ui.console import media as console_media
from review_ui.console.desk import open_desk
from review_ui.console.shell import Shell
from review_ui.edge import Edge
from review_ui.pages import Pages
from review_ui.readiness import ReadinessProbe
from review_ui.site import Site, open_site
from review_ui.state import state_gauges

STATIC = Path(__file__).parent / "static"
DESCRIPTION = """Send a post for screening, ask what became of it, read the feed of published posts.

Every image here is AI-generated. Refusals are problem documents (RFC 9457)."""

console_routers: tuple[APIRouter, ...] = (
    home.router,
    jobs.router,
    live.router,
    console_media.router,
    compare_page.router,
    mine.router,
    exposure.router,
    wellbeing.router,
    quality_page.router,
    dashboard.router,
    login.router,
    oidc.router,
    profile.router,
    search_page.router,
    plan_page.router,
    grid.router,
    cluster_page.router,
    post_page.router,
    queues_page.router,
    restricted.router,
    audit_page.router,
    totp.router,
    account_pages.router,
    exchanges_page.router,
    sweep_new_page.router,
    sweeps_page.router,
    banks_page.router,
    bank_page.router,
    bank_entry_page.router,
    bank_post_page.router,
)
"""The console's pages, one line each."""


def create_app(settings: Settings | None = None, *, site: Site | None = None) -> FastAPI:
    """The application on the settings of the environment, or on a site that is already open.

    Connects to nothing: a database that is down makes `/readyz` say so, not the start fail.
    """
    the_site = site or open_site(settings or load_settings())
    logs.configure(json=the_site.settings.log_json)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await the_site.watch.close()
        await app.state.matching.close()
        app.state.desk.close()
        the_site.database.close()

    app = FastAPI(
        title="Moderation",
        version=version("moderation"),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would repeat the Host header's claim
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # its logs would carry exception texts
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.site = the_site
    app.state.matching = open_matching(the_site.settings, the_site.database)
    app.state.readiness = ReadinessProbe(the_site)
    app.state.pages = Pages(the_site)
    app.state.desk = open_desk(the_site)
    app.state.shell = Shell()
    the_site.metrics.watch_state(lambda: state_gauges(the_site))
    problem.install(app)
    failures.install(app)
    wellbeing.install(app)
    access.install(app, the_site)
    for module in (posts, appeals, feed, media, v1_lookup, v1_banks, v1_entries, v1_posts, health, pages):
        app.include_router(module.router)
    for module in (hma_hash, hma_match, hma_banks, hma_content, hma_config, hma_status):
        app.include_router(module.router)
    for router in console_routers:
        app.include_router(router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Edge, metrics=the_site.metrics)
    return app
