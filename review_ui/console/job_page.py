"""The job screen: one job with everything beside it that helps to decide."""

import uuid
from dataclasses import dataclass

from moderation.domain.job import Job, JobKind
from moderation.domain.people import Capability, Person
from moderation.domain.post import Post
from moderation.domain.priority import priority
from moderation.domain.signal import Surface
from moderation.review.plan import Plan
from review_ui.console.desk import Desk
from review_ui.console.evidence import Evidence, evidence_of
from review_ui.console.job_notes import notes_of
from review_ui.console.keys import keys_of
from review_ui.console.preferences import preferences_of
from review_ui.console.sight import may_see_post, restricted
from review_ui.console.texts import ShownText, texts_of

MAX_MEMBERS = 48
"""Pictures of a cluster that are shown one by one; the others are counted."""
SKIP_REASONS = (
    ("unsure", "a", "I cannot judge this"),
    ("language", "b", "I do not know the language"),
    ("distressing", "c", "I would rather not see this"),
    ("involved", "d", "I know the author, or am involved"),
    ("broken", "e", "Something here does not work"),
)
"""Code, letter, title."""
HOLD_TIMES = ((15, "a", "15 minutes"), (60, "b", "An hour"), (240, "c", "4 hours"), (1440, "d", "A day"))
"""Minutes, letter, title."""


@dataclass(frozen=True, slots=True)
class Member:
    """One picture of the job. `frames` counts those that can be shown."""

    post: Post
    frames: int
    restricted: bool
    texts: tuple[ShownText, ...]


def job_values(desk: Desk, person: Person, plan: Plan, job: Job) -> dict[str, object]:
    """What `console/job.html` shows of a job that `person` has under a lease."""
    now = desk.clock()
    if plan.queue(job.queue).restricted:
        desk.custody.opened(plan, job.queue, desk.queue.members(job.id), person=person, now=now)
    evidence = evidence_of(desk, person, plan, job, job.post_id)
    category, queue = plan.category(job.category), plan.queue(job.queue)
    members = _members(desk, person, plan, job, evidence)
    targets = [plan.queue(name) for name in plan.escalation_targets(job.queue)]
    draft = desk.drafts.note(person.id, job.id)
    values: dict[str, object] = {
        "job": job,
        "token": "" if job.lease is None else job.lease.token,
        "batch": str(uuid.uuid4()),
        "plan": plan,
        "queue": queue,
        "category": category,
        "rejections": plan.rejections,
        "targets": targets,
        "priority": priority(job.urgency, now),
        "late": job.due_at <= now,
        "evidence": evidence,
        "members": members,
        "total": job.posts,
        "draft": draft,
        "notes": notes_of(desk, job.id),
        "colleagues": _colleagues(desk, person, job),
        "skip_reasons": SKIP_REASONS,
        "hold_times": HOLD_TIMES,
        "keys": keys_of(person),
        "look_key": next(key.key for key in keys_of(person) if key.act == "reveal"),
    }
    return values | {"facts": _facts(person, plan, job, evidence)}


def _facts(person: Person, plan: Plan, job: Job, evidence: Evidence) -> dict[str, object]:
    """What the scripts of the job screen need to know."""
    category = plan.category(job.category)
    preferences = preferences_of(person)
    reveal = preferences.reveal_for(category)
    return {
        "job": job.id,
        "token": "" if job.lease is None else job.lease.token,
        "person": person.id,
        "post": evidence.post.id,
        "appeal": job.kind is JobKind.APPEAL,
        "restricted": evidence.restricted,
        "unreadable": evidence.frames == 0,
        "warn": evidence.restricted or preferences.warns_of(category),
        "warning": category.title,
        "blur": reveal.blur,
        "grey": reveal.grey,
        "size": reveal.size,
        "mode": preferences.mode,
        "toggleSeconds": preferences.toggle_seconds,
        "motion": preferences.motion,
        "heartbeatSeconds": max(5.0, plan.lease_seconds / 3),
        "keys": {key.act: key.key for key in keys_of(person)},
        "targets": list(plan.escalation_targets(job.queue)),
        "categories": [
            {
                "name": one.name,
                "title": one.title,
                "text": one.text,
                "double": one.double,
                "reasons": [{"code": reason.code, "title": reason.title} for reason in one.reasons],
            }
            for one in plan.rejections
        ],
    }


def _members(desk: Desk, person: Person, plan: Plan, job: Job, evidence: Evidence) -> list[Member]:
    """The job's posts, but those that waited elsewhere, too, where the person was not let in."""
    first = Member(evidence.post, evidence.frames, evidence.restricted, evidence.texts)
    if job.posts == 1:
        return [first]
    others = [one for one in desk.queue.members(job.id) if one != job.post_id][: MAX_MEMBERS - 1]
    posts, standings = desk.site.posts.many(others), desk.standings.of(others)
    frames = max(1, evidence.frames)
    return [
        first,
        *(
            Member(posts[one], frames, restricted(standings[one], plan), _texts(posts[one], evidence))
            for one in others
            if one in posts and may_see_post(person, standings[one], plan)
        ),
    ]


def _texts(post: Post, evidence: Evidence) -> tuple[ShownText, ...]:
    """A member's caption and prompt; marked as the first one's where they are the same to the letter."""
    same = (post.caption, post.prompt) == (evidence.post.caption, evidence.post.prompt)
    found = texts_of(post, evidence.screening if same else None)
    return tuple(one for one in found if one.surface in {Surface.CAPTION, Surface.PROMPT})


def _colleagues(desk: Desk, person: Person, job: Job) -> list[Person]:
    return [one for one in desk.people.working_in(job.queue) if one.id != person.id and one.may(Capability.DECIDE)]
