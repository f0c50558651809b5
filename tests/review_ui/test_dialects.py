"""The whole way of a post through the API, on each database."""

from pathlib import Path

from starlette.testclient import TestClient

from moderation.domain.verdict import Verdict
from moderation.settings import Settings
from review_ui.app import create_app
from review_ui.site import open_site
from tests.review_ui.conftest import Backend
from tests.review_ui.requests import PNG, png, problem_of


def test_the_whole_way_of_a_post(database_url: str, tmp_path: Path) -> None:
    site = open_site(Settings(home=tmp_path, database_url=database_url))
    with TestClient(create_app(site=site)) as client:
        backend = Backend(site, client)
        headers = backend.key()
        first = backend.send(headers | {"Idempotency-Key": "post-1"})
        assert first.status_code == 202
        again = backend.send(headers | {"Idempotency-Key": "post-1"})
        assert again.json()["id"] == first.json()["id"]
        problem_of(backend.send(headers | {"Idempotency-Key": "post-1"}, image=png(1)), 409, "idempotency_key_reused")
        backend.judge(Verdict.APPROVE)
        backend.publish()
        shown = client.get(first.json()["links"]["self"] + "?wait=5", headers=headers).json()
        assert (shown["state"], shown["verdict"]) == ("published", "approve")
        (item,) = client.get("/v1/feed", headers=headers).json()["items"]
        assert client.get(item["image"]["url"]).content == PNG
        assert "AI-generated" in client.get("/").text
        states = {part["name"]: part["state"] for part in client.get("/readyz").json()["parts"]}
        assert states["database"] == "ok"
        assert 'moderation_posts{state="published"} 1.0' in client.get("/metrics").text
