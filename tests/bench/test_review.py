"""The measurement of review, small: what it fills holds together, and it ends with the figures that are relied on."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.assembly import now, open_database, plan_source
from moderation.bench.review import fill as filling
from moderation.bench.review.command import Size, bench_review
from moderation.bench.review.fill import fill
from moderation.bench.review.layout import CLUSTER_EVERY, EVENTS, layout, pdq_of, row_id
from moderation.bench.review.place import review_place
from moderation.domain.cluster import are_near
from moderation.domain.errors import ConflictError, InvalidInputError
from moderation.settings import Settings, load_settings
from moderation.storage.audit import AuditStore
from moderation.storage.review.queue import JobQueue
from tests.factories import NOW

SMALL = Size(posts=1_500, jobs=200, next_rounds=20, page_rounds=1, seconds=1.0)


@given(jobs=st.integers(30, 400), spare=st.integers(0, 500), first=st.integers(1, 10**6))
@settings(max_examples=30, deadline=None)
def test_every_post_has_its_place_in_the_story(jobs: int, spare: int, first: int) -> None:
    made = layout(jobs * 6 + spare + 100, jobs, first_event=first, now=NOW)
    assert made.open_jobs == jobs
    assert len(set(made.waiting) & set(made.decided)) == 0
    assert made.event[0] == first
    assert (np.diff(made.event) == EVENTS[made.course][:-1]).all()
    sizes = np.bincount(made.job)
    assert (sizes[1::CLUSTER_EVERY] == 1).all()
    assert len({row_id(1, post, made.at(post)) for post in range(50)}) == 50


def test_too_few_posts_for_the_jobs_are_refused() -> None:
    with pytest.raises(InvalidInputError):
        layout(1_000, 900, first_event=1, now=NOW)


def test_members_of_a_cluster_are_near_and_others_are_not() -> None:
    assert are_near(pdq_of(7), pdq_of(7, 5))
    assert not are_near(pdq_of(7), pdq_of(8))


def test_what_is_filled_proves_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setattr(filling, "PICTURES", 1)
    place = Settings(home=tmp_path / "home", database_url=database_url)
    database = open_database(place)
    plan = plan_source(place, database).current()
    filled = fill(place, database, plan, posts=700, jobs=90, now=now(), tell=lambda _line: None)
    report = AuditStore(database).verify()
    counts = JobQueue(database).counts(None, now())
    cluster = JobQueue(database).members(filled.cluster)
    database.close()
    assert report.problem is not None
    assert report.problem.problem.endswith("is let in without an approval"), (
        "all else holds; of quiet posts no more is kept"
    )
    assert sum(count.open for count in counts) == 90
    assert len(cluster) > 1


def test_a_database_that_is_in_use_is_left_alone(sqlite_url: str, tmp_path: Path) -> None:
    place = Settings(home=tmp_path / "home", database_url=sqlite_url)
    database = open_database(place)
    filling.hire(database, plan_source(place, database).current(), NOW)
    database.close()
    with (
        pytest.raises(ConflictError),
        review_place(load_settings(), database_url=sqlite_url, sqlite=False, posts=100),
    ):
        raise AssertionError("unreachable")


@pytest.mark.functional
@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("sqlite", [True, pytest.param(False, marks=pytest.mark.postgres)])
def test_the_figures_that_are_relied_on(sqlite: bool) -> None:
    told: list[str] = []
    result = bench_review(load_settings(), SMALL, database_url="", sqlite=sqlite, tell=told.append)
    document = result.document()
    assert document["bench"] == "review"
    assert set(result.figures) >= {"next_ms", "page_ms_max", "double_assignments", "decisions_per_s"}
    assert result.figures["double_assignments"] == 0
    assert result.figures["pages_failed"] == 0, "\n".join(told)
    assert result.figures["decisions_per_s"] > 0
