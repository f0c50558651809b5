"""What `moderation post show` tells of people's decisions."""

from pathlib import Path

from moderation.domain.decision import Action
from moderation.storage.engine import Database
from tests.cli.conftest import Run
from tests.factories import after
from tests.storage.review.office import SECOND, UNDO, Office


def test_decisions_and_appeals_are_told_in_order(run: Run, home: Path) -> None:
    database = Database.open(f"sqlite:///{home / 'moderation.db'}")
    office = Office(database)
    ada, post, other = office.person("ada"), office.held(), office.held(1)
    office.decide(ada, office.job(post).id, Action.REJECT, terms=SECOND)
    office.settle(UNDO)
    office.appeals.open(post, client="client-1", text="It is a painting.", now=after(20))
    database.close()
    shown = run("post", "show", post)
    assert shown.code == 0
    lines = " ".join(shown.out.split())
    assert f"reject (adult: nudity) by account {ada.id}, review, settled — what I saw" in lines
    assert lines.index("settled") < lines.index("appeal, open: It is a painting.")
    told = run("post", "show", post, "--json").json
    assert [(one["action"], one["fate"]) for one in told["decisions"]] == [("reject", "settled")]
    assert [one["state"] for one in told["appeals"]] == ["open"]
    assert "Decisions:" not in run("post", "show", other).out
