"""The review plan's page, on the real application."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from moderation.domain.people import Role
from moderation.storage.audit import AuditStore
from review_ui.console.desk import Desk
from tests.review_ui.console.floor import HTML, Floor
from tests.review_ui.console.listed import desk_of
from tests.review_ui.console.people import Visitor, visitor

PLAN = "/console/plan"


@pytest.fixture
def desk(app: FastAPI) -> Desk:
    return desk_of(app)


@pytest.fixture
def pia(app: FastAPI) -> Visitor:
    return visitor(app, "pia", Role.POLICY)


@pytest.fixture
def shipped(desk: Desk) -> str:
    return Path(desk.settings.review_plan).read_text(encoding="utf-8")


def post(who: Visitor, path: str, text: str, **fields: object) -> Any:
    data = {"csrf": who.csrf, "expected": 0, "text": text.replace("\n", "\r\n"), **fields}
    return who.client.post(path, data=data, headers=HTML)


def newest(desk: Desk) -> int:
    return desk.plan_versions.newest()


def test_the_plan_in_force_is_shown_with_what_waits(app: FastAPI, desk: Desk, pia: Visitor) -> None:
    Floor(app, desk).held(queue="spam")
    page = pia.client.get(PLAN, headers=HTML)
    assert page.status_code == 200
    assert "review.yaml is in force" in page.text
    for name in (*desk.plan().queues, *desk.plan().categories):
        assert f"<code>{name}</code>" in page.text
    assert "No moderator works in the queue spam." in page.text
    assert desk.plan().routing[0].name in page.text


def test_what_waits_in_a_restricted_queue_is_told_to_who_was_let_in(app: FastAPI, desk: Desk, pia: Visitor) -> None:
    for shade in range(7):
        Floor(app, desk).held(shade, queue="child-safety", category="minors")
    inside = visitor(app, "ida", Role.POLICY, queues=("child-safety",))
    row = "<code>child-safety</code>"
    shown, told = (who.client.get(PLAN, headers=HTML).text.split(row)[1].split("</tr>")[0] for who in (pia, inside))
    assert '<td class="number">7' in told
    assert '<td class="number">7' not in shown


@pytest.mark.parametrize(
    ("role", "status"), [(Role.ADMIN, 200), (Role.MODERATOR, 403), (Role.SENIOR, 403), (Role.AUDITOR, 403)]
)
def test_only_who_may_edit_plans_reads_and_saves_them(
    app: FastAPI, desk: Desk, shipped: str, role: Role, status: int
) -> None:
    somebody = visitor(app, "somebody", role)
    assert somebody.client.get(PLAN, headers=HTML).status_code == status
    if status == 403:
        assert post(somebody, PLAN, shipped + "# mine\n").status_code == 403
        assert post(somebody, f"{PLAN}/preview", shipped).status_code == 403
        assert newest(desk) == 0


def test_a_preview_says_what_would_change_and_saves_nothing(
    app: FastAPI, desk: Desk, pia: Visitor, shipped: str
) -> None:
    Floor(app, desk).held(queue="spam", category="spam")
    edited = shipped.replace("routing:\n", "routing:\n  - name: everything\n    when: job_queue = 'spam'\n"
                             "    severity: 44\n    queue: hate\n    why: To try it.\n", 1)  # fmt: skip
    page = post(pia, f"{PLAN}/preview", edited)
    assert page.status_code == 200
    assert "all 1 waiting jobs" in page.text
    assert "spam → <b>hate</b> · 1" in page.text
    assert "50 → 44" in page.text
    assert '<span class="add"><span class="sign">+</span>  - name: everything</span>' in page.text
    assert "Save and put into force" in page.text
    assert newest(desk) == 0
    assert desk.plan().number == 0


def test_problems_are_shown_where_they_are_and_what_was_typed_is_kept(pia: Visitor, shipped: str, desk: Desk) -> None:
    edited = shipped.replace("severity: 65", "severity: 650", 1) + "# <b>kept</b>\n"
    for path in (f"{PLAN}/preview", PLAN):
        page = post(pia, path, edited)
        assert page.status_code == 422
        assert "must be at most 100" in page.text
        assert "# &lt;b&gt;kept&lt;/b&gt;" in page.text
        assert "Save and put into force" not in page.text
    assert newest(desk) == 0


def test_a_plan_is_saved_and_in_force_at_once(desk: Desk, pia: Visitor, shipped: str) -> None:
    edited = shipped.replace("undo_seconds: 8", "undo_seconds: 15")
    answer = post(pia, PLAN, edited)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{PLAN}?saved={newest(desk)}&moved=0"
    assert (desk.plan().undo_seconds, desk.plan().number) == (15, newest(desk))
    assert desk.plan().text == edited, "with the line ends of the file, not the browser's"
    assert AuditStore(desk.database).events()[-1].actor == "account:pia"
    page = pia.client.get(answer.headers["location"], headers=HTML).text
    assert f"Version {newest(desk)} is in force." in page
    older = pia.client.get(f"{PLAN}?version={newest(desk)}", headers=HTML)
    assert older.status_code == 200
    assert pia.client.get(f"{PLAN}?version=99999", headers=HTML).status_code == 404


def test_nobody_overwrites_what_they_have_not_seen(desk: Desk, pia: Visitor, shipped: str) -> None:
    assert post(pia, PLAN, shipped.replace("undo_seconds: 8", "undo_seconds: 15")).status_code == 303
    first = newest(desk)
    mine = shipped.replace("undo_seconds: 8", "undo_seconds: 20")
    page = post(pia, PLAN, mine)
    assert page.status_code == 409
    assert "Somebody saved another version" in page.text
    assert "undo_seconds: 20" in page.text
    assert newest(desk) == first
    assert post(pia, PLAN, mine, expected=first).status_code == 303


@pytest.mark.parametrize("expected", ["-1", "x", "9" * 30, ""])
def test_a_form_that_names_no_version_is_refused(pia: Visitor, shipped: str, desk: Desk, expected: str) -> None:
    assert post(pia, PLAN, shipped + "# x\n", expected=expected).status_code == 422
    assert newest(desk) == 0


def test_safeguards_go_only_when_each_is_confirmed(desk: Desk, pia: Visitor, shipped: str) -> None:
    edited = shipped.replace("    double: true\n", "", 1)
    preview = post(pia, f"{PLAN}/preview", edited).text
    assert "One person alone would decide about minors." in preview
    assert 'name="loosen"' in preview
    page = post(pia, PLAN, edited)
    assert page.status_code == 422
    assert "takes safeguards away" in page.text
    assert newest(desk) == 0
    assert post(pia, PLAN, edited, loosen="yes").status_code == 303
    assert not desk.plan().category("minors").double


def test_waiting_jobs_move_only_when_that_is_asked_for(app: FastAPI, desk: Desk, pia: Visitor, shipped: str) -> None:
    floor = Floor(app, desk)
    spam = floor.held(1, queue="spam", category="spam")
    closed = floor.held(2, queue="child-safety", category="minors")
    rule = "routing:\n  - name: all_to_hate\n    when: job_complete\n    queue: hate\n    why: To try it.\n"
    edited = shipped.replace("routing:\n", rule, 1)
    assert post(pia, PLAN, edited).status_code == 303
    assert floor.job_of(spam).queue == "spam"
    answer = post(pia, PLAN, edited + "# again\n", expected=newest(desk), move="yes")
    assert answer.headers["location"].endswith("&moved=2")
    assert floor.job_of(spam).queue == "hate"
    restricted = floor.job_of(closed)
    assert (restricted.queue, restricted.severity) == ("child-safety", 100), "it rises, and never leaves"


def test_examples_of_restricted_jobs_say_nothing_of_them(app: FastAPI, desk: Desk, pia: Visitor, shipped: str) -> None:
    post_id = Floor(app, desk).held(queue="child-safety", category="minors", caption="words of a restricted post")
    page = post(pia, f"{PLAN}/preview", shipped + "# x\n").text
    assert "a restricted job" in page
    assert post_id not in page
    assert "words of a restricted post" not in page


def test_the_token_of_the_form_is_asked_for(pia: Visitor, shipped: str, desk: Desk) -> None:
    data = {"expected": 0, "text": shipped}
    assert pia.client.post(PLAN, data=data, headers=HTML).status_code == 403
    assert newest(desk) == 0


def test_a_newest_version_that_is_broken_is_told_and_another_stays_in_force(
    desk: Desk, pia: Visitor, shipped: str
) -> None:
    desk.plan_versions.save("version: 1\n", person=pia.person, now=desk.clock(), expected=0)
    page = pia.client.get(PLAN, headers=HTML).text
    assert "The newest version cannot be used" in page
    assert desk.plan().undo_seconds == 8
    assert post(pia, PLAN, shipped, expected=newest(desk)).status_code == 303
    assert desk.plan().number == newest(desk)
