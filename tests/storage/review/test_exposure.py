import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from moderation.domain.errors import ConflictError, NotFoundError
from moderation.domain.exposure import REST_SECONDS, BreakReason, Seen
from moderation.domain.ids import AccountId, PostId, new_id
from moderation.domain.worker import Worker
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.exposure import GRACE_SECONDS, ExposureStore, Report
from moderation.storage.review.queue import JobQueue
from moderation.storage.tables import exposures, shifts
from tests.factories import NOW, accept, after
from tests.storage.review.jobs import LEASE, add_job, add_person, post_of_job

PAUSE = 600.0
VIEW = "11111111-2222-4333-8444-555555555555"


class Eyes:
    """One person who looks at posts; times are seconds after `NOW`."""

    def __init__(self, database: Database, name: str = "ada") -> None:
        self.database = database
        self.store = ExposureStore(database)
        self.account = add_person(database, name).id

    def post(self) -> PostId:
        return accept(PostStore(self.database)).id

    def begin(self, post: PostId, at: float, *, view: str = VIEW, category: str = "hate") -> None:
        self.store.begin(view, account=self.account, post=post, category=category, pause_seconds=PAUSE, now=after(at))

    def report(self, seconds: float, at: float, *, view: str = VIEW, done: bool = False) -> bool:
        return self.store.report(self.account, Report(view, seconds, done), pause_seconds=PAUSE, now=after(at))

    def work(self, at: float) -> None:
        self.store.work(self.account, pause_seconds=PAUSE, break_after_seconds=3000.0, now=after(at))

    def seen(self, at: float) -> dict[str, Seen]:
        found = self.store.usage(self.account, after(at)).seen
        return {name: Seen(one.items, round(one.seconds, 2)) for name, one in found.items()}


@pytest.fixture
def ada(database: Database) -> Eyes:
    return Eyes(database)


def test_a_look_counts_from_its_beginning_and_runs_on_without_a_report(ada: Eyes) -> None:
    ada.begin(ada.post(), 0)
    assert ada.seen(0) == {"hate": Seen(1, 0.0)}
    assert ada.seen(20) == {"hate": Seen(1, 20.0)}
    assert ada.seen(3000) == {"hate": Seen(1, GRACE_SECONDS)}, "nobody knows how long it was shown"


def test_a_report_ends_it_within_what_the_servers_clock_allows(ada: Eyes) -> None:
    post = ada.post()
    ada.begin(post, 0)
    assert ada.report(3.0, 4, done=True)
    assert ada.seen(500) == {"hate": Seen(1, 3.0)}
    for view, claimed, at, counted in (("a", 0.0, 30, 28.0), ("b", 9000.0, 30, 30.0)):
        ada.begin(post, 1000, view=view)
        before = ada.seen(1000)["hate"].seconds
        ada.report(claimed, 1000 + at, view=view, done=True)
        assert ada.seen(2000)["hate"].seconds == pytest.approx(before + counted)
        ada.report(0.0, 2000, view=view, done=True)
        ada.report(9000.0, 2000, view=view)
        assert ada.seen(2000)["hate"].seconds == pytest.approx(before + counted), "what is over stays as it is"
        ada = Eyes(ada.database, f"after-{view}")
        post = ada.post()


def test_all_frames_of_a_view_are_one_look_and_the_same_post_is_one_item(ada: Eyes) -> None:
    post = ada.post()
    for second in range(3):
        ada.begin(post, second)
    ada.report(5.0, 5, done=True)
    ada.begin(post, 10, view="again")
    ada.report(5.0, 15, view="again", done=True)
    ada.begin(ada.post(), 20, view="another")
    ada.report(5.0, 25, view="another", done=True)
    assert ada.seen(100) == {"hate": Seen(2, 15.0)}


def test_a_view_that_was_concealed_and_is_fetched_again_is_a_new_look(ada: Eyes) -> None:
    post = ada.post()
    ada.begin(post, 0)
    ada.report(5.0, 5, done=True)
    ada.begin(post, 100)
    ada.report(5.0, 105, done=True)
    assert ada.seen(200) == {"hate": Seen(1, 10.0)}


def test_nobody_reports_for_somebody_else(ada: Eyes) -> None:
    ada.begin(ada.post(), 0)
    ben = Eyes(ada.database, "ben")
    assert not ben.report(0.0, 1, done=True)
    assert ada.seen(30) == {"hate": Seen(1, 30.0)}
    assert ben.seen(30) == {}


def test_it_counts_under_the_category_of_the_job_at_hand(ada: Eyes) -> None:
    job = add_job(ada.database, category="adult")
    worker = Worker(ada.account, "ada", frozenset({"spam"}))
    JobQueue(ada.database).take(worker, job, lease_seconds=LEASE, now=NOW)
    ada.begin(post_of_job(ada.database, job), 0, category="hate")
    assert set(ada.seen(1)) == {"adult"}
    with ada.database.read() as connection:
        assert connection.execute(select(exposures.c.job_id)).scalar_one() == job


def test_there_is_nothing_to_see_of_no_post(ada: Eyes) -> None:
    with pytest.raises(NotFoundError):
        ada.begin(PostId("none"), 0)


def union(spans: Sequence[tuple[float, float]]) -> float:
    """The slow and obvious way: how many tenths of a second are covered by any span."""
    tenths = {tick for begin, length in spans for tick in range(round(begin * 10), round((begin + length) * 10))}
    return len(tenths) / 10


def test_two_tabs_at_once_are_counted_once(database: Database) -> None:
    """Random views against a brute-force union, by category and in all."""
    chance, store = random.Random(7), ExposureStore(database)
    posts = [accept(PostStore(database)).id for _ in range(4)]
    for person in range(8):
        account, shift = AccountId(f"person-{person}"), new_id(NOW)
        views = [
            (
                chance.choice(["hate", "adult", ""]),
                chance.choice(posts),
                chance.randint(0, 400) / 10,
                chance.randint(0, 99) / 10,
            )
            for _ in range(chance.randint(1, 12))
        ]
        with database.write() as connection:
            connection.execute(
                insert(shifts).values(
                    id=shift, account_id=account, started_at=NOW, seen_at=after(60), working_since=NOW
                )
            )
            for category, post, begin, length in views:
                connection.execute(
                    insert(exposures).values(
                        id=new_id(NOW),
                        view="",
                        shift_id=shift,
                        account_id=account,
                        post_id=post,
                        category=category,
                        started_at=after(begin),
                        seconds=length,
                        ended_at=after(begin + length),
                    )
                )
        found = store.usage(account, after(100))
        for category in {view[0] for view in views}:
            mine = [view for view in views if view[0] == category]
            assert found.seen[category].items == len({view[1] for view in mine})
            assert found.seen[category].seconds == pytest.approx(union([view[2:] for view in mine]), abs=0.01)
        assert found.seconds == pytest.approx(union([view[2:] for view in views]), abs=0.01)


def test_work_without_a_pause_leads_to_a_break_that_ends_by_itself(ada: Eyes) -> None:
    for minute in range(0, 50, 5):
        ada.work(minute * 60)
        assert ada.store.current_break(ada.account, after(minute * 60)) is None
    ada.work(3000)
    running = ada.store.current_break(ada.account, after(3001))
    assert running is not None
    assert (running.reason, running.ends_at) == (BreakReason.WORK, after(3600))
    ada.work(3300)
    assert ada.store.current_break(ada.account, after(3599)) == running, "asking again makes it no longer"
    with pytest.raises(ConflictError):
        ada.store.end_break(ada.account, after(3400))
    ada.work(3600)
    assert ada.store.current_break(ada.account, after(3600)) is None
    usage = ada.store.usage(ada.account, after(3600))
    assert usage.shift is not None
    assert usage.shift.working_since == after(3600)


def test_a_pause_is_a_break_too(ada: Eyes) -> None:
    for minute in (*range(0, 41, 5), *range(50, 100, 5)):
        ada.work(minute * 60)
    assert ada.store.current_break(ada.account, after(95 * 60)) is None
    ada.work(100 * 60)
    assert ada.store.current_break(ada.account, after(100 * 60)) is not None


def test_a_break_that_was_asked_for_ends_when_the_person_likes(ada: Eyes) -> None:
    ada.work(0)
    ada.store.start_break(ada.account, seconds=PAUSE, now=after(100))
    with pytest.raises(ConflictError):
        ada.store.start_break(ada.account, seconds=PAUSE, now=after(101))
    ada.store.end_break(ada.account, after(200))
    assert ada.store.current_break(ada.account, after(201)) is None
    usage = ada.store.usage(ada.account, after(201))
    assert usage.shift is not None
    assert usage.shift.working_since == NOW, "a moment is no pause"
    ada.store.end_break(ada.account, after(300))


def test_a_rest_begins_a_new_shift(ada: Eyes) -> None:
    ada.begin(ada.post(), 0)
    ada.report(5.0, 5, done=True)
    ada.work(REST_SECONDS - 1)
    assert set(ada.seen(REST_SECONDS - 1)) == {"hate"}
    ada.work(2 * REST_SECONDS + 4)
    assert ada.seen(2 * REST_SECONDS + 5) == {}
    first, second = ada.store.past(ada.account, limit=5, now=after(2 * REST_SECONDS + 5))
    assert first.seen["hate"].items == 1
    assert (second.started_at, dict(second.seen)) == (after(2 * REST_SECONDS + 4), {})


def test_leads_learn_sums_over_several_people_only(database: Database) -> None:
    people = [Eyes(database, name) for name in ("ada", "ben", "cyd", "dan")]
    store, post = ExposureStore(database), people[0].post()

    def look(person: Eyes, category: str) -> None:
        person.begin(post, 0, view=category, category=category)
        person.report(10.0, 10, view=category, done=True)

    for person in people[:2]:
        look(person, "hate")
    few = store.team(since=after(-60), now=after(20))
    assert (few.people, few.seen, few.breaks) == (2, {}, 0)
    for person in people[2:]:
        look(person, "hate")
        look(person, "adult")
    found = store.team(since=after(-60), now=after(20))
    assert (found.people, set(found.seen), set(found.withheld)) == (4, {"hate"}, {"adult"})
    assert (found.seen["hate"].people, found.seen["hate"].items) == (4, 4)
    assert found.seen["hate"].seconds == pytest.approx(40.0, abs=0.01)
    assert store.team(since=after(3600), now=after(3600)).people == 0


def test_many_frames_at_once_are_one_look(database: Database) -> None:
    ada = Eyes(database)
    post = ada.post()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: ada.begin(post, n / 100), range(12)))
    with database.read() as connection:
        assert len(connection.execute(select(exposures.c.id)).all()) == 1
        assert len(connection.execute(select(shifts.c.id)).all()) == 1


def test_the_clock_of_one_look_is_exact_enough(ada: Eyes) -> None:
    odd = timedelta(microseconds=123_457).total_seconds()
    ada.begin(ada.post(), odd)
    assert ada.store.usage(ada.account, after(odd + 7.25)).seconds == pytest.approx(7.25, abs=0.001)
