"""What the server pushes."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from moderation.domain.people import Role
from review_ui.console.live import told_of
from review_ui.console.work import waiting_for
from tests.review_ui.console.floor import Floor


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


def test_only_who_decides_is_pushed_to(floor: Floor) -> None:
    assert floor.person("aud", Role.AUDITOR, queues=()).client.get("/console/events").status_code == 403
