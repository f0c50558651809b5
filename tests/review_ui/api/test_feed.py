import pytest

from moderation.domain.verdict import Verdict
from tests.review_ui.conftest import Backend
from tests.review_ui.requests import png, problem_of


def test_only_published_posts_are_in_the_feed(backend: Backend) -> None:
    headers = backend.key()
    shown = backend.published(headers, image=png(1), caption="Shown")
    for verdict in (Verdict.HOLD, Verdict.REJECT, Verdict.APPROVE):
        backend.send(headers, caption=f"Not shown: {verdict}")
        backend.judge(verdict)
    backend.send(headers, caption="Not shown: waiting")
    feed = backend.client.get("/v1/feed", headers=headers).json()
    assert [item["id"] for item in feed["items"]] == [shown["id"]]
    assert feed["next_cursor"] is None


def test_each_item_is_labelled_and_has_its_image(backend: Backend) -> None:
    headers = backend.key()
    backend.published(headers, image=png(1))
    (item,) = backend.client.get("/v1/feed", headers=headers).json()["items"]
    assert item["ai_generated"] is True
    assert item["label"] == "AI-generated"
    assert (item["caption"], item["author"]) == ("A quiet lake", "author-1")
    assert "prompt" not in item
    assert backend.client.get(item["image"]["url"]).content == png(1)


def test_pages_follow_each_other_without_gaps_or_repeats(backend: Backend) -> None:
    headers = backend.key()
    sent = [backend.published(headers, caption=f"Post {number}")["id"] for number in range(7)]
    seen, path = [], "/v1/feed?limit=3"
    while path:
        response = backend.client.get(path, headers=headers)
        seen += [item["id"] for item in response.json()["items"]]
        path = response.links.get("next", {}).get("url", "")
        assert (response.json()["next_cursor"] is None) == (path == "")
    assert seen == sent[::-1]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "cursor=nonsense", "cursor=%00", "cursor=" + "a" * 300]
)
def test_a_page_that_is_none_is_refused(backend: Backend, query: str) -> None:
    problem_of(backend.client.get(f"/v1/feed?{query}", headers=backend.key()), 422, "invalid_input")


def test_the_feed_needs_its_scope(backend: Backend) -> None:
    problem_of(backend.client.get("/v1/feed"), 401, "unauthenticated")
    headers = backend.key("posts:write", "posts:read", "media:held")
    problem_of(backend.client.get("/v1/feed", headers=headers), 403, "forbidden")
