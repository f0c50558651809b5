"""Which jobs reach a person, where a post is for fewer people than the queue that it waits in."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy import insert, update

from moderation.domain.people import Role
from moderation.storage.tables import job_posts, jobs
from tests.review_ui.console.floor import Floor

NEXT = "/console/next"


@pytest.fixture
def floor(app: FastAPI) -> Iterator[Floor]:
    yield Floor(app, app.state.desk)
    app.state.desk.close()


def test_the_gravest_harm_in_an_ordinary_queue_goes_only_to_who_was_let_in(floor: Floor) -> None:
    grave = floor.job_of(floor.held(1, category="minors"))
    usual = floor.job_of(floor.held(2))
    ada = floor.person("ada")
    assert ada.form(NEXT).json()["url"].endswith(usual.id)
    assert ada.open(grave.id).status_code == 404
    waits = floor.desk.queue.get(grave.id)
    assert waits is not None
    assert waits.lease is None
    grace = floor.person("grace", Role.SENIOR, queues=("spam", "child-safety"))
    assert grace.form(NEXT).json()["url"].endswith(grave.id)
    assert grace.open(grave.id).status_code == 200


def test_a_post_that_waited_in_a_restricted_queue_does_not_come_again_and_again(floor: Floor) -> None:
    post = floor.held(1, queue="child-safety")
    floor.held(2)
    ada = floor.person("ada")
    with floor.desk.database.write() as connection:
        connection.execute(update(jobs).where(jobs.c.post_id == post).values(queue="spam"))
    other = floor.job_of(post)
    shown = ada.form(NEXT).json()["url"]
    assert not shown.endswith(other.id)
    assert ada.client.get(shown, headers={"Accept": "text/html"}).status_code == 200


def test_a_cluster_shows_nothing_of_a_member_that_the_person_may_not_see(floor: Floor) -> None:
    first, second = floor.held(1), floor.held(2, category="minors", caption="Grave words")
    job, other = floor.job_of(first), floor.job_of(second)
    with floor.desk.database.write() as connection:
        connection.execute(
            insert(job_posts).values(job_id=job.id, post_id=second, joined_at=floor.desk.clock(), left_at=None)
        )
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(posts=2))
    ada = floor.person("ada")
    page = ada.open(job.id)
    assert page.status_code == 200
    assert "Grave" not in page.text
    assert second not in page.text
    assert other.id not in page.text
