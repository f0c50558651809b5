"""Banks and their entries on the command line."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from moderation.cli import bank as cli_bank
from moderation.domain.bank import Bank, BankEffect
from moderation.domain.ids import PostId
from moderation.matching.entries.entry_drafts import drafts_of
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from tests.cli.conftest import Run
from tests.cli.test_commands import HASH, picture
from tests.factories import accept
from tests.matching.entries.test_entry_drafts import drawn, picture_of
from tests.storage.review.picture_rows import store_hashes

PDQ = drafts_of(picture_of(drawn(1)))[0].pdq


@pytest.fixture
def bank(run: Run) -> str:
    assert run("bank", "create", "BANNED").code == 0
    return "BANNED"


@pytest.fixture
def entry(run: Run, bank: str, tmp_path: Path) -> str:
    path = picture(tmp_path / "known.png")
    return str(run("bank", "add", bank, str(path), "--note", "ticket 17", "--json").json["entries"][0]["id"])


def stored(home: Path) -> Database:
    return Database.open(f"sqlite:///{home / 'moderation.db'}")


def test_a_bank_is_made_with_all_that_can_be_said_of_it(run: Run, home: Path) -> None:
    options = "--effect allow --distance 10 --min-quality 30 --review-distance 40 --secondary-distance -1 --no-verify"
    made = run("bank", "create", "KNOWN", *options.split(), "--disabled", "--description", "words", "--json")
    expected = Bank("KNOWN", BankEffect.ALLOW, 10, 30, "words", 40, None, verify=False, enabled=False)
    database = stored(home)
    assert BankStore(database).bank("KNOWN") == expected
    database.close()
    assert (made.json["bank"], made.json["review_bits"], made.json["enabled"]) == ("KNOWN", 40, False)


def test_an_update_changes_what_is_given(run: Run, bank: str) -> None:
    changed = run("bank", "update", bank, "--distance", "20", "--secondary-distance", "-1", "--disabled", "--json").json
    assert (changed["distance_bits"], changed["secondary_bits"], changed["enabled"]) == (20, None, False)
    assert (changed["review_bits"], changed["verify"]) == (64, True)
    again = run("bank", "update", bank, "--enabled", "--effect", "review", "--secondary-distance", "8", "--json").json
    assert (again["distance_bits"], again["secondary_bits"], again["enabled"]) == (20, 8, True)
    assert again["effect"] == "review"
    assert "Nothing to change" in run("bank", "update", bank).err
    assert "review distance" in run("bank", "update", bank, "--review-distance", "3").err


def test_a_bank_is_deleted_with_its_entries(run: Run, bank: str, entry: str) -> None:
    assert run("bank", "delete", bank, "--yes", "--json").json == {"bank": bank, "removed": 1}
    assert run("bank", "list", "--json").json["items"] == []
    assert run("bank", "show", entry).code == 1
    assert run("bank", "delete", bank, "--yes").code == 1


def test_a_picture_is_banked_with_hashes_and_keypoints(run: Run, bank: str, entry: str) -> None:
    shown = run("bank", "show", entry, "--json").json
    assert shown["secondary_hashes"]
    assert shown["keypoints"]
    assert (shown["bank"], shown["note"], shown["opinion"], shown["state"]) == (
        bank,
        "ticket 17",
        "positive_class",
        "active",
    )
    assert "ticket 17" in run("bank", "show", entry).out


def test_what_is_said_of_an_entry_is_stored(run: Run, bank: str) -> None:
    words = "--category adult --source list --opinion investigation_seed --quality 77"
    times = "--disable-until 2026-01-01 --expires-at 2090-01-01T12:00+02:00"
    [added] = run("bank", "add", bank, HASH, *words.split(), *times.split(), "--json").json["entries"]
    assert added["new"]
    shown = run("bank", "show", added["id"], "--json").json
    told = {name: shown[name] for name in ("category", "source", "opinion", "quality", "keypoints", "state")}
    assert told == {
        "category": "adult",
        "source": "list",
        "opinion": "investigation_seed",
        "quality": 77,
        "keypoints": False,
        "state": "active",
    }
    assert shown["disable_until"] == "2026-01-01T00:00:00+00:00"
    assert shown["expires_at"] == "2090-01-01T10:00:00+00:00"


def test_a_known_picture_is_said_to_be_known(run: Run, bank: str) -> None:
    [first] = run("bank", "add", bank, HASH, "--json").json["entries"]
    again = run("bank", "add", bank, HASH.upper(), "--note", "new")
    assert f"has it already as {first['id']}" in again.out
    assert run("bank", "show", first["id"], "--json").json["note"] == "new"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("amend", "--opinion", "disputed"), {"opinion": "disputed"}),
        (("amend", "--note", "", "--category", "hate"), {"note": "", "category": "hate"}),
        (("amend", "--demote"), {"demoted": True, "state": "demoted"}),
        (("amend", "--expires-at", "2026-01-01"), {"state": "expired", "expires_at": "2026-01-01T00:00:00+00:00"}),
        (("disable",), {"state": "disabled", "disable_until": "9999-12-31T00:00:00+00:00"}),
        (("disable", "--until", "2080-01-01"), {"state": "disabled", "disable_until": "2080-01-01T00:00:00+00:00"}),
    ],
)
def test_an_entry_is_changed_and_changed_back(
    run: Run, entry: str, arguments: tuple[str, ...], told: dict[str, Any]
) -> None:
    command, *options = arguments
    [changed] = run("bank", command, entry, *options, "--json").json["entries"]
    assert {name: changed[name] for name in told} == told
    run("bank", "enable", entry)
    back = (
        "--opinion",
        "positive_class",
        "--note",
        "ticket 17",
        "--category",
        "",
        "--restore",
        "--expires-at",
        "never",
    )
    assert "active, positive_class" in run("bank", "amend", entry, *back).out


def test_a_picture_is_found_in_every_bank(run: Run, bank: str, entry: str, tmp_path: Path) -> None:
    run("bank", "create", "WATCHED", "--effect", "review")
    known = str(tmp_path / "known.png")
    run("bank", "add", "WATCHED", known)
    found = run("bank", "find", known, "--json").json["items"]
    assert [(row["bank"], row["tier"], row["effect"], row["bits"]) for row in found] == [
        (bank, "automatic", "block", 0),
        ("WATCHED", "automatic", "review", 0),
    ]
    assert found[0]["entry"] == entry
    assert "automatic" in run("bank", "find", known).out
    assert "Nothing is known of it" in run("bank", "find", HASH).out
    nearest = run("bank", "find", HASH, "--bits", "256", "--json").json["items"]
    assert sorted(row["bank"] for row in nearest) == [bank, "WATCHED"]
    by_file = run("bank", "find", known, "--bits", "0", "--json").json["items"]
    assert sorted(row["bank"] for row in by_file) == [bank, "WATCHED"]


def test_a_turned_picture_is_found(run: Run, entry: str, tmp_path: Path) -> None:
    turned = tmp_path / "turned.png"
    Image.open(tmp_path / "known.png").transpose(Image.Transpose.ROTATE_90).save(turned)
    [found] = run("bank", "find", str(turned), "--json").json["items"]
    assert (found["entry"], found["tier"]) == (entry, "automatic")
    assert found["orientation"].startswith("rotate")


def test_an_entry_that_matches_nothing_is_found_by_its_hash(run: Run, bank: str) -> None:
    [added] = run("bank", "add", bank, HASH, "--json").json["entries"]
    run("bank", "disable", added["id"])
    [found] = run("bank", "find", HASH, "--json").json["items"]
    assert (found["entry"], found["tier"], found["state"]) == (added["id"], "none", "disabled")


def test_a_post_is_banked(run: Run, home: Path, bank: str) -> None:
    database = stored(home)
    post = accept(PostStore(database))
    store_hashes(database, post.id, 1, [PDQ])
    banked = run("bank", "add-post", bank, post.id, "--category", "adult", "--note", "seen")
    [entry] = BankStore(database).entries(bank)
    database.close()
    assert f"Added {entry.id} to {bank}" in banked.out
    assert "without keypoints" in banked.out
    assert (entry.pdq, entry.category, entry.note) == (PDQ, "adult", "seen")
    assert entry.provenance == {"post": post.id}
    assert "There is no post" in run("bank", "add-post", bank, PostId("none")).err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("amend", "none", "--note", "x"), "No bank has"),
        (("amend", "none"), "Nothing to change"),
        (("amend", "none", "--expires-at", "soon"), "not a time"),
        (("disable", "none"), "No bank has"),
        (("show", "none"), "No bank has"),
        (("delete", "NONE", "--yes"), "There is no bank"),
        (("update", "NONE", "--enabled"), "There is no bank"),
        (("find", "none"), "PDQ"),
    ],
)
def test_what_is_not_there_is_refused(run: Run, arguments: tuple[str, ...], told: str) -> None:
    outcome = run("bank", *arguments)
    assert outcome.code == 1
    assert told in outcome.err


def test_no_command_prints_a_hash(run: Run, bank: str) -> None:
    added = run("bank", "add", bank, HASH)
    [entry] = run("bank", "list", bank, "--json").json["items"]
    printed = [
        added,
        run("bank", "show", entry["id"]),
        run("bank", "show", entry["id"], "--json"),
        run("bank", "find", HASH),
        run("bank", "disable", entry["id"]),
        run("bank", "remove", entry["id"]),
    ]
    assert not any(HASH[:16] in outcome.out + outcome.err for outcome in printed)
    assert all(outcome.code == 0 for outcome in printed)


def test_entries_are_removed_all_or_none(run: Run, bank: str, entry: str) -> None:
    assert run("bank", "remove", entry, "none").code == 1
    assert run("bank", "list", "--json").json["items"][0]["entries"] == 1


def test_entries_whose_keypoints_are_not_held_are_said(
    run: Run, bank: str, entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = run("bank", "list", "--json").json
    assert [one["keypoints"] for one in listed["items"]] == [1]
    assert listed["found_by_hashes_only"] == {"block": 0, "others": 0}
    assert "hashes only" not in run("bank", "list").out
    monkeypatch.setattr(cli_bank, "found_by_hashes_only", lambda *_: {"block": 2, "others": 0})
    assert "2 entries of blocking banks are found by their hashes only" in run("bank", "list").out


def test_a_hash_that_is_added_again_keeps_its_opinion_unless_one_is_given(run: Run, bank: str) -> None:
    entry = run("bank", "add", bank, HASH, "--quality", "20", "--opinion", "disputed", "--json").json["entries"][0][
        "id"
    ]
    run("bank", "add", bank, HASH)
    shown = run("bank", "show", entry, "--json").json
    assert (shown["opinion"], shown["quality"]) == ("disputed", 100)
    run("bank", "add", bank, HASH, "--opinion", "positive_class")
    assert run("bank", "show", entry, "--json").json["opinion"] == "positive_class"


def test_what_is_neither_a_readable_file_nor_a_hash_is_refused(run: Run, bank: str, tmp_path: Path) -> None:
    for words in (("find", str(tmp_path)), ("find", "z" * 300), ("add", bank, str(tmp_path)), ("add", bank, "z" * 300)):
        refused = run("bank", *words)
        assert refused.code == 1
        assert "invalid_input" in refused.err
