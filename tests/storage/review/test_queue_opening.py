"""A verdict that holds opens a routed job; near-duplicates on the same grounds share one."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from moderation.domain.cluster import BANDS, bands, distance_bits
from moderation.domain.decision import CLUSTER_BITS
from moderation.domain.ids import JobId, PostId
from moderation.domain.job import DEFAULT_SERVICE_SECONDS, DEFAULT_SEVERITY, Job, Route
from moderation.domain.priority import rank
from moderation.domain.signal import Match, PictureHash
from moderation.domain.verdict import Verdict
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.counters import CounterStore
from moderation.storage.review.queue import JobQueue
from moderation.storage.tables import cluster_bands, jobs, picture_hashes
from tests.factories import a_hold, a_new_post, a_screening, accept, after, an_author, claim_all, judgement_of
from tests.storage.review.jobs import job_of_post
from tests.storage.tampering import count

PDQ = "0f" * 32
NEAR = "0f" * 30 + "f00f"  # 8 bits away
FAR = "0f" * 28 + "f0f0f0f0"  # 32 bits away


def a_match(*hashes: tuple[str, int]) -> Match:
    found = tuple(PictureHash(frame, pdq, quality) for frame, (pdq, quality) in enumerate(hashes))
    return Match("image_match", {}, (), "1", found)


def hold(
    database: Database,
    matches: Sequence[Match],
    *,
    bases: Sequence[str] | None = None,
    routes: Sequence[Route] | None = None,
    reach: int = 12,
) -> list[PostId]:
    """Posts that one batch held, one for each match, in order."""
    store = PostStore(database)
    for number, _ in enumerate(matches):
        accept(store, a_new_post(author=an_author(published_posts=reach + number)), now=after(number / 1000))
    claims = claim_all(store, now=after(1))
    screened = [
        (claim, a_screening(claim, a_hold(), results=[match])) for claim, match in zip(claims, matches, strict=True)
    ]
    ids = [claim.post.id for claim in claims]
    named = bases if bases is not None else ["same"] * len(ids)
    routed = dict(zip(ids, routes, strict=True)) if routes else {}
    store.commit(screened, now=after(2), routes=routed, bases=dict(zip(ids, named, strict=True)))
    return ids


def job_of(database: Database, post_id: PostId) -> Job:
    job = JobQueue(database).get(job_of_post(database, post_id))
    assert job is not None
    return job


def banded(database: Database) -> set[JobId]:
    with database.read() as connection:
        return {JobId(job_id) for job_id in connection.execute(select(cluster_bands.c.job_id)).scalars()}


def test_a_held_post_waits_where_routing_says(database: Database) -> None:
    route = Route("night", 80, 600.0, language="es", skill="law", rule="spanish")
    (post_id,) = hold(database, [a_match((PDQ, 100))], routes=[route])
    job = job_of(database, post_id)
    assert (job.queue, job.severity, job.language, job.skill) == ("night", 80, "es", "law")
    assert (job.opened_at, job.due_at, job.reach) == (after(2), after(602), 12)
    (event,) = AuditStore(database).about(f"post:{post_id}")[1:]
    assert (event.payload["queue"], event.payload["job_queue"], event.payload["routing_rule"]) == (
        "adult",
        "night",
        "spanish",
    )
    with database.read() as connection:
        stored = connection.execute(select(jobs.c.rank, jobs.c.routing_rule)).one()
    assert (stored.rank, stored.routing_rule) == (rank(job.urgency), "spanish")


def test_without_a_route_it_waits_where_policy_says(database: Database) -> None:
    (post_id,) = hold(database, [a_match()])
    job = job_of(database, post_id)
    assert (job.queue, job.severity) == ("adult", DEFAULT_SEVERITY)
    assert job.due_at == after(2 + DEFAULT_SERVICE_SECONDS)


def test_an_overdue_post_waits_as_stalled(database: Database) -> None:
    store = PostStore(database)
    accept(store, deadline_seconds=10)
    (post_id,) = store.hold_overdue(now=after(11), limit=10)
    assert job_of(database, post_id).queue == "stalled"
    assert banded(database) == set()


def test_near_duplicates_of_one_batch_are_one_job(database: Database) -> None:
    first, far, near = hold(database, [a_match((PDQ, 100)), a_match((FAR, 100)), a_match((NEAR, 100))])
    queue = JobQueue(database)
    job = job_of(database, first)
    assert (job.posts, job.reach) == (2, 14)
    assert set(queue.members(job.id)) == {first, near}
    assert queue.members(job_of(database, far).id) == [far]
    assert [item.open for item in queue.counts(["adult"], after(3))] == [2]
    assert banded(database) == {job.id, job_of(database, far).id}
    assert count(database, "cluster_bands") == 2 * BANDS


@pytest.mark.parametrize(
    ("second", "bases", "routes"),
    [
        (a_match((FAR, 100)), ["same", "same"], None),
        (a_match((PDQ, 49)), ["same", "same"], None),
        (a_match((PDQ, 100), (PDQ, 100)), ["same", "same"], None),
        (a_match(), ["same", "same"], None),
        (a_match((PDQ, 100)), ["same", "other"], None),
        (a_match((PDQ, 100)), ["", ""], None),
        (a_match((PDQ, 100)), ["same", "same"], [Route("one", 50, 60.0), Route("two", 50, 60.0)]),
        (a_match((PDQ, 100)), ["same", "same"], [Route("one", 50, 60.0), Route("one", 50, 60.0, language="es")]),
        (a_match((PDQ, 100)), ["same", "same"], [Route("one", 50, 60.0), Route("one", 50, 60.0, skill="law")]),
    ],
)
def test_what_is_not_the_same_case_is_a_job_of_its_own(
    database: Database, second: Match, bases: Sequence[str], routes: Sequence[Route] | None
) -> None:
    first, other = hold(database, [a_match((PDQ, 100)), second], bases=bases, routes=routes)
    queue = JobQueue(database)
    assert queue.members(job_of(database, first).id) == [first]
    assert queue.members(job_of(database, other).id) == [other]


def test_the_hashes_of_every_screened_post_are_kept(database: Database) -> None:
    (post_id,) = hold(database, [a_match((PDQ, 100), (NEAR, 3))])
    with database.read() as connection:
        rows = connection.execute(select(picture_hashes).order_by(picture_hashes.c.frame)).all()
    (event,) = AuditStore(database).about(f"post:{post_id}")[1:]
    assert [tuple(row) for row in rows] == [
        (post_id, 0, event.number, PDQ, 100, "", 0, "", ""),
        (post_id, 1, event.number, NEAR, 3, "", 0, "", ""),
    ]


def test_a_lost_lease_leaves_neither_hashes_nor_job(database: Database) -> None:
    store = PostStore(database)
    accept(store)
    (claim,) = claim_all(store)
    claim = replace(claim, token="another")
    screening = a_screening(claim, a_hold(), results=[a_match((PDQ, 100))])
    assert store.commit([(claim, screening)], now=after(1), bases={claim.post.id: "same"}).stored == ()
    assert [count(database, table) for table in ("jobs", "job_posts", "picture_hashes", "counters")] == [0] * 4


def test_verdicts_and_opened_jobs_are_counted(database: Database) -> None:
    store = PostStore(database)
    for number in range(4):
        accept(store, now=after(number / 1000))
    verdicts = [Verdict.APPROVE, Verdict.HOLD, Verdict.REJECT, Verdict.HOLD]
    claims = claim_all(store, now=after(1))
    pairs = [(claim, a_screening(claim, judgement_of(what))) for claim, what in zip(claims, verdicts, strict=True)]
    store.commit(pairs, now=after(2))
    rows = CounterStore(database).read(["verdict", "opened"], since=after(-3600), until=after(3600))
    assert {(row.name, row.label, row.detail): row.value for row in rows} == {
        ("opened", "adult", "adult"): 2,
        ("verdict", "approve", ""): 1,
        ("verdict", "hold", "adult-image"): 2,
        ("verdict", "reject", "banned-picture"): 1,
    }


@pytest.mark.parametrize("flipped", range(CLUSTER_BITS + 1))
def test_hashes_within_reach_share_a_band(flipped: int) -> None:
    other = f"{int(PDQ, 16) ^ sum(1 << (17 * bit) % 256 for bit in range(flipped)):064x}"
    assert distance_bits(PDQ, other) == flipped
    assert any(one == two for one, two in zip(bands(PDQ), bands(other), strict=True))
