"""No page asks the database more often because there are more rows: few jobs and many, the same statements."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from datasets.samples import SamplePost
from moderation.assembly import now, plan_source
from moderation.bench.review import fill as filling
from moderation.bench.review.fill import Filled, fill
from moderation.bench.review.pages import PAGES, addresses, signed_in, unmeasured
from moderation.domain.post import Author
from moderation.domain.verdict import Verdict
from moderation.settings import Settings
from moderation.storage.accounts.sessions import SessionStore
from review_ui.app import create_app
from review_ui.site import open_site
from tests.review_ui.console.statements import counted

PICTURE = SamplePost("only", b"not looked at", "", "", Author("nobody"), Verdict.APPROVE)
FEW, MANY = (800, 80), (4_000, 400)
"""Posts and open jobs."""
UNCOUNTED = ("BEGIN", "max(review_plans.number)")
"""A transaction's begin, and the question for a newer plan, asked every few seconds: not about a page's rows."""


@dataclass(frozen=True)
class Populated:
    """An application over so many rows, and the browsers of everybody who works there."""

    app: FastAPI
    filled: Filled
    clients: dict[str, TestClient]

    def statements(self, who: str, page: str) -> tuple[int, list[str]]:
        """The status of a page and what it asked, once everything that is kept in memory was read."""
        path, client = page.format(**addresses(self.filled)), self.clients[who]
        client.get(path)
        with counted(self.app.state.site.database) as found:
            status = client.get(path).status_code
        return status, [one for one in found if not any(word in one for word in UNCOUNTED)]


@pytest.fixture(scope="module")
def populated(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Callable[[int, int], Populated]]:
    with ExitStack() as stack:
        made: dict[tuple[int, int], Populated] = {}

        def of(posts: int, jobs: int) -> Populated:
            if (posts, jobs) not in made:
                made[posts, jobs] = _populated(tmp_path_factory.mktemp("few"), sqlite_template, posts, jobs)
                stack.enter_context(made[posts, jobs].clients["nobody"])
            return made[posts, jobs]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(filling, "sample_posts", lambda: [PICTURE])
            yield of


def _populated(home: Path, template: Path, posts: int, jobs: int) -> Populated:
    shutil.copy(template, home / "moderation.db")
    settings = Settings(home=home)
    site = open_site(settings)
    plan = plan_source(settings, site.database).current()
    filled = fill(settings, site.database, plan, posts=posts, jobs=jobs, now=now(), tell=lambda _line: None)
    app = create_app(site=site)
    sessions = SessionStore(site.database, lifetime_s=3_600, idle_s=3_600)
    people = filled.team.by_name()
    clients = {
        name: TestClient(app, cookies={"session": signed_in(sessions, person, now())}, headers={"accept": "text/html"})
        for name, person in people.items()
    }
    return Populated(app, filled, {**clients, "nobody": TestClient(app)})


@pytest.mark.parametrize(("who", "page"), PAGES)
def test_a_page_asks_as_often_with_many_rows_as_with_few(
    populated: Callable[[int, int], Populated], who: str, page: str
) -> None:
    few_status, few = populated(*FEW).statements(who, page)
    many_status, many = populated(*MANY).statements(who, page)
    assert (few_status, many_status) == (200, 200)
    assert len(many) <= len(few), "\n\n".join(sorted(set(many) - set(few)))


def test_every_page_of_the_console_is_measured(populated: Callable[[int, int], Populated]) -> None:
    paths = _console_pages(populated(*FEW).app)
    assert len(paths) > len(PAGES) // 2
    assert unmeasured(sorted(paths)) == []


def _console_pages(app: FastAPI) -> set[str]:
    found = ((context.path, context.methods) for context in iter_route_contexts(app.routes))
    return {path for path, methods in found if path and path.startswith("/console") and "GET" in (methods or ())}
