"""The pages in a real browser: nothing refused by their own policy, nothing broken, nothing that runs off the side."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page

from moderation.domain.verdict import Verdict
from moderation.screening.intake import Submission
from review_ui.site import open_site
from tests.factories import an_author, judge_all
from tests.review_ui.conftest import settings_in
from tests.review_ui.requests import png
from tests.review_ui.serving import Server, served

pytestmark = pytest.mark.functional


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Server]:
    settings = settings_in(tmp_path_factory.mktemp("browser"), sqlite_template)
    site = open_site(settings)
    long_caption = "A-caption-without-a-single-space-" * 6
    for shade, caption in enumerate(["A lighthouse at dusk", long_caption, ""]):
        submission = Submission(png(shade), caption[:200], "", an_author())
        site.intake.accept(submission, client="demo", idempotency_key=None, now=site.clock())
    judge_all(site.posts, Verdict.APPROVE, now=site.clock())
    site.posts.publish_approved(limit=10, now=site.clock())
    with served(settings.home) as running:
        yield running


def complaints(page: Page) -> list[str]:
    """Filled while the page loads, with everything that the browser complains of."""
    found: list[str] = []

    def failed(error: Error) -> None:
        found.append(error.message)

    page.on("console", lambda message: found.append(message.text))
    page.on("pageerror", failed)
    page.on("requestfailed", lambda request: found.append(request.url))
    page.on("response", lambda answer: found.append(answer.url) if answer.status not in {200, 304} else None)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_pages_are_whole_at_every_width(browser: Browser, server: Server, width: int, scheme: str) -> None:
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    found, urls = complaints(page), []
    page.on("request", lambda request: urls.append(request.url))
    for path in ("/", "/docs"):
        page.goto(server.url + path, wait_until="networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    page.close()
    assert found == []
    assert all(url.startswith(server.url) for url in urls)


def test_each_picture_carries_its_label(browser: Browser, server: Server) -> None:
    page = browser.new_page()
    page.goto(server.url, wait_until="networkidle")
    assert page.locator(".card").count() == 3
    assert page.locator(".card .label:visible").all_inner_texts() == ["AI-generated"] * 3
    page.close()


def test_an_image_opens_in_a_sandbox(browser: Browser, server: Server) -> None:
    page = browser.new_page()
    page.goto(server.url, wait_until="networkidle")
    page.locator(".card .picture").first.click()
    page.wait_for_url("**/v1/media/*")
    assert page.evaluate("document.contentType") == "image/png"
    assert page.evaluate("self.origin") == "null"
    page.close()
