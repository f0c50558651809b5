"""Trying, comparing, promoting and rolling back a model by commands."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
import typer

from moderation import assembly
from moderation.domain.model_role import ModelPin, ShadowResult
from moderation.domain.signal import Score, SignalResult
from moderation.policy.cases import column_default
from moderation.settings import load_settings
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.model_roles import ModelRoleStore
from moderation.storage.posts import PostStore
from moderation.storage.shadow_results import ShadowStore
from tests.cli.conftest import Run
from tests.factories import NOW, a_new_post, a_screening, accept, after, claim_all
from tests.functional import tried_lane

SLOT, SECOND = "image_nsfw", tried_lane.SECOND
IN_USE = load_settings().models.resolve()


@pytest.fixture
def second(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelPin:
    """A store that has another model for `image_nsfw`."""
    models = tried_lane.prepare(IN_USE, tmp_path / "models")
    monkeypatch.setenv("MODERATION_MODELS_DIR", str(models))
    monkeypatch.setattr(assembly, "model_store", tried_lane.store)
    return ModelPin(SECOND, tried_lane.entry(models).digest)


@pytest.fixture
def database(home: Path) -> Database:
    return Database.open(f"sqlite:///{home / 'moderation.db'}")


def row(run: Run, slot: str = SLOT) -> dict[str, object]:
    return next(one for one in run("models", "roles", "--json").json["roles"] if one["slot"] == slot)


def ordinary(nsfw: float) -> list[SignalResult]:
    """What every signal of the catalog says of an ordinary post, but for its picture."""
    return [
        Score(spec.name, {column.name: column_default(column) for column in spec.columns})
        if spec.name != SLOT
        else Score(SLOT, {SLOT: nsfw})
        for spec in assembly.signal_specs()
    ]


def shadow(
    database: Database, pin: ModelPin, pairs: Sequence[tuple[float, float]], caption: str = "<b>caption {}</b>"
) -> None:
    """Posts that the live model and the candidate scored so."""
    posts = PostStore(database)
    for number in range(len(pairs)):
        accept(posts, a_new_post(caption=caption.format(number)), now=after(number / 1000))
    done = [
        (claim, a_screening(claim, results=ordinary(live)))
        for claim, (live, _) in zip(claim_all(posts, now=after(1)), pairs, strict=True)
    ]
    posts.commit(done, now=after(2))
    rows = [
        ShadowResult(one.id, pin, Score(SLOT, {SLOT: said}), 0.02)
        for (_, one), (_, said) in zip(done, pairs, strict=True)
    ]
    ShadowStore(database).record(rows, {(SLOT, pin): 5}, now=NOW)


def test_without_changes_what_ships_is_live(run: Run) -> None:
    assert row(run) == {
        "slot": SLOT,
        "live": "opennsfw",
        "live_digest": None,
        "shipped": True,
        "candidate": None,
        "candidate_digest": None,
        "shadow_posts": 0,
        "rollback_to": None,
    }
    assert "opennsfw (ships)" in run("models", "roles").out


def test_a_model_is_tried_promoted_and_rolled_back(run: Run, second: ModelPin, database: Database) -> None:
    assert run("models", "candidate", SLOT, SECOND, "--note", "better on drawings").code == 0
    assert (row(run)["candidate"], row(run)["candidate_digest"]) == (SECOND, second.digest)
    few = run("models", "promote", SLOT, "--yes")
    assert few.code == 1
    assert "measured 0 posts" in few.err
    shadow(database, second, [(0.1, 0.1), (0.1, 0.2)])
    assert run("models", "promote", SLOT, "--yes", "--at-least", "2").code == 0
    assert (row(run)["live"], row(run)["candidate"], row(run)["rollback_to"]) == (SECOND, None, "opennsfw")
    assert run("models", "rollback", SLOT, "--note", "too many holds").code == 0
    assert (row(run)["live"], row(run)["shipped"]) == ("opennsfw", True)
    changes = run("models", "roles", "--history", "--json").json["changes"]
    assert [one["change"] for one in changes] == ["rollback", "promote", "candidate"]
    assert changes[0]["note"] == "too many holds"
    assert "rollback" in run("models", "roles", "--history").out
    events = [event.kind for event in AuditStore(database).events() if event.kind.startswith("model.")]
    assert events == ["model.candidate", "model.promote", "model.rollback"]


def test_a_rollback_to_a_model_that_no_release_knows_is_done_and_warned_of(
    run: Run, second: ModelPin, database: Database
) -> None:
    roles = ModelRoleStore(database)
    run("models", "roles")
    for pin in (ModelPin("long-gone", second.digest), second):
        roles.name_candidate(SLOT, pin, by="test", now=NOW)
        roles.promote(SLOT, pin, at_least=0, by="test", now=NOW, note="")
    done = run("models", "rollback", SLOT)
    assert done.code == 0, done.err
    assert "long-gone is not known to this release: posts are held" in " ".join(done.err.split())
    assert row(run)["live"] == "long-gone"


def test_promotion_asks_first_and_force_needs_a_note(
    run: Run, second: ModelPin, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("models", "candidate", SLOT, SECOND)
    assert run("models", "promote", SLOT, "--yes", "--force").code == 1
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    assert run("models", "promote", SLOT, "--force", "--note", "ticket 9").code != 0
    assert row(run)["live"] == "opennsfw"
    assert run("models", "promote", SLOT, "--yes", "--force", "--note", "ticket 9").code == 0
    assert row(run)["live"] == SECOND


def test_a_candidate_is_taken_away(run: Run, second: ModelPin) -> None:
    run("models", "candidate", SLOT, SECOND)
    assert run("models", "candidate", SLOT, "--none").code == 0
    assert row(run)["candidate"] is None
    assert run("models", "promote", SLOT, "--yes").code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((SLOT,), "Name a model"),
        ((SLOT, SECOND, "--none"), "Name a model"),
        (("image_facts", SECOND), "is served by one model"),
        ((SLOT, "nothing"), "No model is called"),
        ((SLOT, "text-harm"), "no file open-nsfw.onnx"),
    ],
)
def test_what_cannot_be_tried_is_refused(run: Run, second: ModelPin, arguments: tuple[str, ...], said: str) -> None:
    done = run("models", "candidate", *arguments)
    assert done.code == 1
    assert said in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert row(run)["candidate"] is None


def test_a_model_with_changed_bytes_is_neither_tried_nor_promoted(run: Run, second: ModelPin, tmp_path: Path) -> None:
    run("models", "candidate", SLOT, SECOND)
    (tmp_path / "models" / SECOND / tried_lane.FILE).write_bytes(b"something else")
    for command in (("candidate", SLOT, SECOND), ("promote", SLOT, "--yes", "--at-least", "0")):
        done = run("models", *command)
        assert done.code == 1
    assert row(run)["live"] == "opennsfw"


def test_what_would_change_is_told(run: Run, second: ModelPin, database: Database, tmp_path: Path) -> None:
    run("models", "candidate", SLOT, SECOND)
    shadow(database, second, [(0.01, 0.99), (0.01, 0.02), (0.99, 0.01)])
    found = run("models", "compare", SLOT, "--json").json
    assert (found["posts"], found["skipped"], found["incomplete"]) == (3, 5, 0)
    assert found["changed"] >= 2
    assert sum(one["posts"] for one in found["verdicts"]) == 3
    assert found["ms_per_post"]["mean"] == pytest.approx(20)
    assert {one["use"] for one in found["columns"][0]["agreements"]} >= {"balanced"}
    assert all("caption" not in one for one in found["examples"])
    page = tmp_path / "report.html"
    told = run("models", "compare", SLOT, "--html", str(page), "--texts")
    assert told.code == 0
    assert SECOND in told.out
    assert "&lt;b&gt;caption 0&lt;/b&gt;" in page.read_text()
    assert "<b>caption" not in page.read_text()
    assert "default-src &#39;none&#39;" in page.read_text()
    assert "color-scheme: light dark" in page.read_text()


def test_what_strangers_and_notes_write_is_no_markup(run: Run, second: ModelPin, database: Database) -> None:
    assert run("models", "candidate", SLOT, SECOND, "--note", "see [/1] and [red]").code == 0
    shadow(database, second, [(0.01, 0.99)], caption="[/b] \x1b[2J end")
    told = run("models", "compare", SLOT, "--texts")
    assert told.code == 0, told.err
    assert "[/b]" in told.out
    assert "\x1b[2J" not in told.out
    history = run("models", "roles", "--history")
    assert history.code == 0, history.err
    assert "[/1]" in history.out
    assert "[red]" in history.out


def test_a_policy_or_page_that_is_no_file_is_told(
    run: Run, second: ModelPin, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("models", "candidate", SLOT, SECOND)
    unwritable = run("models", "compare", SLOT, "--html", str(tmp_path))
    monkeypatch.setenv("MODERATION_POLICY", str(tmp_path / "nowhere.yaml"))
    unreadable = run("models", "compare", SLOT)
    for outcome, said in ((unwritable, "cannot be written"), (unreadable, "cannot be read")):
        assert outcome.code == 1
        assert said in " ".join(outcome.err.split())


def test_what_is_not_measured_again_is_said(run: Run, second: ModelPin, database: Database) -> None:
    shadow(database, second, [(0.01, 0.99)])
    assert run("models", "compare", SLOT, "--model", SECOND, "--json").json["readers"] == ["image_similarity"]
    assert "image_similarity" in run("models", "compare", SLOT, "--model", SECOND).out


def test_since_limits_what_is_compared(run: Run, second: ModelPin, database: Database) -> None:
    run("models", "candidate", SLOT, SECOND)
    shadow(database, second, [(0.01, 0.99)])
    assert run("models", "compare", SLOT, "--since", "2026-02-01", "--json").json["posts"] == 1
    assert run("models", "compare", SLOT, "--since", "2026-04-01", "--json").json["posts"] == 0


def test_before_a_post_was_measured_the_report_says_so_instead_of_zeros(
    run: Run, second: ModelPin, tmp_path: Path
) -> None:
    run("models", "candidate", SLOT, SECOND)
    page = tmp_path / "report.html"
    told = run("models", "compare", SLOT, "--html", str(page))
    assert told.code == 0, told.err
    for text in (told.out, page.read_text()):
        assert "No post was measured by both" in " ".join(text.split())
        assert "not measured" in text
        assert "Agreement" not in text
    unknown = run("models", "compare", SLOT, "--model", SECOND)
    assert unknown.code == 1
    assert "measured a post for image_nsfw yet" in " ".join(unknown.err.split())


def test_promotion_asks_only_what_it_would_do(
    run: Run, second: ModelPin, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(typer, "confirm", lambda question, **_: asked.append(question))
    run("models", "candidate", SLOT, SECOND)
    shadow(database, second, [(0.01, 0.99)])
    refused = run("models", "promote", SLOT)
    assert (refused.code, asked) == (1, [])
    assert "fewer than 1,000" in refused.err
    assert run("models", "promote", SLOT, "--at-least", "1").code == 0
    assert asked == [f"{SECOND} measured 1 posts in shadow. Let it serve {SLOT} from now on?"]
    assert row(run)["live"] == SECOND


def test_a_model_that_was_tried_before_can_be_compared(run: Run, second: ModelPin, database: Database) -> None:
    shadow(database, second, [(0.01, 0.99)])
    assert run("models", "compare", SLOT).code == 1
    assert run("models", "compare", SLOT, "--model", SECOND, "--json").json["posts"] == 1
    assert run("models", "compare", SLOT, "--model", "nothing").code == 1
