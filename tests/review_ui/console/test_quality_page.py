"""Everybody learns from their own results; only leads see everybody's and choose gold items."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import FastAPI

from moderation.domain.people import Role
from moderation.domain.quality import AppealedDecision
from moderation.domain.verdict import Verdict
from tests.factories import accept, judge_all
from tests.review_ui.console.floor import BATCH, HTML, OTHER_BATCH, Floor, Worker


@pytest.fixture
def floor(app: FastAPI) -> Iterator[Floor]:
    yield Floor(app, app.state.desk)
    app.state.desk.close()


@pytest.fixture
def lead(floor: Floor) -> Worker:
    return floor.person("lea", Role.SENIOR, queues=("spam",))


def a_settled_post(floor: Floor) -> str:
    now = floor.desk.clock()
    post = accept(floor.desk.site.posts, now=now)
    judge_all(floor.desk.site.posts, Verdict.APPROVE, now=now)
    return post.id


def settle(floor: Floor) -> None:
    """Let the undo windows of all decisions pass."""
    floor.desk.decisions.settle_due(limit=100, now=floor.desk.clock() + timedelta(minutes=5))


def test_a_new_moderator_sees_a_page_without_numbers(floor: Floor) -> None:
    page = floor.person("ada").client.get("/console/quality", headers=HTML)
    assert page.status_code == 200
    assert "They look like any other post" in page.text
    assert "/console/quality/team" not in page.text


def test_who_leads_and_decides_nothing_is_led_to_everybodys(floor: Floor) -> None:
    policy = floor.person("paul", Role.POLICY, queues=())
    assert policy.client.get("/console/quality", headers=HTML).headers["location"] == "/console/quality/team"
    assert floor.person("aud", Role.AUDITOR, queues=()).client.get("/console/quality").status_code == 403


@pytest.mark.parametrize("path", ["/console/quality/team", "/console/quality/gold", "/console/dashboard"])
def test_moderators_do_not_see_what_is_for_leads(floor: Floor, path: str) -> None:
    assert floor.person("ada").client.get(path, headers=HTML).status_code == 403


def test_a_gold_item_goes_from_the_form_to_the_feedback(floor: Floor, lead: Worker) -> None:
    post = a_settled_post(floor)
    fields = {"post": post, "queue": "spam", "answer": "approve", "note": "A lake <b>is</b> a lake."}
    assert lead.form("/console/quality/gold", HTML, **fields).status_code == 303
    assert post[-8:] in lead.client.get("/console/quality/gold", headers=HTML).text
    ada = floor.person("ada")
    worker = floor.desk.wellbeing.worker(ada.visitor.person, now=floor.desk.clock())
    job = floor.desk.gold.offer(worker, now=floor.desk.clock())
    assert job is not None
    ada.open(job.id)
    answered = ada.decide(job.id, "reject:spam", reason="scam")
    assert answered.json()["posts"] == 1
    settle(floor)
    assert "0/1" in lead.client.get("/console/quality/team", headers=HTML).text
    assert "A lake &lt;b&gt;is&lt;/b&gt; a lake." in ada.client.get("/console/quality", headers=HTML).text
    (item,) = floor.desk.gold.list()
    assert lead.form(f"/console/quality/gold/{item.id}/retire", HTML).status_code == 303
    assert floor.desk.gold.list() == []
    assert "retired" in lead.client.get("/console/quality/gold?retired=true", headers=HTML).text


@pytest.mark.parametrize(
    "wrong",
    [
        {"post": "nothing"},
        {"answer": ""},
        {"answer": "overturn"},
        {"queue": "child-safety"},
        {"answer": "reject:minors"},
    ],
)
def test_what_cannot_be_a_gold_item_is_explained_and_what_was_typed_stays(
    floor: Floor, lead: Worker, wrong: dict[str, str]
) -> None:
    fields = {"post": a_settled_post(floor), "queue": "spam", "answer": "approve", "note": "why it is right"}
    answer = lead.form("/console/quality/gold", HTML, **(fields | wrong))
    assert answer.status_code in {404, 422}
    assert "why it is right" in answer.text
    assert floor.desk.gold.list() == []


def test_an_overturned_rejection_is_feedback_to_who_rejected(
    floor: Floor, lead: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = floor.person("ada")
    now = floor.desk.clock()
    decision = AppealedDecision(floor.held(), ada.visitor.person.id, "spam", now, now, overturned=True)
    monkeypatch.setattr(type(floor.desk.appealed), "answered", lambda *_, **__: [decision])
    assert decision.post_id[-8:] in ada.client.get("/console/quality", headers=HTML).text
    assert "1/1" in lead.client.get("/console/quality/team", headers=HTML).text


def test_the_dashboard_counts_what_happened(floor: Floor, lead: Worker) -> None:
    ada = floor.person("ada")
    for shade, batch in ((1, BATCH), (2, OTHER_BATCH)):
        job = floor.job_of(floor.held(shade))
        ada.open(job.id)
        assert ada.decide(job.id, "approve", batch).status_code == 200
    floor.held(3)
    page = lead.client.get("/console/dashboard?period=day", headers=HTML)
    assert page.status_code == 200
    assert "Jobs opened and decided" in page.text
    assert '<th scope="row"><a href="/console/queues/spam">' in page.text
    assert " style=" not in page.text
    for period in ("week", "month", "nonsense"):
        assert lead.client.get(f"/console/dashboard?period={period}", headers=HTML).status_code == 200


def test_a_restricted_queue_is_not_on_the_dashboard_of_who_was_not_let_in(floor: Floor, lead: Worker) -> None:
    floor.held(1, queue="child-safety", category="minors")
    title = floor.desk.plan().queue("child-safety").title
    floor.held(2)
    shown = lead.client.get("/console/dashboard", headers=HTML).text
    assert title not in shown
    assert "<dt>Waiting now</dt><dd><strong>1</strong>" in shown
    assert "<dt>Opened</dt><dd><strong>1</strong>" in shown
    inside = floor.person("ida", Role.SENIOR, queues=("child-safety",))
    shown = inside.client.get("/console/dashboard", headers=HTML).text
    assert title in shown
    assert "<dt>Waiting now</dt><dd><strong>2</strong>" in shown
