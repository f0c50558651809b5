"""Opening jobs: with the verdict that holds a post, and with everything in review that asks another person."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert

from moderation.domain.cluster import are_near, bands
from moderation.domain.ids import AccountId, JobId, new_id
from moderation.domain.job import JobKind, Route
from moderation.domain.post import Post
from moderation.domain.priority import Urgency, rank
from moderation.storage.review import clusters, counters
from moderation.storage.tables import cluster_bands, job_exclusions, job_posts, jobs


@dataclass(frozen=True, slots=True)
class Opening:
    """A job to be opened for `post`, in the queue of `route`; `queue` is the one that the verdict named.

    `basis` and `pdq` say which posts are the same case; without either the job takes in no other post. `origin` is
    the id of what led to it. `exclude` are people to whom it is never offered. A job that is `assigned_to` somebody is
    never offered to anybody else. `opened_at` is since when it says that it waits (None: since now), its id too.
    """

    post: Post
    queue: str
    category: str
    reason: str
    route: Route
    basis: str = ""
    pdq: str | None = None
    kind: JobKind = JobKind.REVIEW
    origin: str = ""
    exclude: tuple[AccountId, ...] = ()
    assigned_to: AccountId | None = None
    opened_at: datetime | None = None

    @property
    def clusters(self) -> bool:
        """Whether later posts may join the job."""
        return self.kind is JobKind.REVIEW and self.pdq is not None and bool(self.basis)

    def same_case(self, other: "Opening") -> bool:
        """Whether one decision answers both: held on the same grounds, waiting for the same people, near pictures."""
        return (
            self.clusters
            and other.clusters
            and self.grounds == other.grounds
            and are_near(self.pdq or "", other.pdq or "")
        )

    @property
    def grounds(self) -> tuple[str, ...]:
        """What must be equal for one decision to answer another post too."""
        return self.basis, self.category, self.route.queue, self.route.language, self.route.skill


@dataclass(slots=True)
class _Group:
    """A job of one or more openings; the first one names it."""

    job_id: JobId
    first: Opening
    rest: list[Opening] = field(default_factory=list)

    @property
    def openings(self) -> list[Opening]:
        return [self.first, *self.rest]


def open_jobs(connection: Connection, openings: Sequence[Opening], *, now: datetime) -> list[JobId]:
    """Open jobs, near-duplicates among `openings` as one; returns the ids in the order of their first posts.

    Posts join the job of an earlier case, or take its decision, where there is one: these have no id in the answer. An
    opening without a basis always gets a job of its own. Call it after the audit events are appended: it writes
    counters, and waits for no job's lock.
    """
    groups: list[_Group] = []
    for opening in _without_earlier_cases(connection, openings, now):
        known = next((group for group in groups if group.first.same_case(opening)), None)
        if known is None:
            groups.append(_Group(JobId(new_id(opening.opened_at or now)), opening))
        else:
            known.rest.append(opening)
    if groups:
        _insert(connection, groups, now)
    return [group.job_id for group in groups]


def _without_earlier_cases(connection: Connection, openings: Sequence[Opening], now: datetime) -> list[Opening]:
    """The openings that need a job of their own, in order."""
    searching = [opening for opening in openings if opening.clusters]
    if not searching:
        return list(openings)
    left = {opening.post.id: opening for opening in clusters.absorb(connection, searching, now=now)}
    kept = (left.get(opening.post.id) if opening.clusters else opening for opening in openings)
    return [opening for opening in kept if opening is not None]


def _insert(connection: Connection, groups: Sequence[_Group], now: datetime) -> None:
    connection.execute(insert(jobs), [_row(group, now) for group in groups])
    members = [
        {"job_id": group.job_id, "post_id": opening.post.id, "joined_at": now}
        for group in groups
        for opening in group.openings
    ]
    connection.execute(insert(job_posts), members)
    excluded = [
        {"job_id": group.job_id, "account_id": account, "reason": "decided the case before", "at": now}
        for group in groups
        for account in dict.fromkeys(group.first.exclude)
    ]
    if excluded:
        connection.execute(insert(job_exclusions), excluded)
    values = [
        {"job_id": group.job_id, "band": band, "value": value}
        for group in groups
        if group.first.clusters and group.first.pdq is not None
        for band, value in enumerate(bands(group.first.pdq))
    ]
    if values:
        connection.execute(insert(cluster_bands), values)
    counted = [group.first for group in groups if group.first.kind is not JobKind.GOLD]
    counters.add(connection, now, Counter(("opened", first.route.queue, first.category) for first in counted))


def _row(group: _Group, now: datetime) -> dict[str, object]:
    first, route = group.first, group.first.route
    opened_at = first.opened_at or now
    due_at = opened_at + timedelta(seconds=route.service_seconds)
    reach = max(opening.post.author.published_posts or 0 for opening in group.openings)
    severity = max(opening.route.severity for opening in group.openings)
    return {
        "id": group.job_id,
        "post_id": first.post.id,
        "queue": route.queue,
        "category": first.category,
        "reason": first.reason,
        "opened_at": opened_at,
        "kind": first.kind,
        "severity": severity,
        "reach": reach,
        "language": route.language,
        "skill": route.skill,
        "routing_rule": route.rule,
        "due_at": due_at,
        "rank": rank(Urgency(severity, reach, first.kind is JobKind.APPEAL, opened_at, due_at)),
        "posts": len(group.openings),
        "origin": first.origin,
        "basis": first.basis,
        "pdq": first.pdq if first.clusters else None,
        "assigned_to": first.assigned_to,
    }
