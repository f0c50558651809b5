"""The console with held posts and people at work: what the tests of the job screen are written in."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from moderation.domain.ids import JobId, PostId
from moderation.domain.job import Job
from moderation.domain.media import Refusal
from moderation.domain.people import Role
from moderation.domain.post import Author
from moderation.domain.signal import Match, Score, SignalResult, Span, Surface
from moderation.screening.intake import Submission
from review_ui.console.desk import Desk
from tests.factories import a_hold, a_score, a_screening, claim_all, facts
from tests.review_ui.console.people import Visitor, visitor

JSON = {"Accept": "application/json"}
HTML = {"Accept": "text/html"}
BATCH = "6f1f4a52-8f5f-4c58-9b1d-0d6f0f7b9a01"
OTHER_BATCH = "6f1f4a52-8f5f-4c58-9b1d-0d6f0f7b9a02"


def a_picture(shade: int = 0, *, frames: int = 1, patched: bool = False) -> bytes:
    """A small GIF file, with a patch of another colour if wished, and a mark in its metadata that nobody may see."""
    images = [Image.new("RGB", (48, 32), ((shade * 31 + 9 * number) % 256, 90, 140)) for number in range(frames)]
    if patched:
        images[0].paste((250, 250, 20), (8, 8, 24, 24))
    with BytesIO() as buffer:
        images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], comment=b"secret-in-the-file")
        return buffer.getvalue()


@dataclass(frozen=True)
class Floor:
    """The application and its desk."""

    app: FastAPI
    desk: Desk

    def person(self, name: str = "ada", role: Role = Role.MODERATOR, *, queues: Iterable[str] = ("spam",)) -> "Worker":
        """Somebody who is signed in."""
        return Worker(visitor(self.app, name, role, queues=queues), self.desk)

    def held(
        self,
        shade: int = 0,
        *,
        queue: str = "spam",
        category: str = "spam",
        caption: str = "Free coins here",
        frames: int = 1,
        patched: bool = False,
        author: Author | None = None,
        refusal: Refusal | None = None,
        match: Match | None = None,
    ) -> PostId:
        """A post that waits in a queue, with a caption of whose first word a rule took notice."""
        now = self.desk.clock()
        sent = Submission(
            a_picture(shade, frames=frames, patched=patched), caption, "coins", author or Author("author-1", 3.0, 1)
        )
        post = self.desk.site.intake.accept(sent, client="client-1", idempotency_key=None, now=now).post
        (claim,) = claim_all(self.desk.site.posts, now=now)
        judgement = replace(a_hold(queue), category=category)
        results = (*_results(caption), *([] if match is None else [match]))
        screening = a_screening(claim, judgement, results=results, image=refusal or facts("gif", 48, 32, frames))
        self.desk.site.posts.commit([(claim, screening)], now=now)
        return post.id

    def job_of(self, post_id: PostId) -> Job:
        """The newest job that decides the post."""
        found = [job for job in self.desk.site.jobs.open(None, 100) if job.post_id == post_id]
        return found[-1]


def _results(caption: str) -> tuple[SignalResult, ...]:
    first = caption.split(" ", maxsplit=1)[0]
    span = Span(Surface.CAPTION, 0, len(first), "spam", first.lower())
    return (a_score("image_nsfw", {"image_nsfw": 0.91}), Score("caption_terms", {"caption_spam": 2}, (span,)))


@dataclass(frozen=True)
class Worker:
    """Somebody with a browser, in the words of the job screen."""

    visitor: Visitor
    desk: Desk

    @property
    def client(self) -> TestClient:
        return self.visitor.client

    def open(self, job_id: str) -> Any:
        return self.client.get(f"/console/jobs/{job_id}", headers=HTML)

    def token(self, job_id: str) -> str:
        """The token of the person's lease, once they have opened the job."""
        job = self.desk.queue.get(JobId(job_id))
        assert job is not None
        assert job.lease is not None
        assert job.lease.holder == self.visitor.person.id
        return job.lease.token

    def form(self, path: str, headers: dict[str, str] | None = None, /, **fields: object) -> Any:
        data = {"csrf": self.visitor.csrf, **fields}
        return self.client.post(path, data=data, headers=JSON if headers is None else headers)

    def json(self, path: str, value: object, method: str = "POST") -> Any:
        return self.client.request(method, path, json=value, headers={**JSON, "X-CSRF-Token": self.visitor.csrf})

    def decide(self, job_id: str, choice: str, /, batch: str = BATCH, **fields: object) -> Any:
        told = {"token": self.token(job_id), "batch": batch, "choice": choice, "seconds": "4.5", **fields}
        return self.form(f"/console/jobs/{job_id}/decide", **told)
