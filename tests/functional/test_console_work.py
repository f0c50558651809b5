"""A day's work in the console: fifty jobs by keyboard, two people at once, lost leases, clusters, a killed server."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from moderation.assembly import now
from moderation.domain.decision import Action, Fate
from moderation.domain.ids import JobId, PostId
from moderation.domain.job import JobState
from moderation.domain.people import Role
from moderation.domain.post import PostState
from moderation.storage.audit import AuditStore
from moderation.storage.review.drafts import DraftStore
from tests.functional.console_world import (
    LEASE_SECONDS,
    UNDO_SECONDS,
    ConsoleWorld,
    facts,
    held_samples,
    job_on,
    near_duplicates,
    shown_post,
    start_work,
    until,
    wait_for_other_job,
)

pytestmark = [pytest.mark.functional, pytest.mark.long, pytest.mark.timeout(400)]

JOBS = 50


@pytest.fixture(autouse=True)
def _sound(console: ConsoleWorld) -> Iterator[None]:
    """Whatever a test did, the audit chain holds, and nothing is published that nobody approved."""
    yield
    assert AuditStore(console.database).verify().problem is None


def empty(console: ConsoleWorld) -> None:
    """Take every open job out of the way of a test."""
    keeper = console.hire("keeper", Role.SENIOR)
    for queue in console.plan.queues:
        while jobs := console.queue.page(queue, cursor=None, limit=100).jobs:
            waiting = [one for one in jobs if one.assigned_to != keeper.id]
            for job in waiting:
                console.queue.assign(job.id, keeper.id, actor="system:test", now=now())
            if not waiting:
                break


def idle(page: Page) -> bool:
    """Back at one's own page, with nothing to do."""
    return page.url.rstrip("/").endswith("/console")


def test_fifty_jobs_are_decided_by_keyboard_alone(console: ConsoleWorld, browser: Browser) -> None:
    console.screened(held_samples(JOBS + 10, name="many"))
    console.hire("ada")
    with console.page(browser, "ada") as page:
        job, decided = start_work(page), []
        for number in range(JOBS):
            page.keyboard.press("a" if number % 3 else "1")
            if not number % 3:
                page.locator('[data-dialog="reasons"][open]').wait_for()
                page.keyboard.press("a")
            decided.append(job)
            job = wait_for_other_job(page, job)
    assert len(set(decided)) == JOBS
    until(lambda: all(_state(console, one) is JobState.CLOSED for one in decided), "all decisions settled", 60)
    actions = [console.decisions.of_job(one)[-1].action for one in decided]
    assert actions == [Action.APPROVE if number % 3 else Action.REJECT for number in range(JOBS)]
    assert {one.fate for job_id in decided for one in console.decisions.of_job(job_id)} == {Fate.SETTLED}


def test_two_people_never_have_the_same_job(console: ConsoleWorld, browser: Browser) -> None:
    console.screened(held_samples(24, name="race"))
    console.hire("bea")
    console.hire("cem")
    seen: dict[str, list[JobId]] = {"bea": [], "cem": []}
    with console.page(browser, "bea") as one, console.page(browser, "cem") as other:
        at = {"bea": start_work(one), "cem": start_work(other)}
        for _ in range(8):
            for name, page in (("bea", one), ("cem", other)):
                seen[name].append(at[name])
                page.keyboard.press("a")
            at = {"bea": wait_for_other_job(one, at["bea"]), "cem": wait_for_other_job(other, at["cem"])}
    assert not set(seen["bea"]) & set(seen["cem"])
    for name, jobs in seen.items():
        assert len(set(jobs)) == 8
        for job in jobs:
            assert {one.account for one in console.decisions.of_job(job)} == {console.people[name].id}


def test_a_decision_that_comes_too_late_is_refused_and_what_was_typed_is_kept(
    console: ConsoleWorld, browser: Browser
) -> None:
    empty(console)
    console.screened(held_samples(1, name="late"))
    ada, dan = console.hire("ada"), console.hire("dan")
    with console.page(browser, "ada") as page:
        job = start_work(page)
        page.keyboard.press("n")
        page.keyboard.type("the caption quotes a song")
        page.keyboard.press("Escape")
        drafts = DraftStore(console.database)
        until(lambda: drafts.note(ada.id, job) == "the caption quotes a song", "the draft is kept")
        console.queue.assign(job, dan.id, actor="system:test", now=now())
        page.keyboard.press("a")
        refusal = page.locator(".toast.bad, [data-lost]:not([hidden])").first
        refusal.wait_for()
        assert console.decisions.of_job(job) == []
        assert drafts.note(ada.id, job) == "the caption quotes a song"
    with console.page(browser, "dan") as page:
        assert start_work(page) == job


def test_a_job_whose_browser_died_returns_by_itself(console: ConsoleWorld, browser: Browser) -> None:
    empty(console)
    console.screened(held_samples(1, name="dead"))
    console.hire("ada")
    console.hire("bea")
    with console.page(browser, "ada") as page:
        job = start_work(page)
    with console.page(browser, "bea") as page:
        page.goto("/console")
        page.keyboard.press("Enter")
        page.wait_for_load_state("networkidle")
        assert idle(page), "somebody else had the job"
        page.wait_for_timeout(LEASE_SECONDS * 1000)
        assert start_work(page) == job
        page.keyboard.press("a")
        until(lambda: len(console.decisions.of_job(job)) == 1, "it is decided")


def test_what_is_undone_in_time_never_leaves(console: ConsoleWorld, browser: Browser) -> None:
    empty(console)
    console.screened(held_samples(2, name="undo"))
    console.hire("ada")
    with console.page(browser, "ada") as page:
        job, post = start_work(page), shown_post(page)
        page.keyboard.press("a")
        following = wait_for_other_job(page, job)
        page.keyboard.press("u")
        assert wait_for_other_job(page, following) == job
        page.wait_for_timeout((UNDO_SECONDS + 2) * 1000)
        assert [one.type for one in console.told(post)] == ["post.held"]
        assert console.place.posts.many([post])[post].state is PostState.HELD
        page.keyboard.press("a")
        until(lambda: len(console.told(post)) > 1, "it leaves once the time is over")
        assert [one.type for one in console.told(post)][:2] == ["post.held", "post.approved"]


def test_a_cluster_is_decided_once_with_exceptions_and_undone_as_one(console: ConsoleWorld, browser: Browser) -> None:
    empty(console)
    ids = console.screened(near_duplicates(5, "my nudes are in the next post, five times"))
    console.hire("ada")
    with console.page(browser, "ada") as page:
        job = start_work(page)
        assert sorted(console.queue.members(job)) == sorted(ids)
        page.keyboard.press(".")
        left_out = shown_post(page)
        page.keyboard.press("c")
        page.keyboard.press("1")
        page.locator('[data-dialog="reasons"][open]').wait_for()
        page.keyboard.press("a")
        exception = wait_for_other_job(page, job)
        assert console.queue.members(exception) == [left_out]
        made = console.decisions.of_job(job)
        assert sorted(one.post_id for one in made) == sorted(set(ids) - {left_out})
        page.keyboard.press("u")
        assert wait_for_other_job(page, exception) == job
        assert {one.fate for one in console.decisions.of_job(job)} == {Fate.UNDONE}
        page.keyboard.press("1")
        page.locator('[data-dialog="reasons"][open]').wait_for()
        page.keyboard.press("a")
        wait_for_other_job(page, job)

    def states() -> dict[PostId, PostState]:
        return {one: post.state for one, post in console.place.posts.many(ids).items()}

    until(lambda: sum(state is PostState.REJECTED for state in states().values()) == 4, "four are rejected")
    assert states()[left_out] is PostState.HELD


def test_a_killed_server_loses_nothing_typed_or_decided(console: ConsoleWorld, browser: Browser) -> None:
    empty(console)
    console.screened(held_samples(6, name="killed"))
    ada = console.hire("ada")
    with console.page(browser, "ada") as page:
        job = start_work(page)
        page.locator("[data-job]").wait_for()
        page.wait_for_load_state("load")
        page.wait_for_timeout(1_500)
        console.kill()
        page.keyboard.press("a")
        page.wait_for_timeout(1_000)
        following = job_on(page)
        page.keyboard.press("n")
        page.keyboard.type("written while nobody answered")
        page.keyboard.press("Escape")
        assert page.locator('[data-name="offline"]').count() == 1
        console.start()
        until(lambda: len(console.decisions.of_job(job)) == 1, "the decision arrives once the server is back")
        page.reload()
        page.wait_for_selector("[data-job]")
        assert page.locator("#note").input_value() == "written while nobody answered"
        assert facts(page)["job"] == following
        until(lambda: _state(console, job) is JobState.CLOSED, "it settles")
    [decision] = console.decisions.of_job(job)
    assert (decision.account, decision.fate) == (ada.id, Fate.SETTLED)


def _state(console: ConsoleWorld, job: JobId) -> JobState:
    found = console.queue.get(job)
    assert found is not None
    return found.state
