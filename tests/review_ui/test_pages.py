import re
from html.parser import HTMLParser

import pytest
from fastapi import FastAPI

from moderation.domain.errors import UnavailableError
from moderation.domain.verdict import Verdict
from review_ui.pages import POSTS_PER_PAGE, REFRESH_SECONDS
from review_ui.problem import CODES
from tests.review_ui.conftest import Backend
from tests.review_ui.requests import png, problem_of


class Page(HTMLParser):
    """Everything of a page that could load or run something, its ids, and its links within itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"src", "srcset", "data"} or (tag == "link" and name == "href"):
                self.loads.append(value or "")
            if name == "id":
                self.ids.append(value or "")
            if name == "href" and (value or "").startswith("#"):
                self.anchors.append((value or "")[1:])
            if name.startswith("on") or name == "style":
                self.handlers.append(name)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_load_nothing_from_elsewhere_and_run_nothing(backend: Backend, path: str) -> None:
    backend.published(backend.key())
    response = backend.client.get(path)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    page = Page(response.text)
    assert not {"script", "iframe", "object", "embed", "style", "form"} & set(page.tags)
    assert page.handlers == []
    assert page.loads
    for url in page.loads:
        assert re.fullmatch(r"/[^/].*", url), url
        assert backend.client.get(url).status_code == 200


def test_the_feed_is_shown_with_its_labels(backend: Backend) -> None:
    headers = backend.key()
    backend.published(headers, image=png(1), caption="A lighthouse")
    backend.published(headers, image=png(2), caption="A forest")
    backend.send(headers, caption="A secret that is held")
    backend.judge(Verdict.HOLD)
    text = backend.client.get("/").text
    assert text.count('<span class="label">AI-generated</span>') == 2
    assert text.index("A forest") < text.index("A lighthouse")
    assert "A secret that is held" not in text


def test_captions_are_text_and_never_markup(backend: Backend) -> None:
    attack = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>"
    backend.published(backend.key(), caption=attack, author="<b>me</b>")
    text = backend.client.get("/").text
    page = Page(text)
    assert "script" not in page.tags
    assert page.handlers == []
    assert "&lt;b&gt;me&lt;/b&gt;" in text


def test_older_posts_are_a_page_away(backend: Backend) -> None:
    headers = backend.key()
    for number in range(POSTS_PER_PAGE + 1):
        backend.send(headers, caption=f"Post {number:02}")
    backend.judge(Verdict.APPROVE)
    backend.publish()
    first = backend.client.get("/").text
    link = re.search(r'href="(/\?cursor=[^"]+)"', first)
    assert link is not None
    second = backend.client.get(link[1].replace("&amp;", "&")).text
    assert first.count('class="card"') == POSTS_PER_PAGE
    assert second.count('class="card"') == 1


def test_the_page_looks_again_only_while_posts_wait(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("review_ui.recent.CACHE_SECONDS", 0)
    refresh = f'http-equiv="refresh" content="{REFRESH_SECONDS}"'
    assert refresh not in backend.client.get("/").text
    backend.send(backend.key())
    assert refresh in backend.client.get("/").text
    backend.judge(Verdict.HOLD)
    text = backend.client.get("/").text
    assert refresh not in text
    assert "adult" in text


def test_an_empty_feed_says_how_to_begin(backend: Backend) -> None:
    assert "Nothing is published yet" in backend.client.get("/").text


def test_without_a_database_the_page_says_so(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    def counts() -> None:
        raise UnavailableError("gone")

    monkeypatch.setattr(type(backend.site.posts), "counts", staticmethod(counts))
    response = backend.client.get("/")
    assert response.status_code == 503
    assert "The feed cannot be read right now" in response.text


def test_many_who_look_are_one_query(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[None] = []
    counts = backend.site.posts.counts

    def counted() -> object:
        asked.append(None)
        return counts()

    monkeypatch.setattr("review_ui.recent.CACHE_SECONDS", 3600)
    monkeypatch.setattr(type(backend.site.posts), "counts", staticmethod(counted))
    for path, queries in (("/", 1), ("/metrics", 2)):
        assert [backend.client.get(path).status_code for _ in range(3)] == [200] * 3
        assert len(asked) == queries


def test_a_cursor_that_is_none_is_refused(backend: Backend) -> None:
    problem_of(backend.client.get("/?cursor=nonsense"), 422, "invalid_input")


def test_the_documentation_covers_every_operation(app: FastAPI, backend: Backend) -> None:
    page = Page(backend.client.get("/docs").text)
    operations = [operation for item in app.openapi()["paths"].values() for operation in item.values()]
    assert {operation["operationId"] for operation in operations} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert set(page.anchors) <= set(page.ids)


def test_every_problem_points_at_its_description(backend: Backend) -> None:
    ids = set(Page(backend.client.get("/docs").text).ids)
    assert {f"problem-{code}" for code in CODES} <= ids
    for response in (backend.client.get("/nothing"), backend.client.put("/v1/feed"), backend.client.get("/v1/feed")):
        assert response.json()["type"].removeprefix("/docs#") in ids


def test_the_openapi_document_is_complete(app: FastAPI) -> None:
    document = app.openapi()
    post = document["paths"]["/v1/posts"]["post"]
    assert set(post["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
    assert "$ref" not in str(post["requestBody"])
    assert post["security"]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "x-api-key"}
    references = set(re.findall(r"'#/components/schemas/(\w+)'", str(document)))
    assert references <= set(document["components"]["schemas"])
    assert not document["paths"]["/healthz"]["get"].get("security")
