"""What became of each of the bench's posts, decided before any row is written: every table tells the same story."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from moderation.domain.errors import InvalidInputError

Numbers: TypeAlias = npt.NDArray[np.int64]

SPAN_DAYS = 30.0
"""How far back the oldest post is."""
RECENT_SHARE = 0.4
"""Jobs are among the newest posts."""
SCREENED_SHARE = 0.02
"""Of the published posts, those whose screening is stored."""
REFUSED_SHARE = 0.06
CLUSTER_EVERY = 50
"""One job in so many is a cluster."""
CLUSTER_POSTS = 6
_HEX_ID_DIGITS = 12


class Course(IntEnum):
    """What became of a post."""

    QUIET = 0
    """Published long ago, of which only that is kept."""
    SCREENED = 1
    """Published by its verdict, whose evidence is kept."""
    REFUSED = 2
    """Rejected by its verdict."""
    WAITING = 3
    """Held: a job is open."""
    APPROVED = 4
    """Held, approved by a person, and published."""
    REJECTED = 5
    """Held, and rejected by a person."""


EVENTS = np.array([2, 3, 2, 2, 5, 4], dtype=np.int64)
"""Audit events by course: arrival, verdict, decision, its settlement, publication, as far as there are any."""


@dataclass(frozen=True, slots=True)
class Layout:
    """`course` by post, `event` the number of each post's first event. `waiting` and `decided` are the held posts.

    `job` says for each of `waiting` which job it belongs to; jobs are numbered from 0, the decided ones after the open
    ones.
    """

    began_at: datetime
    step_s: float
    course: npt.NDArray[np.int8]
    event: Numbers
    waiting: Numbers
    job: Numbers
    decided: Numbers
    events: int

    @property
    def posts(self) -> int:
        """How many posts there are."""
        return len(self.course)

    @property
    def open_jobs(self) -> int:
        """How many jobs wait."""
        return int(self.job[-1]) + 1

    def at(self, post: int, seconds: float = 0.0) -> datetime:
        """When a post came, and so long after."""
        return self.began_at + timedelta(seconds=post * self.step_s + seconds)


def layout(posts: int, jobs: int, *, first_event: int, now: datetime) -> Layout:
    """`posts` posts over `SPAN_DAYS`; as many wait as make `jobs` open jobs, and half as many were decided.

    The same numbers give the same layout. Raises `InvalidInputError` when there are too few posts for the jobs.
    """
    extra = CLUSTER_POSTS - 1
    waiting = jobs + extra * -(-jobs // CLUSTER_EVERY)
    decided = jobs // 2
    recent = int(posts * RECENT_SHARE)
    if waiting + decided > recent:
        raise InvalidInputError(f"{jobs} jobs need more than {posts} posts.", hint="Ask for five times as many posts.")
    rng = np.random.default_rng(1)
    course = np.full(posts, Course.QUIET, dtype=np.int8)
    drawn = rng.random(posts)
    course[drawn < SCREENED_SHARE] = Course.SCREENED
    course[drawn > 1 - REFUSED_SHARE] = Course.REFUSED
    held = posts - recent + rng.permutation(recent)[: waiting + decided]
    course[held[:waiting]] = Course.WAITING
    course[held[waiting:]] = np.where(np.arange(decided) % 3 == 0, Course.APPROVED, Course.REJECTED)
    counts = EVENTS[course]
    return Layout(
        began_at=now - timedelta(days=SPAN_DAYS),
        step_s=SPAN_DAYS * 86_400 / posts,
        course=course,
        event=first_event + np.cumsum(counts) - counts,
        waiting=np.sort(held[:waiting]),
        job=_job_of(waiting),
        decided=np.sort(held[waiting:]),
        events=int(counts.sum()),
    )


def _job_of(waiting: int) -> Numbers:
    """The first of every `CLUSTER_EVERY` jobs has `CLUSTER_POSTS` posts, the others one."""
    block = CLUSTER_EVERY + CLUSTER_POSTS - 1
    place = np.arange(waiting, dtype=np.int64)
    return place // block * CLUSTER_EVERY + np.maximum(place % block - (CLUSTER_POSTS - 1), 0)


def row_id(kind: int, number: int, at: datetime) -> str:
    """A UUID version 7 that the same arguments always give; `kind` tells apart what has the same number."""
    stamp = f"{int(at.timestamp() * 1000):012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7{kind:03x}-8000-{number:0{_HEX_ID_DIGITS}x}"


def pdq_of(case: int, member: int = 0) -> str:
    """The hash of a case; that of another post of its cluster differs in a bit or two."""
    digest = hashlib.sha256(case.to_bytes(8, "big")).hexdigest()
    return digest if not member else f"{int(digest[:2], 16) ^ (member & 0x07):02x}{digest[2:]}"
