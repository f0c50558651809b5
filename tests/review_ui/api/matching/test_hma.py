"""HMA's clients can switch: the shapes that they read, and what differs on purpose."""

import html
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI

from moderation.domain.bank import Bank, BankEffect, BankEntry, EntryAmendment, EntryDraft, Opinion
from moderation.matching.hashes.frame_hashes import hashes_of
from moderation.matching.hashes.pdq import to_hex
from moderation.matching.hits import LookedUp
from moderation.matching.matcher import Matcher
from moderation.media.fetching import FetchFailedError, FetchRefusedError
from moderation.storage.banks import BankStore
from tests.review_ui.api.matching.conftest import NOW_ACTOR, Api
from tests.review_ui.api.matching.pictures import as_png, drawn, flat, upload
from tests.review_ui.api.matching.test_v1_posts import held

CODE = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"
"""HMA's first example of a hash."""
URL = "https://images.example/a.png"


def hma_problem(response: Any, status: int) -> str:
    """The `message` of a refusal in HMA's shape, which is a problem document too."""
    assert response.status_code == status, response.text
    document = response.json()
    assert document["status"] == status
    assert response.headers["content-type"] == "application/problem+json"
    assert document["code"]
    message: str = document["message"]
    assert message
    return message


@pytest.fixture
def key(api: Api) -> dict[str, str]:
    return api.key()


def hex_of(seed: int) -> str:
    return to_hex(hashes_of(drawn(seed)).pdq[0])


def test_a_file_is_hashed(api: Api, key: dict[str, str]) -> None:
    answer = post_photo(api, key, "/h/hash", as_png(drawn(1)))
    assert (answer.status_code, answer.json()) == (200, {"pdq": hex_of(1)})


def test_two_hashes_are_compared(api: Api, key: dict[str, str]) -> None:
    for count, match in ((0, True), (31, True), (32, False)):
        other = f"{int(CODE, 16) ^ ((1 << count) - 1):064x}"
        answer = api.client.post("/m/compare", json={"pdq": [CODE, other]}, headers=key)
        assert answer.json() == {"pdq": [match, {"distance": count}]}


def post_photo(api: Api, key: dict[str, str], path: str, image: bytes, **fields: str) -> Any:
    headers, body = upload(image, **fields)
    return api.client.post(path, content=body, headers=key | headers)


def test_a_url_is_hashed(api: Api, key: dict[str, str]) -> None:
    api.pages.known[URL] = as_png(drawn(1))
    answer = api.client.get("/h/hash", params={"url": URL}, headers=key)
    assert answer.json() == {"pdq": hex_of(1)}
    api.pages.known[URL] = FetchFailedError("The address did not answer.")
    assert "did not answer" in hma_problem(api.client.get("/h/hash", params={"url": URL}, headers=key), 400)


def test_a_url_that_may_not_be_fetched_is_refused(api: Api, key: dict[str, str]) -> None:
    for url in (URL, "http://127.0.0.1/", "file:///etc/passwd"):
        answer = api.client.get("/h/hash", params={"url": url}, headers=key)
        assert hma_problem(answer, 400)
        assert answer.json()["code"] == FetchRefusedError.code


@pytest.mark.parametrize("path", ["/h/hash", "/m/lookup", "/c/bank/BANNED/content"])
def test_a_picture_without_a_usable_hash_is_said_to_be_so(still: Api, still_key: dict[str, str], path: str) -> None:
    """HMA leaves it out, which reads as: nothing matches."""
    answer = post_photo(still, still_key, path, as_png(flat()))
    assert "too plain" in hma_problem(answer, 400)
    assert answer.json()["code"] == "no_usable_hash"
    assert still.banks.entries("BANNED") == []


@pytest.mark.parametrize("path", ["/h/hash", "/m/lookup", "/c/bank/BANNED/content"])
def test_only_one_photo_is_taken(still: Api, still_key: dict[str, str], path: str) -> None:
    for name in ("video", "image", "file"):
        headers, body = upload(as_png(drawn(1)), name=name)
        assert "photo" in hma_problem(still.client.post(path, content=body, headers=still_key | headers), 400)
    headers, body = upload(b"\x89PNG\r\n\x1a\nnothing")
    assert still.client.post(path, content=body, headers=still_key | headers).json()["code"] == "unreadable_picture"
    for content_type in ("application/json", "text/plain", ""):
        answer = still.client.post(path, content=b"{}", headers=still_key | {"Content-Type": content_type})
        assert answer.status_code in {400, 415}
        assert answer.json()["message"]


def test_from_a_bank_to_a_match(api: Api, key: dict[str, str]) -> None:
    """The whole way of an HMA client: create, add, look up in all ways, disable, enable, remove, delete."""
    created = api.client.post("/c/banks", json={"name": "MY_TEST_BANK_01"}, headers=key)
    assert (created.status_code, created.json()) == (201, {"name": "MY_TEST_BANK_01", "matching_enabled_ratio": 1.0})
    assert api.client.get("/c/banks", headers=key).json() == [created.json()]
    assert api.client.get("/c/bank/MY_TEST_BANK_01", headers=key).json() == created.json()

    added = post_photo(api, key, "/c/bank/MY_TEST_BANK_01/content", as_png(drawn(1)), note="Case 1")
    assert added.status_code == 200
    number = added.json()["id"]
    assert added.json() == {"id": number, "signals": {"pdq": hex_of(1)}}
    assert isinstance(number, int)

    expected = {"MY_TEST_BANK_01": [{"bank_content_id": number, "distance": "0"}]}
    by_hash = {"signal_type": "pdq", "signal": hex_of(1)}
    assert post_photo(api, key, "/m/lookup", as_png(drawn(1))).json() == {"pdq": expected}
    assert api.client.get("/m/lookup", params=by_hash, headers=key).json() == expected
    assert api.client.get("/m/raw_lookup", params=by_hash, headers=key).json() == {"matches": [number]}
    with_distance = api.client.get("/m/raw_lookup", params=by_hash | {"include_distance": "true"}, headers=key)
    assert with_distance.json() == {"matches": [{"bank_content_id": number, "distance": "0"}]}
    api.pages.known[URL] = as_png(drawn(1))
    assert api.client.get("/m/lookup", params={"url": URL}, headers=key).json() == {"pdq": expected}
    both = {"url": URL, "signal_type": "pdq", "content_type": "photo", "types": "pdq"}
    assert api.client.get("/m/lookup", params=both, headers=key).json() == expected
    assert api.client.get("/m/lookup", params=by_hash | {"signal": hex_of(2)}, headers=key).json() == {}

    content = f"/c/bank/MY_TEST_BANK_01/content/{number}"
    shown = api.client.get(content, params={"include_signals": "true"}, headers=key).json()
    assert shown["id"] == number
    assert shown["disable_until_ts"] == 1
    assert shown["bank"] == created.json()
    assert shown["signals"] == {"pdq": hex_of(1)}
    assert shown["note"] == "Case 1"
    assert "signals" not in api.client.get(content, headers=key).json()

    assert api.client.put(content, json={"disable_until_ts": 0}, headers=key).json()["disable_until_ts"] == 0
    assert api.client.get("/m/lookup", params=by_hash, headers=key).json() == {}
    assert api.client.put(content, json={"disable_until_ts": 1}, headers=key).json()["disable_until_ts"] == 1
    assert api.client.get("/m/lookup", params=by_hash, headers=key).json() == expected

    off = api.client.put("/c/bank/MY_TEST_BANK_01", json={"enabled": False}, headers=key)
    assert off.json() == {"name": "MY_TEST_BANK_01", "matching_enabled_ratio": 0.0}
    assert api.client.get("/m/lookup", params=by_hash, headers=key).json() == {}
    assert api.client.put("/c/bank/MY_TEST_BANK_01", json={"enabled_ratio": 1}, headers=key).status_code == 200

    assert api.client.delete(content, headers=key).json() == {"deleted": 1}
    assert api.client.delete(content, headers=key).json() == {"deleted": 0}
    assert api.client.get("/m/lookup", params=by_hash, headers=key).json() == {}
    for _ in range(2):
        assert api.client.delete("/c/bank/MY_TEST_BANK_01", headers=key).json() == {"message": "Done"}
    assert api.client.get("/c/banks", headers=key).json() == []


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"pdq": []},
        {"pdq": ["a" * 64]},
        {"pdq": ["a" * 64] * 3},
        {"pdq": ["a" * 64, 5]},
        {"pdq": ["a" * 64, "g" * 64]},
        {"pdq": ["a" * 64, "a" * 63]},
        {"pdq": "a" * 64},
        {"md5": ["a", "b"]},
        "pdq",
    ],
)
def test_what_cannot_be_compared_is_refused_without_repeating_it(
    still: Api, still_key: dict[str, str], body: object
) -> None:
    answer = still.client.post("/m/compare", json=body, headers=still_key)
    assert "aaaa" not in hma_problem(answer, 400)


@pytest.mark.parametrize("path", ["/m/lookup", "/m/raw_lookup"])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"signal": "a" * 64},
        {"signal_type": "pdq"},
        {"signal": "a" * 63, "signal_type": "pdq"},
        {"signal": "g" * 64, "signal_type": "pdq"},
        {"signal": "a" * 300, "signal_type": "pdq"},
        {"signal": "a" * 64, "signal_type": "md5"},
    ],
)
def test_a_malformed_look_up_is_refused_without_repeating_it(
    still: Api, still_key: dict[str, str], path: str, params: dict[str, str]
) -> None:
    answer = still.client.get(path, params=params, headers=still_key)
    assert "aaaa" not in hma_problem(answer, 400)


def test_banks_can_be_chosen(api: Api, key: dict[str, str]) -> None:
    for name in ("A", "B"):
        api.bank(name)
        api.client.post(f"/c/bank/{name}/signal", json={"pdq": CODE}, headers=key)
    asked = {"signal_type": "pdq", "signal": CODE}
    assert set(api.client.get("/m/lookup", params=asked, headers=key).json()) == {"A", "B"}
    assert set(api.client.get("/m/lookup", params=asked | {"banks": "B"}, headers=key).json()) == {"B"}
    assert len(api.client.get("/m/raw_lookup", params=asked | {"banks": "A,B"}, headers=key).json()["matches"]) == 2
    assert hma_problem(api.client.get("/m/lookup", params=asked | {"banks": "C"}, headers=key), 404)


def test_only_automatic_matches_are_listed_and_raw_ones_hide_nothing(api: Api, key: dict[str, str]) -> None:
    """A client acts on whatever is listed: a disputed or demoted entry never acts by itself."""
    api.bank("NARROW", distance_bits=0)
    number = api.client.post("/c/bank/NARROW/signal", json={"pdq": CODE}, headers=key).json()["id"]
    near = f"{int(CODE, 16) ^ 0b11:064x}"
    assert api.client.get("/m/lookup", params={"signal_type": "pdq", "signal": near}, headers=key).json() == {}
    asked = {"signal_type": "pdq", "signal": CODE}
    assert api.client.get("/m/lookup", params=asked, headers=key).json() != {}
    entry = api.matching.entry("NARROW", number)
    for amendment in (EntryAmendment(opinion=Opinion.DISPUTED), EntryAmendment(opinion=Opinion.POSITIVE, demoted=True)):
        api.banks.amend(entry.id, amendment, actor=NOW_ACTOR, now=api.site.clock())
        assert api.client.get("/m/lookup", params=asked, headers=key).json() == {}
        assert api.client.get("/m/raw_lookup", params=asked, headers=key).json() == {"matches": [number]}


def test_banks_that_nobody_acts_against_are_listed_only_when_they_are_named(
    api: Api, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A harmless picture, or an own post, is no match to a client that knows of no such banks, nor in its way."""
    monkeypatch.setattr("review_ui.api.matching.hma_match.MAX_RAW_HITS", 2)
    monkeypatch.setattr("review_ui.api.matching.hma_match.MAX_READ_HITS", 3)
    for number, effect in enumerate((BankEffect.ALLOW, BankEffect.DUPLICATE, BankEffect.REVIEW)):
        api.bank(effect.name, effect)
        for bit in range(3):
            pdq = f"{int(CODE, 16) ^ ((1 << bit) if number < 2 else 1 << 9):064x}"
            api.client.post(f"/c/bank/{effect.name}/signal", json={"pdq": pdq}, headers=key)
    asked = {"signal_type": "pdq", "signal": CODE}
    limits: list[int] = []
    look_up = Matcher.look_up

    def watched(matcher: Matcher, *given: Any, **words: Any) -> LookedUp:
        limits.append(words["limit"])
        return look_up(matcher, *given, **words)

    monkeypatch.setattr(Matcher, "look_up", watched)
    assert set(api.client.get("/m/lookup", params=asked, headers=key).json()) == {"REVIEW"}
    assert len(api.client.get("/m/raw_lookup", params=asked, headers=key).json()["matches"]) == 1
    assert max(limits) == 3
    named = asked | {"banks": "ALLOW,DUPLICATE"}
    assert set(api.client.get("/m/lookup", params=named, headers=key).json()) <= {"ALLOW", "DUPLICATE"}
    assert len(api.client.get("/m/raw_lookup", params=named, headers=key).json()["matches"]) == 2


def test_a_bank_that_is_made_here_asks_for_people_unless_it_says_otherwise(api: Api, key: dict[str, str]) -> None:
    api.client.post("/c/banks", json={"name": "PLAIN", "enabled": False}, headers=key)
    api.client.post("/c/banks", json={"name": "STRICT", "effect": "block"}, headers=key)
    assert api.matching.bank("PLAIN").effect is BankEffect.REVIEW
    assert not api.matching.bank("PLAIN").enabled
    assert api.matching.bank("STRICT").effect is BankEffect.BLOCK


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "01_TEST"},
        {"name": "my_bank"},
        {"name": ""},
        {"name": "A B"},
        {"name": "A" * 101},
        {"name": 5},
        {"name": "A", "enabled_ratio": 0.5},
        {"name": "A", "enabled_ratio": -1},
        {"name": "A", "enabled": "perhaps"},
        {"name": "A", "effect": "explode"},
        [],
    ],
)
def test_a_bank_that_is_none_is_refused(still: Api, still_key: dict[str, str], body: object) -> None:
    hma_problem(still.client.post("/c/banks", json=body, headers=still_key), 400)


def test_a_bank_keeps_its_name_and_its_kind(api: Api, key: dict[str, str]) -> None:
    api.bank("A")
    hma_problem(api.client.post("/c/banks", json={"name": "A"}, headers=key), 403)
    assert "keeps its name" in hma_problem(api.client.put("/c/bank/A", json={"name": "B"}, headers=key), 400)
    hma_problem(api.client.put("/c/bank/A", json={"enabled_ratio": 0.5}, headers=key), 400)
    assert api.client.put("/c/bank/A", json={"name": "A", "enabled": False}, headers=key).status_code == 200
    assert api.matching.bank("A").effect is BankEffect.BLOCK


def test_what_is_not_there_is_404(api: Api, key: dict[str, str]) -> None:
    api.bank("A")
    api.bank("B")
    number = api.client.post("/c/bank/A/signal", json={"pdq": CODE}, headers=key).json()["id"]
    for method, path in (
        ("GET", "/c/bank/NONE"),
        ("PUT", "/c/bank/NONE"),
        ("POST", "/c/bank/NONE/signal"),
        ("GET", "/c/bank/NONE/content/1"),
        ("GET", f"/c/bank/B/content/{number}"),
        ("PUT", f"/c/bank/B/content/{number}"),
        ("GET", f"/c/bank/A/content/{number + 1}"),
        ("GET", "/c/bank/%00"),
        ("GET", "/c/exchange/NONE"),
        ("GET", "/c/exchange/%00/status"),
        ("GET", "/c/exchanges/api/none"),
    ):
        body = {"pdq": CODE} if path.endswith("signal") else {}
        answer = api.client.request(method, path, headers=key, json=None if method == "GET" else body)
        assert "NONE" not in hma_problem(answer, 404)
    assert api.client.delete(f"/c/bank/B/content/{number}", headers=key).json() == {"deleted": 0}
    assert len(api.banks.entries("A")) == 1


@pytest.mark.parametrize("number", ["0", "-1", "x", str(2**63), "1.5"])
def test_a_number_that_is_none_is_refused(still: Api, still_key: dict[str, str], number: str) -> None:
    hma_problem(still.client.get(f"/c/bank/A/content/{number}", headers=still_key), 400)


def test_a_time_that_is_none_is_refused(api: Api, key: dict[str, str]) -> None:
    api.bank("A")
    number = api.client.post("/c/bank/A/signal", json={"pdq": CODE}, headers=key).json()["id"]
    path = f"/c/bank/A/content/{number}"
    times: list[object] = [-1, 9_999_999_999, 10**30, "soon", 1.5]
    for when in times:
        hma_problem(api.client.put(path, json={"disable_until_ts": when}, headers=key), 400)
    assert api.matching.entry("A", number).disable_until is None


def test_an_entry_can_begin_later(api: Api, key: dict[str, str]) -> None:
    api.bank("A")
    number = api.client.post("/c/bank/A/signal", json={"pdq": CODE}, headers=key).json()["id"]
    path, later = f"/c/bank/A/content/{number}", int(api.site.clock().timestamp()) + 86_400
    assert api.client.put(path, json={"disable_until_ts": later}, headers=key).json()["disable_until_ts"] == later
    asked = {"signal_type": "pdq", "signal": CODE}
    assert api.client.get("/m/lookup", params=asked, headers=key).json() == {}
    past = later - 2 * 86_400
    assert api.client.put(path, json={"disable_until_ts": past}, headers=key).status_code == 200
    assert api.client.get("/m/lookup", params=asked, headers=key).json() != {}


def test_a_picture_is_banked_by_its_url_with_what_is_known_of_it(api: Api, key: dict[str, str]) -> None:
    api.bank("A")
    api.pages.known[URL] = as_png(drawn(3))
    asked = {"url": URL, "content_type": "photo"}
    path = "/c/bank/A/content"
    known = {
        "content_id": "1197433091",
        "content_uri": "https://feed.example/1",
        "json": {"ticket": 17, "by": ["\x00é"]},
    }
    told = {"metadata": known, "note": "Seen"}
    added = api.client.post(path, params=asked, json=told, headers=key).json()
    shown = api.client.get(f"{path}/{added['id']}", headers=key).json()
    assert shown["metadata"] == told["metadata"]
    assert shown["original_media_uri"] == "https://feed.example/1"
    reader = api.key("matching:read")
    hidden = api.client.get(f"{path}/{added['id']}", params={"include_signals": "true"}, headers=reader).json()
    assert (hidden["note"], hidden["metadata"], hidden["original_media_uri"]) == (None, None, None)
    assert "signals" not in hidden
    writer = api.key("banks:write")
    changed = api.client.put(f"{path}/{added['id']}", json={}, headers=writer).json()
    assert (changed["note"], changed["metadata"], changed["original_media_uri"]) == (None, None, None)
    assert api.client.post(path, params=asked, headers=key).json() == added
    hma_problem(api.client.post(path, params=asked, json={"metadata": {"invalid_metadata": 5}}, headers=key), 400)
    (entry,) = api.banks.entries("A")
    assert entry.has_keypoints
    assert entry.phash
    refused: tuple[object, ...] = ({"words": "w" * 200}, {"a": float("inf")}, [], "{}")
    for own in refused:
        body = json.dumps({"metadata": {"json": own}})
        headers = {**key, "Content-Type": "application/json"}
        hma_problem(api.client.post(path, params=asked, content=body, headers=headers), 400)


def test_what_is_known_of_a_picture_is_read_from_a_form_too(api: Api, key: dict[str, str]) -> None:
    api.bank("A")
    path = "/c/bank/A/content"
    added = post_photo(api, key, path, as_png(drawn(3)), metadata=json.dumps({"json": {"ticket": 17}})).json()
    assert api.client.get(f"{path}/{added['id']}", headers=key).json()["metadata"] == {"json": {"ticket": 17}}


def test_an_entry_of_an_exchange_says_which_one_told_it(api: Api, key: dict[str, str]) -> None:
    api.bank("A")
    draft = EntryDraft(CODE, 100, provenance={"exchange": "shared", "id": "two"})
    entry = api.banks.add("A", draft, actor=NOW_ACTOR, now=api.site.clock())
    shown = api.client.get(f"/c/bank/A/content/{entry.number}", headers=key).json()
    assert shown["metadata"] == {"collab": {"shared": ["two"]}}


@pytest.mark.parametrize(
    "body", [{}, {"pdq": 5}, {"pdq": "a" * 63}, {"md5": "a"}, {"pdq": "g" * 64}, {"pdq": "a" * 64, "quality": 101}, []]
)
def test_a_signal_that_is_none_is_refused(still: Api, still_key: dict[str, str], body: object) -> None:
    assert "aaaa" not in hma_problem(still.client.post("/c/bank/A/signal", json=body, headers=still_key), 400)
    assert still.banks.entries("A") == []


def test_kinds_and_states_are_listed(api: Api, key: dict[str, str]) -> None:
    assert api.client.get("/c/signal_type", headers=key).json() == [{"name": "pdq", "enabled_ratio": 1.0}]
    assert api.client.get("/c/content_type", headers=key).json() == [{"name": "photo", "enabled": True}]
    (index,) = api.client.get("/c/signal_type/index", headers=key).json().values()
    assert index["index_out_of_date"] is False
    assert set(index) == {"db_size", "index_size", "index_out_of_date", "newest_db_item", "index_built_to"}
    (status,) = api.client.get("/m/index/status", headers=key).json().values()
    assert status == {"present": True, "built_to": 0, "size": 0}


def test_an_animation_is_looked_up_frame_by_frame(api: Api, key: dict[str, str]) -> None:
    api.bank("A")
    added = post_photo(api, key, "/c/bank/A/content", as_png(drawn(5))).json()
    found = post_photo(api, key, "/m/lookup", as_png(flat(side=256), drawn(5), drawn(6))).json()
    assert found == {"pdq": {"A": [{"bank_content_id": added["id"], "distance": "0"}]}}
    assert post_photo(api, key, "/m/lookup", as_png(drawn(7), drawn(8))).json() == {"pdq": {}}
    hma_problem(post_photo(api, key, "/m/lookup", as_png(flat(side=256), drawn(7))), 400)


def test_load_balancers_need_no_key(api: Api) -> None:
    for path in ("/status", "/status/live"):
        answer = api.client.get(path)
        assert (answer.status_code, answer.text) == (200, "I-AM-ALIVE")
        assert answer.headers["content-type"].startswith("text/plain")


def test_every_documented_route_of_hma_is_there(app: FastAPI) -> None:
    ours = {re.sub(r"\{\w+\}", "<>", path) for path in app.openapi()["paths"]}
    assert {
        "/h/hash",
        "/m/lookup",
        "/m/raw_lookup",
        "/m/compare",
        "/m/index/status",
        "/c/banks",
        "/c/bank/<>",
        "/c/bank/<>/content",
        "/c/bank/<>/content/<>",
        "/c/bank/<>/signal",
        "/c/exchanges",
        "/c/exchanges/apis",
        "/c/exchanges/api/<>",
        "/c/exchanges/api/<>/schema",
        "/c/exchange/<>",
        "/c/exchange/<>/status",
        "/c/signal_type",
        "/c/signal_type/index",
        "/c/content_type",
        "/status",
        "/status/live",
    } <= ours


def test_the_description_has_examples_that_are_true(api: Api, key: dict[str, str], app: FastAPI) -> None:
    """Every example of a body is taken by its route, and the page for people shows it."""
    api.bank("MY_BANK")
    page = html.unescape(api.client.get("/docs").text)
    number = api.client.post("/c/bank/MY_BANK/signal", json={"pdq": CODE}, headers=key).json()["id"]
    post = held(api, client="key of matching:read banks:read banks:write")
    filled = {"bank": "MY_BANK", "content_id": str(number), "entry": api.banks.entries("MY_BANK")[0].id}
    tried = 0
    for path, item in app.openapi()["paths"].items():
        for method, operation in item.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" not in content or path.startswith(("/v1/posts", "/c/exchange")):
                continue
            assert json.dumps(content["example"], indent=2, ensure_ascii=False) in page
            if "url" in content["example"]:
                api.pages.known[content["example"]["url"]] = as_png(drawn(1))
            body = content["example"] | ({"post": post} if path.endswith("/posts") else {})
            answer = api.client.request(method, path.format(**filled), json=body, headers=key)
            assert answer.status_code < 400 or answer.json()["code"] == "conflict", f"{path}: {answer.text}"
            tried += 1
    assert tried >= 10


def test_turning_a_bank_on_undoes_nothing_that_others_change_meanwhile(
    api: Api, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = api.bank("A", BankEffect.REVIEW, enabled=False)
    read = type(api.banks).bank

    def read_before_a_change(store: BankStore, name: str) -> Bank:
        found = read(store, name)
        store.update(replace(bank, effect=BankEffect.BLOCK), actor=NOW_ACTOR, now=api.site.clock())
        return found

    monkeypatch.setattr(type(api.banks), "bank", read_before_a_change)
    assert api.client.put("/c/bank/A", json={"enabled": True}, headers=key).status_code == 200
    monkeypatch.undo()
    assert api.banks.bank("A") == replace(bank, effect=BankEffect.BLOCK, enabled=True)


def test_a_hash_that_is_disputed_while_it_is_added_again_stays_disputed(
    api: Api, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    api.bank("A")
    number = api.client.post("/c/bank/A/signal", json={"pdq": CODE}, headers=key).json()["id"]
    add_many = type(api.banks).add_many

    def add_after_a_dispute(store: BankStore, *given: Any, **words: Any) -> list[BankEntry]:
        disputed = EntryAmendment(opinion=Opinion.DISPUTED)
        store.amend(api.matching.entry("A", number).id, disputed, actor=NOW_ACTOR, now=api.site.clock())
        return add_many(store, *given, **words)

    monkeypatch.setattr(type(api.banks), "add_many", add_after_a_dispute)
    assert api.client.post("/c/bank/A/signal", json={"pdq": CODE}, headers=key).json()["id"] == number
    assert api.matching.entry("A", number).opinion is Opinion.DISPUTED


def test_a_hash_that_is_added_again_settles_no_dispute(api: Api, key: dict[str, str]) -> None:
    api.bank("A")
    number = api.client.post("/c/bank/A/signal", json={"pdq": CODE}, headers=key).json()["id"]
    disputed = EntryAmendment(opinion=Opinion.DISPUTED)
    api.banks.amend(api.matching.entry("A", number).id, disputed, actor=NOW_ACTOR, now=api.site.clock())
    checkpoint = api.banks.checkpoint()
    entries = "/v1/matching/banks/A/entries"
    assert api.client.post("/c/bank/A/signal", json={"pdq": CODE}, headers=key).json()["id"] == number
    assert api.client.post(entries, json={"pdq": CODE.upper(), "quality": 100}, headers=key).status_code == 200
    assert api.matching.entry("A", number).opinion is Opinion.DISPUTED
    assert api.banks.checkpoint() == checkpoint
    stated = {"pdq": CODE, "quality": 100, "opinion": "positive_class"}
    assert api.client.post(entries, json=stated, headers=key).json()["items"][0]["opinion"] == "positive_class"
