"""What is shown is counted whatever a browser says, and what is counted decides what comes next."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi import FastAPI

from moderation.domain.exposure import Seen
from moderation.domain.people import Role
from moderation.review.plan import Budget, Plan
from moderation.review.plan_source import PlanSource
from review_ui.console.preferences import preferences_of
from tests.review_ui.console.floor import HTML, Floor, Worker

VIEW = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def floor(app: FastAPI) -> Iterator[Floor]:
    yield Floor(app, app.state.desk)
    app.state.desk.close()


@pytest.fixture
def ada(floor: Floor) -> Worker:
    return floor.person("ada")


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """One picture of spam is enough."""
    current = PlanSource.current

    def small(source: PlanSource) -> Plan:
        plan = current(source)
        return replace(plan, exposure=replace(plan.exposure, budgets={"spam": Budget(1, 600.0)}))

    monkeypatch.setattr(PlanSource, "current", small)


def look(worker: Worker, post: str, view: str = VIEW) -> None:
    assert worker.client.get(f"/console/media/{post}/frames/0?view={view}").status_code == 200


def seen(worker: Worker) -> dict[str, int]:
    usage = worker.desk.exposures.usage(worker.visitor.person.id, worker.desk.clock())
    return {category: one.items for category, one in usage.seen.items()}


def test_the_picture_itself_counts_though_the_browser_never_reports(floor: Floor, ada: Worker) -> None:
    look(ada, floor.held())
    assert seen(ada) == {"spam": 1}


def test_a_coarse_preview_counts_for_nothing(floor: Floor, ada: Worker) -> None:
    ada.client.get(f"/console/media/{floor.held()}/concealed")
    assert seen(ada) == {}


def test_a_report_ends_a_look_and_says_what_is_used_up(floor: Floor, ada: Worker, budget: None) -> None:
    look(ada, floor.held())
    told = {"id": VIEW, "job": "j", "post": "p", "seconds": 2.5, "done": True}
    answer = ada.json("/console/exposure", told)
    assert (answer.status_code, answer.json()) == (200, {"known": True, "spent": ["spam"]})
    assert ada.json("/console/exposure", told).json()["known"] is True


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "x"},
        {"id": VIEW, "seconds": -1},
        {"id": VIEW, "seconds": "many"},
        {"id": VIEW, "seconds": 1e9},
        {"id": VIEW, "more": 1},
        {},
    ],
)
def test_a_malformed_report_is_refused(ada: Worker, wrong: dict[str, object]) -> None:
    assert ada.json("/console/exposure", wrong).status_code == 422


def test_a_report_of_somebody_elses_look_changes_nothing(floor: Floor, ada: Worker) -> None:
    look(ada, floor.held())
    ben = floor.person("ben")
    assert ben.json("/console/exposure", {"id": VIEW, "seconds": 0, "done": True}).json()["known"] is False
    usage = ada.desk.exposures.usage(ada.visitor.person.id, ada.desk.clock() + timedelta(seconds=30))
    assert usage.seen["spam"].seconds >= 30


def test_a_report_needs_the_session_token(ada: Worker) -> None:
    answer = ada.client.post("/console/exposure", json={"id": VIEW}, headers={"Accept": "application/json"})
    assert answer.status_code == 403


def test_a_used_up_category_gives_way_to_others_and_the_job_at_hand_stays(
    floor: Floor, ada: Worker, budget: None
) -> None:
    first, second = floor.held(1), floor.held(2)
    other = floor.held(3, category="adult")
    one = floor.job_of(first)
    ada.open(one.id)
    look(ada, first)
    ahead = ada.json("/console/ahead", {"current": one.id}).json()["jobs"]
    assert [job["job"] for job in ahead] == [floor.job_of(other).id], "nothing more of spam is fetched ahead"
    assert ada.open(one.id).status_code == 200
    assert ada.decide(one.id, "approve").status_code == 200
    assert ada.form("/console/next").json()["url"].endswith(floor.job_of(other).id)
    assert ada.open(floor.job_of(second).id).status_code == 409, "not by its address either"


def test_what_a_person_does_not_want_is_not_offered(floor: Floor, ada: Worker) -> None:
    floor.held(1)
    other = floor.held(2, category="adult")
    ada.form("/console/wellbeing/pictures", HTML, avoid="spam")
    assert ada.form("/console/next").json()["url"].endswith(floor.job_of(other).id)


def test_a_break_gives_no_job_says_until_when_and_ends(floor: Floor, ada: Worker) -> None:
    job = floor.job_of(floor.held())
    assert ada.form("/console/break", HTML).headers["location"] == "/console/break"
    page = ada.client.get("/console/break", headers=HTML)
    assert "data-until" in page.text
    assert page.headers["refresh"].endswith("url=/console")
    assert ada.form("/console/next").json()["url"] == "/console/break"
    assert ada.form("/console/next", HTML).headers["location"] == "/console/break"
    assert ada.open(job.id).headers["location"] == "/console/break"
    assert ada.json("/console/ahead", {}).json() == {"jobs": []}
    assert ada.form("/console/break/end", HTML).status_code == 303
    assert ada.client.get("/console/break", headers=HTML).status_code == 303
    assert ada.form("/console/next").json()["url"].endswith(job.id)


def test_long_work_leads_to_a_break_that_nobody_cuts_short(floor: Floor, ada: Worker) -> None:
    now, account = floor.desk.clock(), ada.visitor.person.id
    for minutes in range(51, 0, -5):
        floor.desk.wellbeing.worked(account, now - timedelta(minutes=minutes))
    floor.held()
    assert ada.json("/console/ahead", {}).json() == {"jobs": []}, "prefetching does not go around it"
    assert ada.form("/console/next").json()["url"] == "/console/break"
    assert "without a pause" in ada.client.get("/console/break", headers=HTML).text
    assert ada.form("/console/break/end").status_code == 409
    allowance = floor.desk.wellbeing.allowance(account, floor.desk.clock())
    assert allowance.break_until is not None
    assert floor.desk.wellbeing.allowance(account, allowance.break_until).break_until is None


def test_the_page_shows_ones_own_shift(floor: Floor, ada: Worker) -> None:
    look(ada, floor.held(category="hate"))
    page = ada.client.get("/console/wellbeing", headers=HTML).text
    assert "Budgets of this shift" in page
    assert '<b class="">1</b> <span class="muted">of 250</span>' in page
    assert " style=" not in page


def test_preferences_are_kept_and_go_with_the_person(floor: Floor, ada: Worker) -> None:
    fields = {
        "blur:*": "12",
        "grey:hate": "colour",
        "size:hate": "100",
        "warn": "spam",
        "theme": "dark",
        "mode": "toggle",
    }
    answer = ada.form("/console/wellbeing/pictures", HTML, **fields)
    assert answer.headers["location"].startswith("/console/wellbeing?done=pictures")
    found = preferences_of(floor.desk.people.get(ada.visitor.person.id))
    hate = found.reveal_for(floor.desk.plan().category("hate"))
    assert (hate.blur, hate.grey, hate.size) == (12, False, 100)
    assert found.warn == frozenset({"spam"})
    assert f"{found.theme} {found.mode}" == "dark toggle"
    page = ada.client.get("/console/wellbeing", headers=HTML).text
    assert 'data-theme="dark"' in page


def test_a_mistake_is_shown_beside_its_field_and_nothing_is_lost(floor: Floor, ada: Worker) -> None:
    answer = ada.form("/console/wellbeing/pictures", HTML, **{"blur:hate": "1000", "size:adult": "77", "avoid": "spam"})
    assert answer.status_code == 422
    assert "problem-blur-hate" in answer.text
    assert 'value="77"' in answer.text
    assert 'Give me no jobs of Spam and scams" checked' in answer.text
    assert preferences_of(floor.desk.people.get(ada.visitor.person.id)).document() == {}


def test_keys_are_ones_own_and_can_be_given_back(floor: Floor, ada: Worker) -> None:
    def keys() -> dict[str, str]:
        return dict(preferences_of(floor.desk.people.get(ada.visitor.person.id)).keys)

    assert ada.form("/console/wellbeing/keys", HTML, **{"key:approve": "y", "key:reveal": " "}).status_code == 303
    assert keys() == {"approve": "y"}
    assert ada.form("/console/wellbeing/keys", HTML, **{"key:approve": "e"}).status_code == 422
    assert keys() == {"approve": "y"}
    ada.form("/console/wellbeing/keys", HTML, act="defaults")
    assert keys() == {}


def test_wellbeing_is_for_those_who_decide(floor: Floor) -> None:
    policy = floor.person("paul", Role.POLICY, queues=())
    assert policy.client.get("/console/wellbeing", headers=HTML).status_code == 403


def test_a_lead_who_looks_at_a_post_is_counted_too(floor: Floor) -> None:
    policy = floor.person("paul", Role.POLICY, queues=())
    look(policy, floor.held())
    assert seen(policy) == {"spam": 1}
    assert floor.desk.exposures.usage(policy.visitor.person.id, floor.desk.clock()).seen["spam"] != Seen()
