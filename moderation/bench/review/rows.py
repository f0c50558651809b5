"""The rows of the bench's posts and of what screening said of them, table by table, from the layout."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from moderation.bench.review.cases import IMAGE, PDQ, Template
from moderation.bench.review.layout import Course, Layout, pdq_of, row_id
from moderation.domain.audit import AuditDraft, Json
from moderation.domain.people import Person
from moderation.storage.documents import VERSION

Row = tuple[object, ...]

POST, SCREENING, JOB, DECISION, BATCH = 1, 2, 3, 4, 5
"""Kinds of ids."""
VERDICT_S, DECISION_S, SETTLED_S, PUBLISHED_S = 0.4, 900.0, 908.0, 909.0
"""Seconds from a post's arrival to its events, in their order."""
CLIENT = "bench"
NO_NOTE = hashlib.sha256(b"").hexdigest()
AUTHORS = 9_973
ADJECTIVES = (
    "quiet",
    "bright",
    "misty",
    "golden",
    "distant",
    "frozen",
    "painted",
    "restless",
    "hidden",
    "woven",
    "tall",
)
NOUNS = ("lake", "harbour", "orchard", "tower", "canyon", "meadow", "bridge", "lantern", "forest", "garden", "island")
LIGHTS = ("at dawn", "at noon", "in the rain", "under stars", "by candle light", "in autumn", "before a storm")
STATES = {
    Course.QUIET: "published",
    Course.SCREENED: "published",
    Course.REFUSED: "rejected",
    Course.WAITING: "held",
    Course.APPROVED: "published",
    Course.REJECTED: "rejected",
}


@dataclass(frozen=True, slots=True)
class Story:
    """The layout, with what its posts show and say. `images` are digests of stored pictures and their sizes; `reasons`
    has a code for each category.
    """

    layout: Layout
    held: Sequence[Template]
    ordinary: Template
    images: Sequence[tuple[str, int]]
    deciders: Sequence[Person]
    reasons: Mapping[str, str]

    def answer(self, post: int, job: int) -> tuple[str, str, list[str]]:
        """Action, category and reasons of the decision on a decided post. see `reasons`."""
        category = self.template(post, job).category
        if self.layout.course[post] == Course.APPROVED:
            return "approve", "", []
        return "reject", category, [self.reasons[category]] if category in self.reasons else []

    def post_id(self, post: int) -> str:
        """The id of a post."""
        return row_id(POST, post, self.layout.at(post))

    def job_id(self, post: int, job: int) -> str:
        """The id of the job that `post` opened."""
        return row_id(JOB, job, self.layout.at(post, VERDICT_S))

    def template(self, post: int, job: int | None = None) -> Template:
        """What screening said of a post; all posts of a job were held on the same grounds."""
        if self.layout.course[post] == Course.SCREENED:
            return self.ordinary
        return self.held[(post if job is None else job) % len(self.held)]

    def decider(self, job: int) -> Person:
        """Who decided a job."""
        return self.deciders[job % len(self.deciders)]

    def image(self, post: int) -> tuple[str, int]:
        """The digest and size of a post's picture."""
        return self.images[post % len(self.images)]


@dataclass(frozen=True, slots=True)
class Held:
    """A held post: its job, and which of the job's posts it is."""

    post: int
    job: int
    member: int
    first: int


def held_posts(layout: Layout) -> Iterator[Held]:
    """Every held post in the order of jobs: the waiting ones, then the decided ones."""
    first, member, last = 0, 0, -1
    for post, job in zip(layout.waiting.tolist(), layout.job.tolist(), strict=True):
        first, member = (post, 0) if job != last else (first, member + 1)
        last = job
        yield Held(post, job, member, first)
    for number, post in enumerate(layout.decided.tolist()):
        yield Held(post, layout.open_jobs + number, 0, post)


POST_COLUMNS = (
    "id",
    "client",
    "image",
    "image_bytes",
    "caption",
    "prompt",
    "author_id",
    "author_age_days",
    "author_published_posts",
    "state",
    "received_at",
    "deadline_at",
    "attempts",
    "verdict_at",
    "published_at",
    "publication",
)


def posts(story: Story) -> Iterator[Row]:
    """Rows of `POST_COLUMNS`."""
    layout = story.layout
    for post, course in enumerate(layout.course.tolist()):
        at, state = layout.at(post), STATES[Course(course)]
        image, size = story.image(post)
        published = state == "published"
        yield (
            row_id(POST, post, at),
            CLIENT,
            image,
            size,
            _caption(post),
            f"{NOUNS[post % 11]}, {LIGHTS[post // 11 % 7]}, oil painting, study {post}",
            f"author-{post % AUTHORS}",
            float(post % 900),
            post % 1_500,
            state,
            at,
            at + timedelta(seconds=120),
            1,
            at + timedelta(seconds=VERDICT_S),
            at + timedelta(seconds=_published_after(course)) if published else None,
            int(layout.event[post]) + _events_before_publication(course) if published else None,
        )


def _caption(post: int) -> str:
    return f"A {ADJECTIVES[post // 7 % 11]} {NOUNS[post // 13 % 11]} {LIGHTS[post // 5 % 7]}, number {post}"


def _published_after(course: int) -> float:
    return PUBLISHED_S if course == Course.APPROVED else VERDICT_S + 1


def _events_before_publication(course: int) -> int:
    return {Course.QUIET: 1, Course.SCREENED: 2}.get(Course(course), 4)


def events(story: Story) -> Iterator[AuditDraft]:
    """The audit events, in the order of their numbers."""
    layout = story.layout
    jobs = {held.post: held for held in held_posts(layout)}
    for post, course in enumerate(layout.course.tolist()):
        subject = f"post:{story.post_id(post)}"
        yield AuditDraft(layout.at(post), "post.received", subject, f"client:{CLIENT}", {"image": story.image(post)[0]})
        if course != Course.QUIET:
            yield _verdict_event(story, post, course, subject, jobs.get(post))
        if course in {Course.APPROVED, Course.REJECTED}:
            yield from _decision_events(story, jobs[post], subject)
        if STATES[Course(course)] == "published":
            at = layout.at(post, _published_after(course))
            yield AuditDraft(at, "post.published", subject, "system:publisher", {"image": story.image(post)[0]})


def _verdict_event(story: Story, post: int, course: int, subject: str, held: Held | None) -> AuditDraft:
    template = story.template(post, held.job if held else None)
    state = {Course.SCREENED: "approved", Course.REFUSED: "rejected"}.get(Course(course), "held")
    verdict = {"approved": "approve", "rejected": "reject"}.get(state, "hold")
    payload = {"verdict": verdict, "state": state, "queue": template.queue if held else "", "reason": template.reason}
    return AuditDraft(story.layout.at(post, VERDICT_S), "post.verdict", subject, "lane:bench", payload)


def _decision_events(story: Story, held: Held, subject: str) -> Iterator[AuditDraft]:
    layout, actor = story.layout, story.decider(held.job).actor
    made_at = layout.at(held.post, DECISION_S)
    action, category, reasons = story.answer(held.post, held.job)
    facts: dict[str, Json] = {
        "decision": row_id(DECISION, held.job, made_at),
        "batch": row_id(BATCH, held.job, made_at),
        "job": story.job_id(held.post, held.job),
        "kind": "review",
        "queue": story.template(held.post, held.job).queue,
        "action": action,
        "category": category,
        "reasons": [*reasons],
        "note_sha256": NO_NOTE,
        "binding": True,
    }
    yield AuditDraft(made_at, "decision.made", subject, actor, facts)
    yield AuditDraft(layout.at(held.post, SETTLED_S), "post.decided", subject, "system:settlement", facts)


SCREENING_COLUMNS = ("id", "post_id", "lane", "attempt", "started_at", "finished_at", "version", "document")


def screenings(story: Story) -> Iterator[Row]:
    """Rows of `SCREENING_COLUMNS`."""
    for post, job, _ in _screened(story.layout):
        start = story.layout.at(post, 0.1)
        document = story.template(post, job).document.replace(IMAGE, story.image(post)[0])
        end = story.layout.at(post, VERDICT_S)
        yield row_id(SCREENING, post, start), story.post_id(post), "bench", 1, start, end, VERSION, document


RESULT_COLUMNS = ("screening_id", "position", "signal", "kind", "reason", "document")


def results(story: Story) -> Iterator[Row]:
    """Rows of `RESULT_COLUMNS`."""
    for post, job, pdq in _screened(story.layout):
        screening = row_id(SCREENING, post, story.layout.at(post, 0.1))
        for position, (signal, kind, reason, document) in enumerate(story.template(post, job).results):
            yield screening, position, signal, kind, reason, document.replace(PDQ, pdq)


VERDICT_COLUMNS = (
    "number",
    "post_id",
    "screening_id",
    "verdict",
    "complete",
    "rule",
    "queue",
    "category",
    "reason",
    "received_at",
    "at",
)


def verdicts(story: Story) -> Iterator[Row]:
    """Rows of `VERDICT_COLUMNS`."""
    layout = story.layout
    for post, job, _ in _screened(layout):
        one = story.template(post, job)
        yield (
            int(layout.event[post]) + 1,
            story.post_id(post),
            row_id(SCREENING, post, layout.at(post, 0.1)),
            one.verdict.value,
            one.complete,
            one.rule,
            one.queue,
            one.category,
            one.reason,
            layout.at(post),
            layout.at(post, VERDICT_S),
        )
    for post in (layout.course == Course.REFUSED).nonzero()[0].tolist():
        at = layout.at(post)
        reason = "The picture matches one that is banned."
        told = ("reject", True, "known_blocked_image", "", "known_image", reason)
        yield int(layout.event[post]) + 1, story.post_id(post), None, *told, at, layout.at(post, VERDICT_S)


HASH_COLUMNS = ("post_id", "frame", "number", "pdq", "quality")


def hashes(story: Story) -> Iterator[Row]:
    """Rows of `HASH_COLUMNS`: every post's picture, so that looking for near ones looks at all."""
    near = {held.post: pdq_of(held.first, held.member) for held in held_posts(story.layout) if held.member}
    for post, number in enumerate(story.layout.event.tolist()):
        yield story.post_id(post), 0, number + 1, near.get(post) or pdq_of(post), 100


def _screened(layout: Layout) -> Iterator[tuple[int, int | None, str]]:
    """Posts whose evidence is kept, with the job's number and the picture's hash."""
    for post in (layout.course == Course.SCREENED).nonzero()[0].tolist():
        yield post, None, pdq_of(post)
    for held in held_posts(layout):
        yield held.post, held.job, pdq_of(held.first, held.member)


def hours(layout: Layout, now: datetime) -> Iterator[datetime]:
    """The hours in which anything happened, oldest first."""
    hour = layout.began_at.replace(minute=0, second=0, microsecond=0)
    while hour <= now:
        yield hour
        hour += timedelta(hours=1)
