"""What the server pushes."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fastapi import FastAPI

from moderation.domain.people import Person, Role
from moderation.storage.review.counting import MyJobs
from review_ui.console import live
from review_ui.console.live import CROWDED_MS, RECONNECT_MS, told_of
from review_ui.console.streams import MAX_STREAMS
from review_ui.console.work import Waiting, waiting_for
from tests.review_ui.console.floor import Floor
from tests.review_ui.console.people import entrance_of


@pytest.fixture
def floor(app: FastAPI) -> Iterator[Floor]:
    yield Floor(app, app.state.desk)
    app.state.desk.close()


def test_what_is_pushed_is_what_waits_for_the_person(floor: Floor) -> None:
    ada, ben = floor.person("ada"), floor.person("ben", queues=("spam", "hate"))
    first = floor.job_of(floor.held(1))
    floor.held(2, queue="hate", category="hate", caption="Other words")
    ada.open(first.id)
    ada.form(f"/console/jobs/{first.id}/hand-over", token=ada.token(first.id), to=ben.visitor.person.id)
    told = told_of(waiting_for(floor.desk, ben.visitor.person, floor.desk.clock()))
    assert told["open"] == 2
    assert told["queues"] == {"spam": [1, 0], "hate": [1, 0]}
    assert told["handed"] == [first.id]
    assert told_of(waiting_for(floor.desk, ada.visitor.person, floor.desk.clock()))["open"] == 1


def test_pushing_ends_with_the_server(floor: Floor) -> None:
    ada = floor.person("ada")
    floor.desk.closing.set()
    answer = ada.client.get("/console/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.startswith("retry: ")


def test_nobody_is_pushed_to_whose_session_is_over(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is still open; the next look ends it."""
    ada = floor.person("ada")
    told = 0

    def waiting(*_: object) -> Waiting:
        nonlocal told
        told += 1
        entrance_of(floor.app).people.disable(ada.visitor.person.id, actor="system:test", now=floor.desk.clock())
        return Waiting((), MyJobs((), (), ()))

    monkeypatch.setattr(live, "waiting_for", waiting)
    monkeypatch.setattr(live, "PUSH_SECONDS", 0.0)
    answer = ada.client.get("/console/events")
    assert answer.text.count("event: waiting") == told == 1


def test_what_is_pushed_follows_the_grants(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = floor.person("ada")
    seen: list[frozenset[str]] = []

    def waiting(_desk: object, person: Person, _now: object) -> Waiting:
        seen.append(person.queues)
        entrance_of(floor.app).people.set_queues(person.id, frozenset(), actor="system:test", now=floor.desk.clock())
        return Waiting((), MyJobs((), (), ()))

    monkeypatch.setattr(live, "waiting_for", waiting)
    monkeypatch.setattr(live, "PUSH_SECONDS", 0.0)
    monkeypatch.setattr(live, "PUSHES", 2)
    ada.client.get("/console/events")
    assert seen == [frozenset({"spam"}), frozenset()]


def test_one_person_has_so_many_connections_and_no_more(floor: Floor) -> None:
    ada = floor.person("ada")
    floor.desk.closing.set()
    with ExitStack() as held:
        for _ in range(MAX_STREAMS):
            assert held.enter_context(floor.desk.streams.one_of(ada.visitor.person.id))
        assert ada.client.get("/console/events").text == f"retry: {CROWDED_MS}\n\n"
        assert floor.person("ben").client.get("/console/events").text == f"retry: {RECONNECT_MS}\n\n"
    assert ada.client.get("/console/events").text == f"retry: {RECONNECT_MS}\n\n"


def test_a_heartbeat_for_what_cannot_be_a_job_is_refused(floor: Floor) -> None:
    beat = {"refs": [{"job": "\0", "token": "x"}]}
    assert floor.person("ada").json("/console/heartbeat", beat).status_code == 422


def test_only_who_decides_is_pushed_to(floor: Floor) -> None:
    assert floor.person("aud", Role.AUDITOR, queues=()).client.get("/console/events").status_code == 403
