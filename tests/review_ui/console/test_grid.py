import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from moderation.domain.decision import Action
from moderation.domain.ids import JobId, PostId
from moderation.domain.job import Job, JobState
from moderation.domain.people import Role
from review_ui.console.batches import BATCH, SEEN_WITHIN, Choice, Pick, SealError, check_seal, seal_of
from review_ui.console.desk import Desk
from review_ui.console.work import open_job
from tests.review_ui.console.listed import add_jobs, desk_of, look_at, statements
from tests.review_ui.console.people import Visitor, visitor
from tests.storage.review.picture_rows import a_pdq

PATH = "/console/queues/adult/grid"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


@pytest.fixture
def ada(app: FastAPI) -> Visitor:
    return visitor(app, "ada", queues=["adult", "child-safety"])


def take(ada: Visitor, path: str = PATH) -> None:
    assert ada.client.post(f"{path}/take", data={"csrf": ada.csrf}).status_code == 303


def confirm(ada: Visitor, jobs: list[Job], choice: str = "approve", **fields: Any) -> Any:
    sent = {"csrf": ada.csrf, "choice": choice, "job": [job.id for job in jobs], **fields}
    return ada.client.post(f"{PATH}/confirm", data=sent)


def hidden(page: str) -> dict[str, list[str]]:
    """The hidden fields of the confirmation."""
    found: dict[str, list[str]] = {}
    for name, value in HIDDEN.findall(page.split("data-confirm", 1)[1]):
        found.setdefault(name, []).append(value)
    return found


def states(desk: Desk, jobs: list[Job]) -> list[JobState]:
    found = [desk.queue.get(JobId(job.id)) for job in jobs]
    return [job.state for job in found if job is not None]


def test_looking_at_the_grid_takes_nothing_and_taking_fills_it(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    jobs = add_jobs(desk, BATCH + 2)
    assert "Nothing is in your grid" in ada.client.get(PATH).text
    assert not desk.queue.mine(ada.person.id, desk.clock()).leased
    take(ada)
    held = desk.queue.mine(ada.person.id, desk.clock()).leased
    assert {job.id for job in held} == {job.id for job in jobs[:BATCH]}
    page = ada.client.get(PATH).text
    assert page.count("data-brick=") == BATCH
    assert "/frames/" not in page
    take(ada)
    assert len(desk.queue.mine(ada.person.id, desk.clock()).leased) == BATCH


def test_a_colleagues_job_is_not_taken(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    jobs = add_jobs(desk, 2)
    open_job(desk, visitor(app, "bo", queues=["adult"]).person, jobs[0].id)
    take(ada)
    assert [job.id for job in desk.queue.mine(ada.person.id, desk.clock()).leased] == [jobs[1].id]


def test_a_batch_takes_two_steps_and_each_picture_seen(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    jobs = add_jobs(desk, 3)
    take(ada)
    look_at(desk, ada.person, jobs[0].post_id)
    unseen = confirm(ada, jobs[:2])
    assert unseen.status_code == 409
    assert unseen.json()["detail"] == "1 picture was not looked at."
    look_at(desk, ada.person, jobs[1].post_id)
    asked = confirm(ada, jobs[:2])
    assert asked.status_code == 200
    assert "Approve 2 posts" in asked.text
    assert states(desk, jobs) == [JobState.OPEN] * 3
    fields = hidden(asked.text)
    told = ada.client.post(f"{PATH}/decide", data=fields, headers={"Accept": "application/json"}).json()
    assert (told["posts"], told["kept"], len(told["batches"])) == (2, [], 2)
    assert states(desk, jobs) == [JobState.DECIDED, JobState.DECIDED, JobState.OPEN]


def test_sending_it_again_changes_nothing(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    jobs = add_jobs(desk, 2)
    take(ada)
    look_at(desk, ada.person, *(job.post_id for job in jobs))
    fields = hidden(confirm(ada, jobs).text)
    answers = [
        ada.client.post(f"{PATH}/decide", data=fields, headers={"Accept": "application/json"}).json() for _ in range(2)
    ]
    assert answers[0]["batches"] == answers[1]["batches"]
    assert len(desk.decisions.of_job(jobs[0].id)) == 1


def test_nothing_is_decided_without_the_first_step(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    jobs = add_jobs(desk, 2)
    take(ada)
    look_at(desk, ada.person, *(job.post_id for job in jobs))
    fields = hidden(confirm(ada, jobs[:1]).text)
    held = desk.queue.mine(ada.person.id, desk.clock()).leased
    other = next(Pick.of(job).text for job in held if job.id == jobs[1].id)
    for changed in (
        {"seal": [""]},
        {"seal": ["0" * 64]},
        {"pick": [*fields["pick"], other]},
        {"pick": [other]},
        {"choice": ["reject:spam"], "reason": ["scam"]},
    ):
        assert ada.client.post(f"{PATH}/decide", data=fields | changed).status_code == 409
    refused: list[dict[str, list[str]]] = [{"pick": []}, {"pick": ["x"]}, {"choice": ["escalate"]}]
    for broken in (*refused, {"pick": fields["pick"] * (BATCH + 1)}):
        assert ada.client.post(f"{PATH}/decide", data=fields | broken).status_code == 422
    assert states(desk, jobs) == [JobState.OPEN] * 2


def test_a_look_of_yesterday_or_of_somebody_else_does_not_count(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    job = add_jobs(desk, 1)[0]
    take(ada)
    look_at(desk, visitor(app, "bo", queues=["adult"]).person, job.post_id)
    assert confirm(ada, [job]).status_code == 409
    assert timedelta(hours=1) < SEEN_WITHIN <= timedelta(hours=12)


def test_a_rejection_asks_for_its_reason_first(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    jobs = add_jobs(desk, 1)
    take(ada)
    look_at(desk, ada.person, jobs[0].post_id)
    asked = confirm(ada, jobs, "reject:spam")
    assert "Say why" in asked.text
    assert "seal" not in hidden(asked.text)
    fields = hidden(confirm(ada, jobs, "reject:spam", reason="scam").text)
    assert fields["reason"] == ["scam"]
    ada.client.post(f"{PATH}/decide", data=fields)
    decision = desk.decisions.of_job(jobs[0].id)[0]
    assert (decision.category, decision.reasons) == ("spam", ("scam",))


def test_only_ones_own_jobs_go_into_a_batch(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    jobs = add_jobs(desk, 2)
    open_job(desk, visitor(app, "bo", queues=["adult"]).person, jobs[0].id)
    take(ada)
    look_at(desk, ada.person, *(job.post_id for job in jobs))
    assert confirm(ada, jobs).status_code == 409
    assert confirm(ada, []).status_code == 422
    assert confirm(ada, jobs[1:], "reject:nothing").status_code == 422


def test_animations_and_unreadable_pictures_are_decided_alone(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    job = add_jobs(desk, 1)[0]
    take(ada)
    look_at(desk, ada.person, job.post_id)
    with desk.database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO picture_hashes (post_id, frame, number, pdq, quality) VALUES (?, 1, 77, ?, 90)",
            (job.post_id, a_pdq(3)),
        )
    assert "An animation" in ada.client.get(PATH).text
    assert confirm(ada, [job]).status_code == 409


def test_a_job_that_was_lost_meanwhile_is_left_out_and_told(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    jobs = add_jobs(desk, 2)
    take(ada)
    look_at(desk, ada.person, *(job.post_id for job in jobs))
    fields = hidden(confirm(ada, jobs).text)
    bo = visitor(app, "bo", Role.SENIOR, queues=["adult"])
    desk.queue.assign(jobs[0].id, bo.person.id, actor=bo.person.actor, now=desk.clock())
    told = ada.client.post(f"{PATH}/decide", data=fields, headers={"Accept": "application/json"}).json()
    assert [one["job"] for one in told["kept"]] == [jobs[0].id]
    assert states(desk, jobs) == [JobState.OPEN, JobState.DECIDED]


def test_a_batch_is_undone_as_one(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    jobs = add_jobs(desk, 2)
    take(ada)
    look_at(desk, ada.person, *(job.post_id for job in jobs))
    fields = hidden(confirm(ada, jobs).text)
    told = ada.client.post(f"{PATH}/decide", data=fields, headers={"Accept": "application/json"}).json()
    assert "Undo 2 decisions" in ada.client.get(PATH).text
    undo = {"csrf": ada.csrf, "batch": told["batches"]}
    assert ada.client.post(f"{PATH}/undo", data=undo).status_code == 303
    assert states(desk, jobs) == [JobState.OPEN] * 2
    assert ada.client.get(PATH).text.count("data-brick=") == 2
    unknown = {"csrf": ada.csrf, "batch": ["6a5b1f3e-0c7d-4c50-9a53-0d7f6a1e6b8d"]}
    assert ada.client.post(f"{PATH}/undo", data=unknown).status_code == 409


def test_what_is_left_is_given_back(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    add_jobs(desk, 2)
    take(ada)
    assert ada.client.post(f"{PATH}/release", data={"csrf": ada.csrf}).status_code == 303
    assert not desk.queue.mine(ada.person.id, desk.clock()).leased


def test_restricted_queues_have_no_grid_and_foreign_ones_are_none(app: FastAPI, ada: Visitor) -> None:
    add_jobs(desk_of(app), 1, queue="child-safety")
    assert ada.client.get("/console/queues/child-safety/grid").status_code == 403
    assert ada.client.post("/console/queues/child-safety/grid/take", data={"csrf": ada.csrf}).status_code == 403
    assert ada.client.get("/console/queues/spam/grid").status_code == 404


def test_the_statements_do_not_grow_with_the_tiles(app: FastAPI, ada: Visitor) -> None:
    desk = desk_of(app)
    counts = []
    for more in (1, 12):
        add_jobs(desk, more)
        take(ada)
        ada.client.get(PATH)
        with statements(desk) as seen:
            assert ada.client.get(PATH).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_a_seal_is_over_everything() -> None:
    pick, choice = Pick(JobId("job"), "token", PostId("post")), Choice(Action.REJECT, "spam", ("scam",), "note")
    assert Pick.read(pick.text) == pick
    seal = seal_of("secret", [pick], choice)
    check_seal("secret", [pick], choice, seal)
    for secret, picks, changed in (
        ("other", [pick], choice),
        ("", [pick], choice),
        ("secret", [replace(pick, token="x")], choice),
        ("secret", [replace(pick, post=PostId("x"))], choice),
        ("secret", [pick], replace(choice, note="x")),
        ("secret", [pick], replace(choice, reasons=())),
    ):
        with pytest.raises(SealError):
            check_seal(secret, picks, changed, seal)
