"""Whatever is sent to a matching route, the answer is an answer: never a 500, and every refusal a problem document."""

import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.review_ui.api.matching.conftest import Api
from tests.review_ui.api.matching.pictures import as_png, flat, upload
from tests.review_ui.test_fuzz import content_types, json_values

RELAXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
WRITES = [
    ("POST", "/h/hash"),
    ("POST", "/m/lookup"),
    ("POST", "/m/compare"),
    ("POST", "/v1/matching/hash"),
    ("POST", "/v1/matching/match"),
    ("POST", "/v1/matching/lookup"),
    ("POST", "/v1/matching/compare"),
    ("PUT", "/v1/matching/banks/NONE"),
    ("POST", "/v1/matching/banks/NONE/entries"),
    ("PATCH", "/v1/matching/entries/00000000-0000-7000-8000-000000000000"),
    ("PUT", "/c/bank/NONE"),
    ("POST", "/c/bank/NONE/content"),
    ("POST", "/c/bank/NONE/signal"),
    ("PUT", "/c/bank/NONE/content/1"),
    ("PUT", "/c/exchange/NONE"),
]
FIELDS = ["pdq", "quality", "hashes", "banks", "radius", "limit", "pairs", "name", "effect", "image", "url", "opinion"]
READS = [
    "/h/hash?url={}",
    "/m/lookup?signal_type=pdq&signal={}",
    "/m/lookup?signal_type={}&signal=a",
    "/m/lookup?url={}",
    "/m/raw_lookup?signal_type=pdq&include_distance={}",
    "/m/index/status?signal_type={}",
    "/c/bank/{}",
    "/c/bank/A/content/{}",
    "/c/exchange/{}/status",
    "/c/exchanges/api/{}/schema",
    "/v1/matching/banks?cursor={}",
    "/v1/matching/banks/{}/entries",
    "/v1/matching/banks/A/entries?cursor={}",
    "/v1/matching/entries/{}",
]


def is_an_answer(response: Any) -> bool:
    if response.status_code < 400:
        return response.status_code in {200, 201, 204}
    document = json.loads(response.content)
    assert response.status_code < 500, document
    assert response.headers["content-type"] == "application/problem+json"
    return bool(document["status"] == response.status_code)


@RELAXED
@given(route=st.sampled_from(WRITES), kind=content_types, body=st.binary(max_size=500))
def test_any_bytes(still: Api, still_key: dict[str, str], route: tuple[str, str], kind: str, body: bytes) -> None:
    assert is_an_answer(still.client.request(*route, content=body, headers=still_key | {"Content-Type": kind}))


@RELAXED
@given(route=st.sampled_from(WRITES), document=json_values | st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_any_json(still: Api, still_key: dict[str, str], route: tuple[str, str], document: object) -> None:
    body = json.dumps(document)
    headers = still_key | {"Content-Type": "application/json"}
    assert is_an_answer(still.client.request(*route, content=body, headers=headers))


@RELAXED
@given(path=st.sampled_from(READS), value=st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_path_and_query(still: Api, still_key: dict[str, str], path: str, value: str) -> None:
    assert is_an_answer(still.client.get(path.format(quote(value, safe="")), headers=still_key))


@RELAXED
@given(
    path=st.sampled_from(["/h/hash", "/m/lookup", "/c/bank/A/content", "/v1/matching/match"]),
    at=st.integers(0, 300),
    replacement=st.binary(max_size=8),
    cut=st.integers(0, 8),
)
def test_a_damaged_form(
    still: Api, still_key: dict[str, str], path: str, at: int, replacement: bytes, cut: int
) -> None:
    headers, body = upload(as_png(flat(side=8)), name="image" if path.startswith("/v1") else "photo")
    damaged = body[:at] + replacement + body[at + cut :]
    assert is_an_answer(still.client.post(path, content=damaged, headers=still_key | headers))
