import json
from typing import Any

import pytest

from moderation.domain.decision import Action, Submission
from moderation.domain.ids import BatchId, PostId
from moderation.domain.job import JobKind, Route
from moderation.domain.verdict import Verdict
from moderation.domain.worker import Worker
from moderation.storage.review.decisions import DecisionStore, Terms
from moderation.storage.review.queue import JobQueue
from review_ui.security import FEED_READ, MEDIA_HELD, POSTS_READ
from tests.review_ui.conftest import Backend
from tests.review_ui.requests import problem_of
from tests.storage.review.jobs import add_person

JSON = {"Content-Type": "application/json"}
TERMS = Terms(0.0, second_route=Route("appeals", 50, 60.0), disagreement_route=Route("disagreements", 50, 60.0))


def rejected(backend: Backend, headers: dict[str, str]) -> str:
    sent = backend.send(headers).json()
    backend.judge(Verdict.REJECT)
    return str(sent["id"])


def appeal(backend: Backend, headers: dict[str, str], post_id: str, body: object = None) -> Any:
    content = json.dumps({"text": "It is a painting."} if body is None else body)
    return backend.client.post(f"/v1/posts/{post_id}/appeals", content=content, headers=headers | JSON)


def test_an_appeal_is_opened_once_and_waits_for_a_person(backend: Backend) -> None:
    headers = backend.key()
    post_id = rejected(backend, headers)
    opened = appeal(backend, headers, post_id)
    assert opened.status_code == 201
    assert (opened.json()["state"], opened.json()["text"]) == ("open", "It is a painting.")
    (job,) = JobQueue(backend.site.database).page("appeals", cursor=None, limit=10).jobs
    assert (job.kind, job.post_id, job.origin) == (JobKind.APPEAL, post_id, opened.json()["id"])
    again = appeal(backend, headers, post_id)
    problem_of(again, 409, "conflict")
    listed = backend.client.get(f"/v1/posts/{post_id}/appeals", headers=headers).json()
    assert listed == {"items": [opened.json()]}


def test_the_answer_is_seen_and_the_post_published(backend: Backend) -> None:
    headers, now = backend.key(), backend.site.clock()
    post_id = rejected(backend, headers)
    appeal(backend, headers, post_id)
    person, queue = add_person(backend.site.database, "ada", queues=["appeals"]), JobQueue(backend.site.database)
    job = queue.next(Worker.of(person), lease_seconds=60, now=backend.site.clock())
    assert job is not None
    assert job.lease is not None
    submission = Submission(BatchId("batch-0001"), job.id, job.lease.token, Action.OVERTURN)
    decisions = DecisionStore(backend.site.database)
    decisions.decide(submission, TERMS, person=person, now=now)
    decisions.settle_due(limit=10, now=backend.site.clock())
    assert backend.publish() == [PostId(post_id)]
    (item,) = backend.client.get(f"/v1/posts/{post_id}/appeals", headers=headers).json()["items"]
    assert item["state"] == "overturned"
    assert item["resolved_at"] is not None
    shown = backend.client.get("/v1/feed", headers=headers).json()["items"]
    assert [entry["id"] for entry in shown] == [post_id]


@pytest.mark.parametrize("verdict", [Verdict.APPROVE, Verdict.HOLD])
def test_only_a_rejection_can_be_appealed(backend: Backend, verdict: Verdict) -> None:
    headers = backend.key()
    sent = backend.send(headers).json()
    backend.judge(verdict)
    assert appeal(backend, headers, sent["id"]).status_code == 409


def test_nobody_appeals_or_reads_for_somebody_else(backend: Backend) -> None:
    post_id = rejected(backend, backend.key())
    stranger = backend.key(name="stranger")
    for path in (post_id, "not-a-post", "0" * 36):
        assert appeal(backend, stranger, path).status_code == 404
        assert backend.client.get(f"/v1/posts/{path}/appeals", headers=stranger).status_code == 404


def test_the_key_needs_the_scope_to_write(backend: Backend) -> None:
    post_id = rejected(backend, backend.key())
    reader = backend.key(POSTS_READ, FEED_READ, MEDIA_HELD, name="reader")
    assert appeal(backend, reader, post_id).status_code == 403
    assert backend.client.get(f"/v1/posts/{post_id}/appeals", headers=reader).status_code == 403
    assert appeal(backend, {}, post_id).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "text",
        {"text": ""},
        {"text": "  \n"},
        {"text": "a\0b"},
        {"text": 5},
        {"text": "a", "more": 1},
        {"text": "x" * 4_001},
        {"text": "\ud800"},
    ],
)
def test_a_malformed_appeal_is_refused(backend: Backend, body: object) -> None:
    headers = backend.key()
    post_id = rejected(backend, headers)
    content = json.dumps(body)
    sent = backend.client.post(f"/v1/posts/{post_id}/appeals", content=content, headers=headers | JSON)
    assert sent.status_code == 422, sent.text
    assert backend.client.get(f"/v1/posts/{post_id}/appeals", headers=headers).json() == {"items": []}


def test_an_appeal_is_json_of_a_bounded_size(backend: Backend) -> None:
    headers = backend.key()
    post_id = rejected(backend, headers)
    path = f"/v1/posts/{post_id}/appeals"
    assert backend.client.post(path, content=b"text=a", headers=headers).status_code == 415
    assert backend.client.post(path, content=b" " * 100_000, headers=headers | JSON).status_code == 413
    longest = json.dumps({"text": "\N{GRINNING FACE}" * 4_000})
    assert backend.client.post(path, content=longest, headers=headers | JSON).status_code == 201
