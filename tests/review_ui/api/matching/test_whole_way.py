"""From a bank to a match with nothing replaced: the real decoder, on each database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from moderation.domain.errors import UnavailableError
from moderation.settings import Settings
from review_ui.app import create_app
from review_ui.site import open_site
from tests.review_ui.api.matching.conftest import Api
from tests.review_ui.api.matching.pictures import as_png, drawn, upload
from tests.review_ui.conftest import Backend


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[tuple[Backend, dict[str, str]]]:
    site = open_site(Settings(home=tmp_path, database_url=database_url))
    with TestClient(create_app(site=site)) as client:
        backend = Backend(site, client)
        yield backend, backend.key()


def test_the_whole_way_of_a_bank(server: tuple[Backend, dict[str, str]]) -> None:
    backend, key = server
    client = backend.client

    def photo(path: str, seed: int) -> Any:
        headers, body = upload(as_png(drawn(seed)))
        return client.post(path, content=body, headers=key | headers)

    assert client.get("/status").text == "I-AM-ALIVE"
    assert client.post("/c/banks", json={"name": "BANNED", "effect": "block"}, headers=key).status_code == 201
    added = photo("/c/bank/BANNED/content", 1).json()
    assert photo("/h/hash", 1).json() == added["signals"]
    assert photo("/m/lookup", 1).json() == {"pdq": {"BANNED": [{"bank_content_id": added["id"], "distance": "0"}]}}
    assert photo("/m/lookup", 2).json() == {"pdq": {}}
    page = client.get("/v1/matching/banks/BANNED/entries", headers=key).json()
    assert [item["number"] for item in page["items"]] == [added["id"]]
    entry = f"/v1/matching/entries/{page['items'][0]['id']}"
    assert client.patch(entry, json={"opinion": "disputed"}, headers=key).json()["opinion"] == "disputed"
    assert photo("/m/lookup", 1).json() == {"pdq": {}}
    assert client.delete(entry, headers=key).status_code == 204
    (status,) = client.get("/m/index/status", headers=key).json().values()
    assert (status["present"], status["size"]) == (True, 0)
    for body in ({"name": "a\0", "effect": "block"}, {"name": "\u20ac" * 100, "effect": "block"}):
        assert client.post("/v1/matching/banks", json=body, headers=key).status_code in {201, 422}


def test_banks_that_cannot_be_seen_hold_every_answer(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not seeing the banks is no answer, in no dialect: never "nothing matches"."""

    def away() -> None:
        raise UnavailableError("The database does not answer at db.internal.")

    key = api.key()
    assert api.client.get("/status").status_code == 200
    monkeypatch.setattr(api.matching.searcher.fresh(), "refresh", away)
    headers, body = upload(as_png(drawn(1)))
    asked = {"signal_type": "pdq", "signal": "a" * 64}
    answers = [
        api.client.get("/m/lookup", params=asked, headers=key),
        api.client.get("/m/raw_lookup", params=asked, headers=key),
        api.client.post("/m/lookup", content=body, headers=key | headers),
        api.client.get("/m/index/status", headers=key),
        api.client.post("/v1/matching/lookup", json={"hashes": [{"pdq": "a" * 64}]}, headers=key),
        api.client.get("/v1/matching/status", headers=key),
    ]
    for answer in answers:
        assert answer.status_code == 503
        assert "db.internal" not in answer.text
    assert api.client.get("/status").text == "I-AM-ALIVE"
    monkeypatch.setattr("review_ui.api.matching.searching.STALE_SECONDS", -1.0)
    stale = api.client.get("/status")
    assert (stale.status_code, stale.text) == (503, "INDEX-STALE")
    assert api.client.get("/status/live").status_code == 200
