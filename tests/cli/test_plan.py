from pathlib import Path

from moderation.domain.people import Role
from moderation.settings import Settings
from moderation.storage.engine import Database
from moderation.storage.review.plans import PlanStore
from tests.cli.conftest import Run
from tests.factories import NOW
from tests.storage.review.jobs import add_person

SHIPPED = Settings().review_plan


def test_the_shipped_plan_is_valid_and_has_all_of_the_policy(run: Run) -> None:
    done = run("plan", "check", "--json")
    assert (done.code, done.json["ok"], done.json["gaps"]) == (0, True, [])
    assert done.json["restricted"] >= 1
    assert run("plan", "check").out.startswith("review.yaml is valid: ")


def test_every_problem_is_told_with_its_place(run: Run, tmp_path: Path) -> None:
    plan = tmp_path / "mine.yaml"
    plan.write_text(SHIPPED.read_text().replace("severity: 65", "severity: 650", 1))
    done = run("plan", "check", str(plan), "--json")
    assert (done.code, done.json["ok"]) == (1, False)
    (problem,) = done.json["problems"]
    assert problem["message"] == '"severity" must be at most 100'
    done = run("plan", "check", str(plan))
    assert done.code == 1
    assert f"mine.yaml:{problem['line']}:{problem['column']}" in done.err


def test_what_the_policy_names_and_the_plan_lacks_fails_the_check(run: Run, tmp_path: Path) -> None:
    plan = tmp_path / "mine.yaml"
    plan.write_text(SHIPPED.read_text().replace("  animations:\n", "  moving-pictures:\n", 1))
    done = run("plan", "check", str(plan))
    assert done.code == 1
    assert "the queue animations, which the plan does not have" in done.err.replace("\n", " ")


def test_a_file_that_is_not_there_is_one_clear_error(run: Run, tmp_path: Path) -> None:
    done = run("plan", "check", str(tmp_path / "nothing.yaml"))
    assert done.code == 1
    assert "cannot be read" in done.err.replace("\n", " ")


def test_the_plan_in_force_is_printed_as_it_is(run: Run, home: Path) -> None:
    assert run("plan", "show").out == SHIPPED.read_text()
    text = SHIPPED.read_text() + "# saved\n"
    database = Database.open(f"sqlite:///{home / 'moderation.db'}")
    PlanStore(database).save(text, person=add_person(database, "pia", role=Role.POLICY), now=NOW, expected=0)
    database.close()
    assert run("plan", "show").out == text
