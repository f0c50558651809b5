import pytest
from fastapi import FastAPI
from sqlalchemy import insert

from moderation.domain.ids import PostId
from moderation.domain.job import Job
from moderation.domain.people import Role
from moderation.storage.tables import job_posts
from review_ui.console import cluster_page
from review_ui.console.desk import Desk
from tests.review_ui.console.listed import add_jobs, add_post, desk_of, statements
from tests.review_ui.console.people import Visitor, visitor


@pytest.fixture
def ada(app: FastAPI) -> Visitor:
    return visitor(app, "ada", queues=["adult"])


def join(desk: Desk, job: Job, post_id: PostId) -> None:
    row = {"job_id": job.id, "post_id": post_id, "joined_at": desk.clock()}
    with desk.database.write() as connection:
        connection.execute(insert(job_posts), [row])


def test_every_post_of_a_cluster_is_listed_page_by_page(
    app: FastAPI, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_page, "PAGE", 2)
    desk = desk_of(app)
    job = add_jobs(desk, 1)[0]
    for number in range(2):
        join(desk, job, add_post(desk, f"a copy {number}").id)
    first = ada.client.get(f"/console/jobs/{job.id}/cluster").text
    assert "3 posts, one decision" in first
    assert "a copy 0" in first
    href = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    assert "a copy 1" in ada.client.get(href).text
    assert desk.queue.mine(ada.person.id, desk.clock()).leased == ()


def test_its_statements_do_not_grow_with_the_cluster(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    job = add_jobs(desk, 1)[0]
    counts = []
    for _ in range(2):
        ada.client.get(f"/console/jobs/{job.id}/cluster")
        with statements(desk) as seen:
            ada.client.get(f"/console/jobs/{job.id}/cluster")
        counts.append(len(seen))
        for number in range(9):
            join(desk, job, add_post(desk, f"a copy {number}").id)
    assert counts[0] == counts[1]


def test_a_restricted_job_is_none_for_whoever_was_not_let_in(app: FastAPI) -> None:
    job = add_jobs(desk_of(app), 1, queue="child-safety")[0]
    paul = visitor(app, "paul", Role.ADMIN)
    assert paul.client.get(f"/console/jobs/{job.id}/cluster").status_code == 404
