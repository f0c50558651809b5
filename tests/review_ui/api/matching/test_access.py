"""Every matching route with every scope, and what logs, answers and metrics say of a hash: nothing."""

import logging
import re
from collections.abc import Iterator

import pytest
from fastapi.routing import APIRoute, iter_route_contexts

from moderation.storage.keys import SCOPES
from review_ui.classification import ByScope, Public, classification
from tests.review_ui.api.matching.conftest import Api
from tests.review_ui.api.matching.pictures import as_png, drawn, upload
from tests.review_ui.api.matching.test_v1 import hex_of

PREFIXES = ("/h/", "/m/", "/c/", "/v1/matching", "/status")
READS = {"matching:read", "banks:read"}
EXPECTED = {
    "GET /h/hash": "matching:read",
    "POST /h/hash": "matching:read",
    "GET /m/lookup": "matching:read",
    "POST /m/lookup": "matching:read",
    "GET /m/raw_lookup": "matching:read",
    "POST /m/compare": "matching:read",
    "GET /m/index/status": "matching:read",
    "GET /c/banks": "matching:read",
    "POST /c/banks": "banks:write",
    "GET /c/bank/{bank}": "matching:read",
    "PUT /c/bank/{bank}": "banks:write",
    "DELETE /c/bank/{bank}": "banks:write",
    "POST /c/bank/{bank}/content": "banks:write",
    "POST /c/bank/{bank}/signal": "banks:write",
    "GET /c/bank/{bank}/content/{content_id}": "matching:read",
    "PUT /c/bank/{bank}/content/{content_id}": "banks:write",
    "DELETE /c/bank/{bank}/content/{content_id}": "banks:write",
    "GET /c/signal_type": "matching:read",
    "GET /c/signal_type/index": "matching:read",
    "GET /c/content_type": "matching:read",
    "GET /c/exchanges": "banks:read",
    "POST /c/exchanges": "banks:write",
    "GET /c/exchanges/apis": "banks:read",
    "GET /c/exchanges/api/{api}": "banks:read",
    "GET /c/exchanges/api/{api}/schema": "banks:read",
    "GET /c/exchange/{exchange}": "banks:read",
    "GET /c/exchange/{exchange}/status": "banks:read",
    "PUT /c/exchange/{exchange}": "banks:write",
    "DELETE /c/exchange/{exchange}": "banks:write",
    "POST /v1/matching/hash": "matching:read",
    "POST /v1/matching/match": "matching:read",
    "POST /v1/matching/lookup": "matching:read",
    "POST /v1/matching/compare": "matching:read",
    "GET /v1/matching/status": "matching:read",
    "GET /v1/matching/banks": "matching:read",
    "POST /v1/matching/banks": "banks:write",
    "GET /v1/matching/banks/{bank}": "matching:read",
    "PUT /v1/matching/banks/{bank}": "banks:write",
    "DELETE /v1/matching/banks/{bank}": "banks:write",
    "GET /v1/matching/banks/{bank}/entries": "banks:read",
    "POST /v1/matching/banks/{bank}/entries": "banks:write",
    "POST /v1/matching/banks/{bank}/posts": "banks:write",
    "GET /v1/matching/entries/{entry}": "banks:read",
    "PATCH /v1/matching/entries/{entry}": "banks:write",
    "DELETE /v1/matching/entries/{entry}": "banks:write",
    "GET /status": "",
    "GET /status/live": "",
}
"""Who may call what; "" is everybody."""


def routes(api: Api) -> Iterator[tuple[str, str, APIRoute]]:
    """Method, path template and route of everything under the matching prefixes."""
    for context in iter_route_contexts(api.client.app.routes):  # type: ignore[attr-defined]
        path = str(context.path)
        if path.startswith(PREFIXES) and isinstance(context.original_route, APIRoute):
            for method in sorted(context.original_route.methods or ()):
                yield method, path, context.original_route


def test_every_route_asks_for_what_it_should(still: Api) -> None:
    found = {}
    for method, path, route in routes(still):
        who = classification(route)
        assert isinstance(who, ByScope | Public)
        found[f"{method} {path}"] = who.scope if isinstance(who, ByScope) else ""
    assert found == EXPECTED


@pytest.mark.parametrize("scope", ["", *sorted(SCOPES)])
def test_each_scope_opens_its_routes_and_no_other(still: Api, scope: str) -> None:
    headers = still.key(scope, name=f"only {scope}") if scope else {}
    for route, wanted in EXPECTED.items():
        method, _, path = route.partition(" ")
        filled = re.sub(r"\{\w+\}", "1", path)
        answer = still.client.request(method, filled, headers=headers)
        if wanted == "":
            assert answer.status_code == 200, route
        elif not scope:
            assert answer.status_code == 401, route
        elif scope == wanted:
            refused = route in {"POST /c/exchanges", "DELETE /c/exchange/{exchange}"}
            assert answer.status_code not in {401, 500} | (set() if refused else {403}), f"{route}: {answer.text}"
        else:
            assert answer.status_code == 403, route
            assert "scope" in answer.text


def test_a_bearer_token_will_do_too(still: Api, still_key: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {still_key['X-API-KEY']}"}
    assert still.client.get("/c/banks", headers=headers).status_code == 200
    assert still.client.get("/c/banks", headers={"X-API-KEY": "wrong"}).status_code == 401


def test_no_log_no_metric_and_no_refusal_tells_a_hash(
    api: Api, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key, secret = api.key(), hex_of(1)
    api.bank()
    headers, body = upload(as_png(drawn(1)))
    api.client.post("/c/bank/BANNED/content", content=body, headers=key | headers)
    asked = {"signal_type": "pdq", "signal": secret, "include_distance": "true"}
    refused = []
    for path in ("/m/lookup", "/m/raw_lookup"):
        assert api.client.get(path, params=asked, headers=key).status_code == 200
        refused.append(api.client.get(path, params=asked | {"signal_type": secret}, headers=key))
        refused.append(api.client.get(path, params=asked | {"signal": secret + "0"}, headers=key))
        refused.append(api.client.get(f"{path}/{secret}", params=asked, headers=key))
    wrong = {"pdq": secret, "quality": secret, secret: 1}
    refused.append(api.client.post("/c/bank/BANNED/signal", json=wrong, headers=key))
    refused.append(api.client.post("/m/compare", json={"pdq": [secret, secret + "0"]}, headers=key))
    refused.append(api.client.post("/v1/matching/lookup", json={"hashes": [wrong]}, headers=key))
    refused.append(api.client.post("/v1/matching/banks/BANNED/entries", json=wrong, headers=key))
    assert {answer.status_code for answer in refused} <= {400, 404, 422}
    told = [answer.text for answer in refused]
    told += [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]  # the client's
    told += [api.client.get("/metrics").text, *capfd.readouterr()]
    for text in told:
        assert secret not in text
        assert secret[:32] not in text


def test_a_decoder_that_cannot_be_started_is_said_to_be_unavailable(api: Api) -> None:
    api.matching.pictures.close()
    headers, body = upload(as_png(drawn(1)))
    answer = api.client.post("/h/hash", content=body, headers=api.key() | headers)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.json()["code"] == "unavailable"
