"""Sweeps on the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from moderation.domain.ids import PostId
from moderation.domain.post import PostState
from moderation.storage.engine import Database
from tests.cli.conftest import Run
from tests.factories import after
from tests.screening.sweeping import POLICY, STRICTER, Scene
from tests.storage.review.picture_rows import a_pdq


@pytest.fixture
def scene(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    monkeypatch.setenv("MODERATION_POLICY", str(policy))
    database = Database.open(f"sqlite:///{home / 'moderation.db'}")
    yield Scene(database)
    database.close()


@pytest.fixture
def posts(scene: Scene) -> list[PostId]:
    found = [scene.published(a_pdq(1, flipped=number), at=number) for number in range(3)]
    scene.bank(a_pdq(1))
    return found


def test_a_preview_counts_by_day_state_and_result(run: Run, scene: Scene, posts: list[PostId]) -> None:
    found = run("retroaction", "preview", "--bank", "BANNED", "--withdraw", "--examples", "2", "--json").json
    assert (found["scanned"], found["touched"], found["results"]) == (3, 3, {"withdraw": 3})
    day = after(0).date().isoformat()
    assert found["counts"] == [{"day": day, "state": "published", "result": "withdraw", "posts": 3}]
    assert len(found["examples"]) == 2
    assert {example["post_id"] for example in found["examples"]} <= set(posts)
    printed = run("retroaction", "preview", "--since", "0").out
    assert "3 would be touched" in printed
    assert "Nothing was changed" in printed
    assert "--withdraw" in printed
    assert scene.sweeps.newest() == []


def test_a_sweep_runs_and_is_listed_and_shown(run: Run, scene: Scene, posts: list[PostId]) -> None:
    done = run("retroaction", "run", "--since", "0", "--withdraw", "--json").json
    assert (done["state"], done["touched"], done["results"]) == ("done", 3, {"withdraw": 3})
    assert scene.state(posts[0]) is PostState.WITHDRAWN
    assert run("retroaction", "list", "--json").json["sweeps"][0]["id"] == done["id"]
    assert "done" in run("retroaction", "list").out
    shown = run("retroaction", "show", done["id"], "--json").json
    assert {post["post"] for post in shown["posts"]} == set(posts)
    assert shown["by_day"][0]["found"] == 3
    assert posts[0] in run("retroaction", "show", done["id"]).out
    assert run("audit", "verify").code == 0


def test_the_cap_is_a_typed_answer_and_raised_by_hand(run: Run, scene: Scene, posts: list[PostId]) -> None:
    refused = run("retroaction", "run", "--bank", "BANNED", "--withdraw", "--cap", "2")
    assert refused.code == 1
    assert "sweep_too_large" in refused.err
    assert "--cap 3" in refused.err
    waiting = run("retroaction", "run", "--bank", "BANNED", "--withdraw", "--cap", "3", "--later", "--json").json
    assert (waiting["state"], waiting["touched"]) == ("open", 0)
    scene.published(a_pdq(1), at=50)
    stopped = run("retroaction", "run", "--resume", waiting["id"])
    assert stopped.code == 1
    assert "raise the cap" in stopped.err
    assert "is stopped" in run("retroaction", "run", "--resume", waiting["id"]).err
    assert "already" in run("retroaction", "run", "--resume", waiting["id"], "--cap", "2").err
    done = run("retroaction", "run", "--resume", waiting["id"], "--cap", "4", "--json").json
    assert (done["state"], done["touched"], done["cap"]) == ("done", 4, 4)
    assert scene.state(posts[2]) is PostState.WITHDRAWN


def test_a_sweep_is_cancelled_where_it_is(run: Run, scene: Scene, posts: list[PostId]) -> None:
    waiting = run("retroaction", "run", "--bank", "BANNED", "--later", "--json").json
    assert "cancelled" in run("retroaction", "cancel", waiting["id"]).out
    assert run("retroaction", "run", "--resume", waiting["id"]).code == 1
    assert scene.state(posts[0]) is PostState.PUBLISHED
    assert "is cancelled" in run("retroaction", "cancel", waiting["id"]).err


def test_another_policy_judges_what_is_stored(run: Run, scene: Scene, posts: list[PostId], tmp_path: Path) -> None:
    stricter = tmp_path / "stricter.yaml"
    stricter.write_text(STRICTER)
    found = run("retroaction", "preview", "--policy", str(stricter), "--json").json
    assert found["results"] == {"review": 3}
    done = run("retroaction", "run", "--policy", str(stricter), "--from", after(0).date().isoformat(), "--json").json
    assert done["results"] == {"review": 3}
    assert (done["cause"]["kind"], done["cause"]["first_day"]) == ("policy", after(0).date().isoformat())
    assert scene.job(posts[0]).category == "adult"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Say which entries"),
        (("--bank", "NONE"), "no bank"),
        (("--entry", "none"), "entry"),
        (("--policy", "missing.yaml"), "missing.yaml"),
        (("--since", "0", "--from", "yesterday"), "yesterday"),
    ],
)
def test_options_that_make_no_sense_are_refused(run: Run, scene: Scene, arguments: tuple[str, ...], words: str) -> None:
    refused = run("retroaction", "preview", *arguments)
    assert refused.code != 0
    assert words in refused.err
    assert scene.sweeps.newest() == []


@pytest.mark.usefixtures("scene")
def test_a_policy_and_entries_are_not_meant_together(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(STRICTER)
    assert "not by both" in run("retroaction", "preview", "--since", "0", "--policy", str(other)).err


@pytest.mark.usefixtures("scene")
def test_an_unknown_sweep_is_not_found(run: Run) -> None:
    for command in (("show", "none"), ("cancel", "none"), ("run", "--resume", "none")):
        assert "There is no sweep" in run("retroaction", *command).err
