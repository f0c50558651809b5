"""Commands on a real database: what they print, what they refuse, and how they end."""

import sqlite3
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moderation.cli.app import app
from tests.cli.conftest import Run
from tests.passwords import WITH_PASSWORD, assert_no_password

HASH = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22"


def picture(path: Path, *, flat: bool = False) -> Path:
    rng = np.random.default_rng(3)
    small = rng.integers(0, 255, (12, 12, 3), dtype=np.uint8) if not flat else np.full((12, 12, 3), 9, np.uint8)
    buffer = BytesIO()
    Image.fromarray(small).resize((300, 300), Image.Resampling.BICUBIC).save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
    return path


def test_a_bank_is_made_filled_listed_and_emptied(run: Run, tmp_path: Path) -> None:
    assert run("bank", "create", "BANNED", "--effect", "block", "--distance", "20").code == 0
    added = run("bank", "add", "BANNED", str(picture(tmp_path / "a.png")), HASH, "--note", "ticket 17", "--json")
    entries = added.json["entries"]
    assert len(entries) == 2
    listed = run("bank", "list", "--json").json
    assert [(row["bank"], row["distance_bits"], row["entries"]) for row in listed["items"]] == [("BANNED", 20, 2)]
    shown = run("bank", "list", "BANNED", "--json")
    assert [item["note"] for item in shown.json["items"]] == ["ticket 17", "ticket 17"]
    assert HASH not in shown.out + run("bank", "list", "BANNED").out
    assert run("bank", "remove", entries[0]["id"]).code == 0
    assert run("bank", "list", "--json").json["items"][0]["entries"] == 1


def test_a_flat_picture_cannot_be_banked(run: Run, tmp_path: Path) -> None:
    run("bank", "create", "BANNED")
    refused = run("bank", "add", "BANNED", str(picture(tmp_path / "flat.png", flat=True)))
    assert refused.code == 1
    assert "too flat" in refused.err
    assert run("bank", "list", "--json").json["items"][0]["entries"] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("bank", "add", "NOWHERE", HASH), "NOWHERE"),
        (("bank", "add", "NOWHERE", "not-a-hash"), "PDQ"),
        (("bank", "remove", "nothing"), "nothing"),
        (("post", "show", "nothing"), "There is no post"),
        (("post", "replay", "nothing"), "There is no post"),
        (("submit", "/does/not/exist"), "does not exist"),
        (("webhook", "add", "x", "ftp://example.org"), "not an http"),
        (("webhook", "add", "x", "https://example.org", "--secret", "whsec_eHg="), "at least 24 bytes"),
        (("webhook", "remove", "x"), "x"),
        (("key", "create", "x", "--scope", "everything"), "No such scope"),
        (("key", "revoke", "x"), "x"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line_and_no_traceback(
    run: Run, arguments: tuple[str, ...], told: str
) -> None:
    outcome = run(*arguments)
    assert outcome.code == 1
    assert told in outcome.err
    assert outcome.err.startswith("error ")
    assert "Traceback" not in outcome.err


def test_a_malformed_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_LANES", "many")
    outcome = run("bank", "list")
    assert outcome.code == 1
    assert "MODERATION_LANES" in outcome.err


def test_a_database_that_does_not_answer_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    outcome = run("bank", "list")
    assert outcome.code == 1
    assert "unavailable" in outcome.err


def test_posts_are_submitted_and_shown_before_their_verdict(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture(folder / "a.png")
    picture(folder / "b.png")
    submitted = run("submit", str(folder), "--caption", "two lakes", "--json")
    assert submitted.code == 0
    ids = [post["id"] for post in submitted.json["posts"]]
    assert len(ids) == 2
    assert submitted.json["pending"] == 2
    shown = run("post", "show", ids[0])
    assert "two lakes" in shown.out
    assert "No screening yet" in shown.out
    assert {post["id"] for post in run("post", "list", "--state", "received", "--json").json["posts"]} == set(ids)
    assert run("post", "replay", ids[0]).code == 1


def test_waiting_for_a_verdict_that_does_not_come_fails(run: Run, tmp_path: Path) -> None:
    outcome = run("submit", str(picture(tmp_path / "a.png")), "--wait", "--timeout", "0.2", "--json")
    assert outcome.code == 1
    assert outcome.json["pending"] == 1


def test_a_key_is_shown_once_and_can_be_revoked(run: Run) -> None:
    secret = run("key", "create", "feed", "--json").json["secret"]
    listed = run("key", "list")
    assert "feed" in listed.out
    assert secret not in listed.out
    assert run("key", "revoke", "feed").code == 0
    assert run("key", "list", "--json").json["keys"][0]["revoked"]


def test_an_endpoint_is_added_and_removed(run: Run) -> None:
    made = run("webhook", "add", "feed", "https://feed.example/hook", "--json").json
    assert made["secret"].startswith("whsec_")
    assert run("webhook", "list", "--json").json["endpoints"] == [
        {"name": "feed", "url": "https://feed.example/hook", "silent_since": None, "paused_until": None}
    ]
    assert made["secret"] not in run("webhook", "list").out
    assert run("webhook", "redeliver", "--json").json == {"redelivering": 0}
    assert run("webhook", "remove", "feed").code == 0
    assert run("webhook", "list", "--json").json["endpoints"] == []


def test_an_edited_audit_log_is_found_and_its_place_is_named(run: Run, home: Path) -> None:
    run("bank", "create", "ONE")
    run("bank", "create", "TWO")
    intact = run("audit", "verify", "--json")
    assert intact.code == 0
    assert intact.json["events"] >= 2
    with sqlite3.connect(home / "moderation.db") as database:
        for (trigger,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_events'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        database.execute("UPDATE audit_events SET actor = 'somebody else' WHERE number = 1")
    database.close()
    broken = run("audit", "verify", "--json")
    assert broken.code == 1
    assert broken.json["broken"]["number"] == 1


def test_every_command_has_help_with_an_example(run: Run) -> None:
    def commands(group: object, path: tuple[str, ...]) -> list[tuple[str, ...]]:
        found = getattr(group, "commands", None)
        if found is None:
            return [path]
        return [leaf for name, command in found.items() for leaf in commands(command, (*path, name))]

    import typer.main  # noqa: PLC0415 - the command tree is only needed here

    leaves = commands(typer.main.get_command(app), ())
    assert len(leaves) > 15
    for leaf in leaves:
        outcome = run(*leaf, "--help")
        assert outcome.code == 0
        assert "Example" in outcome.out, f"{' '.join(leaf)} has no example in its help"


@pytest.mark.parametrize("url", WITH_PASSWORD)
def test_no_command_prints_a_password_of_the_database(run: Run, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("MODERATION_DATABASE_URL", url)
    outcome = run("key", "list")
    assert outcome.code == 1
    assert_no_password(outcome.out + outcome.err)


def test_migrating_makes_the_blob_stores_folder(run: Run, home: Path) -> None:
    assert run("db", "migrate").code == 0
    assert (home / "blobs").is_dir()
