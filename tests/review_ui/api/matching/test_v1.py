import base64
import json
from typing import Any

import imagehash
import numpy as np
import pytest
from PIL import Image

from moderation.domain.bank import BankEffect, EntryAmendment
from moderation.matching.hashes.frame_hashes import Orientation, hashes_of
from moderation.matching.hashes.pdq import to_hex
from moderation.storage.audit import AuditStore
from review_ui.errors import NoUsableHashError, UnreadablePictureError
from tests.review_ui.api.matching.conftest import NOW_ACTOR, Api
from tests.review_ui.api.matching.pictures import as_png, drawn, flat, upload
from tests.review_ui.requests import problem_of

BASE = "/v1/matching"
URL = "https://images.example/a.png"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def key(api: Api) -> dict[str, str]:
    return api.key()


def hex_of(seed: int) -> str:
    return to_hex(hashes_of(drawn(seed)).pdq[0])


def post(api: Api, key: dict[str, str], path: str, body: object) -> Any:
    return api.client.post(f"{BASE}{path}", json=body, headers=key)


def post_file(api: Api, key: dict[str, str], path: str, image: bytes, **fields: str) -> Any:
    headers, body = upload(image, name="image", **fields)
    return api.client.post(f"{BASE}{path}", content=body, headers=key | headers)


def entries_of(api: Api, key: dict[str, str], *seeds: int, bank: str = "BANNED") -> list[dict[str, Any]]:
    path = f"/banks/{bank}/entries"
    return [post_file(api, key, path, as_png(drawn(seed))).json()["items"][0] for seed in seeds]


def test_a_picture_is_hashed_in_every_way(api: Api, key: dict[str, str]) -> None:
    api.pages.known[URL] = as_png(drawn(1))
    by_file = post_file(api, key, "/hash", as_png(drawn(1)))
    coded = base64.b64encode(as_png(drawn(1))).decode()
    assert by_file.json() == post(api, key, "/hash", {"image": coded}).json()
    assert by_file.json() == post(api, key, "/hash", {"url": URL}).json()
    answer = by_file.json()
    assert (answer["format"], answer["width"], answer["height"], answer["usable"]) == ("PNG", 256, 256, True)
    (frame,) = answer["frames"]
    assert frame["pdq"] == hex_of(1)
    assert set(frame["orientations"]) == {orientation.value for orientation in Orientation}
    assert frame["orientations"]["upright"] == frame["pdq"]
    assert len(set(frame["orientations"].values())) == 8
    expected = imagehash.hex_to_hash(str(imagehash.dhash(Image.fromarray(drawn(1)))))
    assert imagehash.hex_to_hash(frame["dhash"]) - expected <= 4
    assert (frame["trimmed_pdq"] is None) == (frame["trimmed_quality"] is None)


def test_a_flat_picture_is_hashed_and_said_to_be_unusable(api: Api, key: dict[str, str]) -> None:
    answer = post_file(api, key, "/hash", as_png(flat())).json()
    assert answer["usable"] is False
    assert answer["frames"][0]["usable"] is False
    matched = post_file(api, key, "/match", as_png(flat())).json()
    assert (matched["usable"], matched["hits"]) == (False, [])
    assert matched["qualities"] == [answer["frames"][0]["quality"]]


@pytest.mark.parametrize("path", ["/hash", "/match", "/banks/BANNED/entries"])
def test_a_picture_that_is_none_is_refused(still: Api, still_key: dict[str, str], path: str) -> None:
    problem_of(post_file(still, still_key, path, b"\x89PNG\r\n\x1a\nnothing"), 422, UnreadablePictureError.code)
    problem_of(post(still, still_key, path, {"url": "http://127.0.0.1/a.png"}), 422, "fetch_refused")
    wrong: list[object] = [{}, [], {"image": "%%"}, {"image": 5}, {"url": 5}, {"image": "", "url": URL}, "x", [None], 5]
    for body in wrong:
        problem_of(post(still, still_key, path, body), 422, "invalid_input")
    problem_of(still.client.post(f"{BASE}{path}", content=b"x", headers=still_key), 415, "unsupported_media_type")
    huge = still.client.post(f"{BASE}{path}", content=b"x" * 400_000, headers=still_key | JSON)
    problem_of(huge, 413, "too_large")
    assert still.banks.entries("BANNED") == []


def test_a_picture_is_matched_turned_and_mirrored(api: Api, key: dict[str, str]) -> None:
    api.bank()
    (entry,) = entries_of(api, key, 1)
    for pixels, orientation in (
        (drawn(1), None),
        (drawn(1)[::-1].copy(), "flip"),
        (drawn(1).swapaxes(0, 1).copy(), "transpose"),
    ):
        answer = post_file(api, key, "/match", as_png(pixels)).json()
        assert answer["usable"] is True
        assert answer["checkpoint"] == api.banks.checkpoint()
        hit = answer["hits"][0]
        assert (hit["bank"], hit["entry"], hit["number"]) == ("BANNED", entry["id"], entry["number"])
        assert (hit["effect"], hit["bank_effect"], hit["tier"]) == ("block", "block", "automatic")
        assert hit["distance_bits"] <= 31
        assert hit["entry_quality"] == entry["quality"]
        assert (orientation or "upright") in hit["orientation"]
        assert "pdq" not in hit
    assert post_file(api, key, "/match", as_png(drawn(2))).json()["hits"] == []


def test_256_hashes_are_looked_up_at_once(api: Api, key: dict[str, str]) -> None:
    api.bank()
    entry = entries_of(api, key, 1)[0]
    near = f"{int(hex_of(1), 16) ^ 0b111:064x}"
    hashes = [{"pdq": near, "quality": 90}, {"pdq": near, "quality": 10}, *[{"pdq": hex_of(2)}] * 254]
    results = post(api, key, "/lookup", {"hashes": hashes}).json()["results"]
    assert [result["index"] for result in results] == list(range(256))
    hit = results[0]["hits"][0]
    assert (hit["number"], hit["distance_bits"], hit["tier"]) == (entry["number"], 3, "automatic")
    assert results[0]["usable"] is True
    assert results[1]["usable"] is False
    assert all(hit["tier"] == "review" for hit in results[1]["hits"])
    assert all(result["hits"] == [] and result["capped"] is False for result in results[2:])
    assert {result["checkpoint"] for result in results} == {api.banks.checkpoint()}
    wide = post(api, key, "/lookup", {"hashes": [{"pdq": near}], "radius": 2}).json()["results"][0]
    assert wide["hits"] == []


def test_hits_are_capped_and_say_so(api: Api, key: dict[str, str]) -> None:
    api.bank()
    start = int(hex_of(1), 16)
    for bit in range(5):
        post(api, key, "/banks/BANNED/entries", {"pdq": f"{start ^ 1 << bit:064x}", "quality": 100})
    asked = {"hashes": [{"pdq": hex_of(1)}], "limit": 3}
    (result,) = post(api, key, "/lookup", asked).json()["results"]
    assert (len(result["hits"]), result["capped"]) == (3, True)
    (result,) = post(api, key, "/lookup", asked | {"limit": 5}).json()["results"]
    assert (len(result["hits"]), result["capped"]) == (5, False)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"hashes": []},
        {"hashes": [{"pdq": "a" * 64}] * 257},
        {"hashes": ["a" * 64]},
        {"hashes": [{"pdq": "a" * 63}]},
        {"hashes": [{"pdq": "g" * 64}]},
        {"hashes": [{"pdq": "a" * 64, "quality": 101}]},
        {"hashes": [{"pdq": "a" * 64, "more": 1}]},
        {"hashes": [{"pdq": "a" * 64}], "radius": 65},
        {"hashes": [{"pdq": "a" * 64}], "radius": -1},
        {"hashes": [{"pdq": "a" * 64}], "limit": 0},
        {"hashes": [{"pdq": "a" * 64}], "limit": 101},
        {"hashes": [{"pdq": "a" * 64}], "banks": ["\ud800"]},
        {"hashes": [{"pdq": "a" * 64}], "banks": ["a\0b"]},
    ],
)
def test_a_malformed_look_up_is_refused_without_repeating_it(
    still: Api, still_key: dict[str, str], body: object
) -> None:
    sent = still.client.post(f"{BASE}/lookup", content=json.dumps(body), headers=still_key | JSON)
    assert "aaaa" not in json.dumps(problem_of(sent, 422, "invalid_input"))


def test_an_unknown_bank_is_no_empty_answer(api: Api, key: dict[str, str]) -> None:
    problem_of(post(api, key, "/lookup", {"hashes": [{"pdq": "a" * 64}], "banks": ["NONE"]}), 404, "not_found")


def test_pairs_are_compared(api: Api, key: dict[str, str]) -> None:
    zeros, one = "0" * 64, "0" * 63 + "7"
    asked = {"pairs": [{"a": zeros, "b": one}, {"a": zeros, "b": "F" * 64}], "radius": 3}
    results = post(api, key, "/compare", asked).json()["results"]
    assert results == [{"distance_bits": 3, "match": True}, {"distance_bits": 256, "match": False}]
    problem_of(post(api, key, "/compare", {"pairs": []}), 422, "invalid_input")


def test_the_state_of_the_index_is_told(api: Api, key: dict[str, str]) -> None:
    api.bank()
    entries_of(api, key, 1, 2)
    status = api.client.get(f"{BASE}/status", headers=key).json()
    assert (status["ready"], status["problem"], status["size"]) == (True, "", 2)
    assert status["checkpoint"] == api.banks.checkpoint()


def test_a_bank_is_made_once_changed_and_deleted(api: Api, key: dict[str, str]) -> None:
    body = {"name": "mine, and yours", "effect": "block", "distance_bits": 20, "secondary_bits": None}
    first = post(api, key, "/banks", body)
    assert first.status_code == 201
    again = post(api, key, "/banks", body)
    assert (again.status_code, again.json()) == (200, first.json())
    problem_of(post(api, key, "/banks", body | {"distance_bits": 21}), 409, "conflict")
    path = f"{BASE}/banks/mine%2C%20and%20yours"
    assert api.client.get(path, headers=key).json() == first.json()
    changed = api.client.put(path, json={"effect": "review", "enabled": False}, headers=key)
    assert changed.json() == first.json() | {
        "effect": "review",
        "enabled": False,
        "distance_bits": 31,
        "secondary_bits": 10,
    }
    assert api.client.delete(path, headers=key).status_code == 204
    problem_of(api.client.delete(path, headers=key), 404, "not_found")
    problem_of(api.client.put(path, json={"effect": "review"}, headers=key), 404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "A"},
        {"name": "", "effect": "block"},
        {"name": " A", "effect": "block"},
        {"name": "A\n", "effect": "block"},
        {"name": "A\0", "effect": "block"},
        {"name": "A", "effect": "burn"},
        {"name": "A", "effect": "block", "distance_bits": 32},
        {"name": "A", "effect": "block", "distance_bits": 31, "review_bits": 5},
        {"name": "A", "effect": "block", "secondary_bits": 17},
        {"name": "A", "effect": "block", "min_quality": 101},
        {"name": "A", "effect": "block", "more": 1},
        {"name": "A", "effect": "block", "description": "\ud800"},
    ],
)
def test_a_bank_that_is_none_is_refused(still: Api, still_key: dict[str, str], body: object) -> None:
    sent = still.client.post(f"{BASE}/banks", content=json.dumps(body), headers=still_key | JSON)
    problem_of(sent, 422, "invalid_input")


def test_banks_are_paged_by_name(api: Api, key: dict[str, str]) -> None:
    for name in ("C", "A", "E", "B", "D"):
        api.bank(name)
    entries_of(api, key, 1, 2, bank="B")
    seen, cursor = [], None
    while True:
        asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = api.client.get(f"{BASE}/banks", params=asked, headers=key).json()
        seen += [(item["name"], item["entries"]) for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [("A", 0), ("B", 2), ("C", 0), ("D", 0), ("E", 0)]


def test_entries_are_paged_newest_first_and_do_not_shift(api: Api, key: dict[str, str]) -> None:
    api.bank()
    api.bank("OTHER")
    numbers = [entry["number"] for entry in entries_of(api, key, *range(5))]
    entries_of(api, key, 9, bank="OTHER")
    path = f"{BASE}/banks/BANNED/entries"
    first = api.client.get(path, params={"limit": 2}, headers=key).json()
    entries_of(api, key, 7)
    second = api.client.get(path, params={"limit": 2, "cursor": first["next_cursor"]}, headers=key).json()
    third = api.client.get(path, params={"limit": 2, "cursor": second["next_cursor"]}, headers=key).json()
    seen = [item["number"] for page in (first, second, third) for item in page["items"]]
    assert seen == numbers[::-1]
    assert third["next_cursor"] is None
    for cursor in ("0", "-1", "x", str(2**63), "1 ", "%00"):
        problem_of(api.client.get(path, params={"cursor": cursor}, headers=key), 422, "invalid_input")


def test_an_entry_is_added_once(api: Api, key: dict[str, str]) -> None:
    api.bank()
    facts = {"source": "case", "note": "1", "category": "nudity", "opinion": "investigation_seed"}
    body = {"pdq": hex_of(1).upper(), "quality": 77, **facts, "provenance": {"post": "p1"}}
    first = post(api, key, "/banks/BANNED/entries", body)
    assert first.status_code == 201
    again = post(api, key, "/banks/BANNED/entries", body)
    assert (again.status_code, again.json()) == (200, first.json())
    (entry,) = first.json()["items"]
    assert {name: entry[name] for name in facts} == facts
    assert (entry["pdq"], entry["quality"], entry["provenance"]) == (hex_of(1), 77, {"post": "p1"})
    assert api.client.get(f"{BASE}/entries/{entry['id']}", headers=key).json() == entry
    assert len(api.banks.entries("BANNED")) == 1


def test_a_picture_that_its_bank_would_never_match_is_not_banked(api: Api, key: dict[str, str]) -> None:
    """PDQ quality 68: enough for most banks."""
    faint = as_png((drawn(1) // 6 + 100).astype(np.uint8))
    api.bank("STRICT", min_quality=80)
    for path, status in ((f"{BASE}/banks/STRICT/entries", 422), ("/c/bank/STRICT/content", 400)):
        headers, body = upload(faint, "image" if status == 422 else "photo")
        answer = api.client.post(path, content=body, headers={**key, **headers})
        assert (answer.status_code, answer.json()["code"]) == (status, "no_usable_hash")
    assert api.banks.entries("STRICT") == []
    api.bank("LENIENT", min_quality=40)
    assert post_file(api, key, "/banks/LENIENT/entries", faint).status_code == 201


def test_a_picture_is_banked_with_all_its_hashes_and_is_not_kept(api: Api, key: dict[str, str]) -> None:
    api.bank()
    added = post_file(
        api, key, "/banks/BANNED/entries", as_png(drawn(1)), note="1", provenance='{"post": "p1"}'
    ).json()["items"][0]
    hashed = post_file(api, key, "/hash", as_png(drawn(1))).json()["frames"][0]
    assert {name: added[name] for name in ("pdq", "phash", "dhash", "quality")} == {
        name: hashed[name] for name in ("pdq", "phash", "dhash", "quality")
    }
    assert added["has_keypoints"] is True
    assert (added["note"], added["provenance"], added["source"]) == ("1", {"post": "p1"}, "api")
    assert not [path for path in (api.site.settings.home / "blobs").rglob("*") if path.is_file()]


def test_what_others_said_of_an_entry_is_for_keys_that_may_read_it(api: Api, key: dict[str, str]) -> None:
    api.bank()
    body = {"pdq": hex_of(1), "quality": 90}
    said = {"note": "Case 4711.", "provenance": {"post": "p1"}}
    assert api.client.post(f"{BASE}/banks/BANNED/entries", json=body | said, headers=key).status_code == 201
    writer = api.key("banks:write", name="feed")
    [told] = api.client.post(f"{BASE}/banks/BANNED/entries", json=body, headers=writer).json()["items"]
    assert (told["note"], told["provenance"], told["banked_by"]) == ("", {}, [])
    changed = api.client.patch(f"{BASE}/entries/{told['id']}", json={"category": "hate"}, headers=writer).json()
    assert (changed["note"], changed["provenance"], changed["category"]) == ("", {}, "hate")


def test_an_animation_is_banked_by_its_usable_frames(api: Api, key: dict[str, str]) -> None:
    api.bank()
    image = as_png(flat(side=256), drawn(1), drawn(2), drawn(1))
    items = post_file(api, key, "/banks/BANNED/entries", image).json()["items"]
    assert [item["pdq"] for item in items] == [hex_of(1), hex_of(2)]
    problem_of(post_file(api, key, "/banks/BANNED/entries", as_png(flat())), 422, NoUsableHashError.code)


@pytest.mark.parametrize(
    "changes",
    [
        {"pdq": "a" * 63},
        {"pdq": None},
        {"quality": -1},
        {"quality": 101},
        {"phash": "a" * 15},
        {"opinion": "sure"},
        {"note": "x" * 2001},
        {"note": "\ud800"},
        {"note": "a\0b"},
        {"category": "x" * 201},
        {"source": "x" * 201},
        {"expires_at": "2026-01-01"},
        {"expires_at": "2026-01-01T00:00:00"},
        {"expires_at": "0001-01-01T00:00:00+14:00"},
        {"expires_at": "9999-12-31T23:59:59-14:00"},
        {"expires_at": 1e300},
        {"disable_until": "soon"},
        {"provenance": {"a": 1}},
        {"provenance": {"a": "x" * 201}},
        {"provenance": {str(number): "" for number in range(21)}},
        {"keypoints": "eA=="},
        {"number": 1},
    ],
)
def test_an_entry_that_is_none_is_refused_without_repeating_it(
    still: Api, still_key: dict[str, str], changes: dict[str, object]
) -> None:
    body = {"pdq": "a" * 64, "quality": 100} | changes
    sent = still.client.post(
        f"{BASE}/banks/BANNED/entries",
        content=json.dumps(body),
        headers=still_key | JSON,
    )
    assert "aaaa" not in json.dumps(problem_of(sent, 422, "invalid_input"))
    assert still.banks.entries("BANNED") == []


def test_what_is_said_of_an_entry_is_changed(api: Api, key: dict[str, str]) -> None:
    api.bank()
    entry = entries_of(api, key, 1)[0]
    path = f"{BASE}/entries/{entry['id']}"
    later = "2030-01-01T00:00:00Z"
    changed = api.client.patch(path, json={"opinion": "disputed", "disable_until": later}, headers=key).json()
    assert changed == entry | {"opinion": "disputed", "disable_until": later, "active": False}
    assert post_file(api, key, "/match", as_png(drawn(1))).json()["hits"] == []
    cleared = api.client.patch(path, json={"disable_until": None}, headers=key).json()
    assert cleared == entry | {"opinion": "disputed"}
    (hit,) = post_file(api, key, "/match", as_png(drawn(1))).json()["hits"]
    assert (hit["tier"], hit["effect"], hit["bank_effect"]) == ("review", "review", "block")
    wrong: list[object] = [
        {"opinion": None},
        {"note": None},
        {"pdq": "a" * 64},
        {"demoted": 5},
        [],
        {"expires_at": "x"},
    ]
    for body in wrong:
        problem_of(api.client.patch(path, json=body, headers=key), 422, "invalid_input")
    assert api.client.patch(path, json={}, headers=key).json() == cleared
    assert api.client.patch(path, json={"demoted": True}, headers=key).json()["demoted"] is True


def test_an_entry_is_removed_and_stops_matching(api: Api, key: dict[str, str]) -> None:
    api.bank()
    entry = entries_of(api, key, 1)[0]
    path = f"{BASE}/entries/{entry['id']}"
    assert api.client.delete(path, headers=key).status_code == 204
    for method in ("DELETE", "GET"):
        problem_of(api.client.request(method, path, headers=key), 404, "not_found")
    problem_of(api.client.patch(path, json={}, headers=key), 404, "not_found")
    problem_of(api.client.get(f"{BASE}/entries/%00", headers=key), 404, "not_found")
    assert post_file(api, key, "/match", as_png(drawn(1))).json()["hits"] == []


def test_who_may_only_write_is_shown_no_hash(api: Api) -> None:
    api.bank()
    writer = api.key("banks:write", "matching:read", name="writer")
    entry = entries_of(api, writer, 1)[0]
    changed = api.client.patch(f"{BASE}/entries/{entry['id']}", json={"note": "x"}, headers=writer).json()
    for shown in (entry, changed):
        assert (shown["pdq"], shown["phash"], shown["dhash"]) == (None, None, None)
    problem_of(api.client.get(f"{BASE}/entries/{entry['id']}", headers=writer), 403, "forbidden")
    content = f"/c/bank/BANNED/content/{entry['number']}"
    shown = api.client.get(content, params={"include_signals": "true"}, headers=writer)
    assert hex_of(1) not in shown.text
    assert api.client.put(content, json={"note": "y"}, headers=writer).status_code == 200


def test_changes_are_audited_under_the_key(api: Api) -> None:
    writer = api.key("banks:write", name="curator")
    post(api, writer, "/banks", {"name": "A", "effect": "review"})
    post(api, writer, "/banks/A/entries", {"pdq": hex_of(1), "quality": 100})
    events = AuditStore(api.site.database).events()
    banking = [event for event in events if event.kind.startswith("bank.")]
    assert {event.actor for event in banking} == {"client:curator"}
    assert len(banking) == 2
    assert all(hex_of(1) not in str(event.payload) for event in events)


def test_a_disallowing_effect_is_shown_as_what_it_is(api: Api, key: dict[str, str]) -> None:
    api.bank("FINE", BankEffect.ALLOW)
    (entry,) = entries_of(api, key, 1, bank="FINE")
    hits = post_file(api, key, "/match", as_png(drawn(1))).json()["hits"]
    assert [(hit["bank"], hit["effect"]) for hit in hits] == [("FINE", "allow")]
    amendment = EntryAmendment(demoted=True)
    api.banks.amend(entry["id"], amendment, actor=NOW_ACTOR, now=api.site.clock())
    assert post_file(api, key, "/match", as_png(drawn(1))).json()["hits"] == []
