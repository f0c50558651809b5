"""`moderation exchange`, on files and on a server of this machine."""

from pathlib import Path

import pytest

from moderation.cli.app import app
from tests.cli.conftest import Run
from tests.matching.exchanges import server as s
from tests.matching.exchanges.opened import ENVIRONMENT, pdq
from tests.matching.exchanges.server import record, running


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(f"pdq,type,category\n{pdq(1)},,gore\n{pdq(2)},,\nabc,md5,\n")
    return path


def add(run: Run, path: Path) -> None:
    given = ("--bank", "SHARED", "--new-bank", "block", "--address", str(path))
    assert run("exchange", "add", "shared", "files", *given, "--category", "ncii").code == 0


def test_files_are_added_fetched_shown_switched_off_and_removed(run: Run, listed: Path) -> None:
    add(run, listed)
    fetched = run("exchange", "fetch", "shared", "--json").json["fetched"]
    assert fetched == [
        {
            "exchange": "shared",
            "pages": 1,
            "items": 2,
            "added": 2,
            "amended": 0,
            "removed": 0,
            "unchanged": 0,
            "kept_out": 0,
            "unsupported": {"md5": 1},
            "malformed": 0,
            "withheld": 0,
            "complete": True,
        }
    ]
    shown = run("exchange", "show", "shared", "--json").json
    assert (shown["items"], shown["unsupported"], shown["last_error"], shown["enabled"]) == (2, {"md5": 1}, "", True)
    assert run("bank", "list", "--json").json["items"][0]["entries"] == 2
    assert run("exchange", "disable", "shared", "--json").json["enabled"] is False
    assert run("exchange", "fetch", "shared").code == 1
    assert run("exchange", "enable", "shared").code == 0
    assert run("exchange", "remove", "shared", "--json").json == {"removed": "shared", "entries": 2}
    assert run("exchange", "list", "--json").json == {"exchanges": []}


def test_what_people_read_says_what_cannot_be_used_and_holds_no_hash(run: Run, listed: Path) -> None:
    add(run, listed)
    outcome = run("exchange", "fetch")
    assert "2 entries added" in " ".join(outcome.out.split())
    assert "1 of the type md5 cannot be used." in " ".join(outcome.out.split())
    printed = outcome.out + outcome.err + run("exchange", "show", "shared").out + run("exchange", "list").out
    assert pdq(1) not in printed
    assert "Nothing is due" in run("exchange", "fetch").out


def test_a_server_is_fetched_reviewed_and_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with running() as server:
        server.records = [record(pdq(number), 20 + number, "Active", ("A", "Blocked")) for number in range(3)]
        purposes = (("subscription_key", "SUBSCRIPTION"), ("fetch_key", "FETCH"), ("feedback_key", "FEEDBACK"))
        credentials = [part for what, name in purposes for part in ("--credential", f"{what}=EXCHANGE_{name}")]
        given = ("--bank", "NCII", "--new-bank", "block", "--address", f"{server.url}/ncii", "--write-back")
        added = run("exchange", "add", "ncii", "stopncii", *given, *credentials, "--json")
        assert added.json["credentials"]["fetch_key"] == "EXCHANGE_FETCH"
        fetched = run("exchange", "fetch", "--json")
        assert fetched.json["fetched"][0]["added"] == 3
        entry = run("bank", "list", "NCII", "--json").json["items"][0]["id"]
        assert run("exchange", "review", entry, "disputed", "--json").json["queued"] == 1
        assert run("exchange", "tell", "--json").json == {"told": 1, "failed": 0}
        assert [told["feedbackValue"] for told in server.told.feedbacks] == ["NotBlocked"]
        printed = added.out + fetched.out + fetched.err + run("exchange", "show", "ncii").out
        assert not any(secret in printed for secret in s.SECRETS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("exchange", "fetch", "nothing"), "no exchange"),
        (("exchange", "show", "nothing"), "no exchange"),
        (("exchange", "remove", "nothing"), "no exchange"),
        (("exchange", "enable", "nothing"), "no exchange"),
        (("exchange", "add", "x", "files", "--bank", "NOWHERE", "--address", "/x"), "no bank"),
        (("exchange", "add", "x", "files", "--bank", "B", "--address", "relative"), "absolute"),
        (("exchange", "add", "x", "ncmec", "--bank", "B"), "needs the credential"),
        (("exchange", "add", "x", "files", "--bank", "B", "--option", "novalue"), "NAME=VALUE"),
        (
            (
                *("exchange", "add", "x", "threatexchange", "--bank", "B", "--option", "privacy_group=1"),
                *("--credential", "token=12345678|secret"),
            ),
            "must name an environment variable",
        ),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(run: Run, arguments: tuple[str, ...], told: str) -> None:
    outcome = run(*arguments)
    assert outcome.code == 1
    assert told in outcome.err
    assert outcome.err.startswith("error ")
    assert "secret" not in outcome.err.replace("secret into that variable", "")


def test_one_that_fails_does_not_stop_the_others(run: Run, listed: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    assert run("exchange", "add", "a", "files", "--bank", "A", "--new-bank", "block", "--address", str(wrong)).code == 0
    add(run, listed)
    outcome = run("exchange", "fetch", "--json")
    assert outcome.code == 1
    assert [report["exchange"] for report in outcome.json["fetched"]] == ["shared"]
    assert set(outcome.json["failed"]) == {"a"}


def test_a_configuration_is_changed_where_something_is_given(run: Run, listed: Path) -> None:
    add(run, listed)
    changed = run("exchange", "set", "shared", "--every", "900", "--option", "opinion=disputed", "--json").json
    assert (changed["every_seconds"], changed["options"], changed["category"]) == (900, {"opinion": "disputed"}, "ncii")
    assert run("exchange", "set", "shared", "--write-back").code == 1, "files cannot be told anything"
    assert run("exchange", "set", "shared", "--every", "1").code == 1
    assert run("exchange", "show", "shared", "--json").json["free_removals"] == 5
    assert run("exchange", "set", "shared", "--max-removals", "0", "--json").json["free_removals"] == 0
    assert run("exchange", "set", "shared", "--max-removals", "-1").code == 2


def test_every_command_has_an_example() -> None:
    group = next(group for group in app.registered_groups if group.name == "exchange")
    assert group.typer_instance is not None
    for command in group.typer_instance.registered_commands:
        assert command.callback is not None
        assert "Example: moderation exchange" in (command.callback.__doc__ or "")


def test_kinds_tell_what_each_asks_for(run: Run) -> None:
    kinds = {kind["kind"]: kind for kind in run("exchange", "kinds", "--json").json["kinds"]}
    assert set(kinds) == {"files", "threatexchange", "ncmec", "stopncii"}
    assert set(kinds["ncmec"]["credentials"]) == {"user", "password"}
    assert kinds["files"]["outcomes"] == []
    assert "privacy_group (needed)" in run("exchange", "kinds").out
