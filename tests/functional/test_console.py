"""The shortest way through the console, in a real browser on real processes: sign in, look, decide, undo."""

import pytest
from playwright.sync_api import Browser, Page

from datasets.samples import SamplePost
from moderation.domain.decision import Action, Fate
from moderation.domain.ids import PostId
from moderation.domain.post import PostState
from tests.functional.console_world import (
    PASSWORD,
    UNDO_SECONDS,
    ConsoleWorld,
    held_samples,
    job_on,
    likeness,
    shown_post,
    start_work,
    until,
    wait_for_other_job,
)

pytestmark = [pytest.mark.functional, pytest.mark.timeout(240)]

ALIKE = 0.5
UNLIKE = 0.15
ADULT = "adult_text"


@pytest.fixture(scope="module")
def samples(console: ConsoleWorld) -> dict[PostId, SamplePost]:
    """Six held posts whose category shows its pictures without a warning first."""
    wanted = [one for one in held_samples(60) if one.rule == ADULT][:6]
    return dict(zip(console.screened(wanted), wanted, strict=True))


def stage(page: Page) -> bytes:
    return page.locator("[data-stage]:not([hidden])").screenshot()


def test_from_the_password_to_a_published_post(
    console: ConsoleWorld, browser: Browser, samples: dict[PostId, SamplePost]
) -> None:
    console.hire("ada")
    with console.page(browser, None) as page:
        page.goto("/console")
        page.fill("#name", "ada")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/console")
        page.keyboard.press("Enter")
        job = job_on(page)
        post = shown_post(page)
        page.wait_for_timeout(500)
        page.keyboard.press("a")
        following = wait_for_other_job(page, job)
        page.keyboard.press("u")
        assert wait_for_other_job(page, following) == job
        assert [one.type for one in console.told(post)] == ["post.held"]
        page.keyboard.press("a")
        wait_for_other_job(page, job)
        until(lambda: console.place.posts.many([post])[post].state is PostState.PUBLISHED, "it is published")
    made = console.decisions.of_post(post)
    assert [(one.action, one.fate) for one in made] == [(Action.APPROVE, Fate.UNDONE), (Action.APPROVE, Fate.SETTLED)]
    assert (made[1].effective_at - made[1].decided_at).total_seconds() == UNDO_SECONDS


def test_nothing_of_a_picture_is_seen_before_somebody_looks(
    console: ConsoleWorld, browser: Browser, samples: dict[PostId, SamplePost]
) -> None:
    console.hire("bea")
    with console.page(browser, "bea") as page:
        job = start_work(page)
        picture = samples[shown_post(page)].image
        page.wait_for_load_state("networkidle")
        assert abs(likeness(stage(page), picture)) < UNLIKE
        assert page.locator("img.real").count() == 0
        page.keyboard.down("Space")
        real = page.locator(".looking img.real")
        real.wait_for()
        assert likeness(real.screenshot(), picture) > ALIKE
        page.keyboard.up("Space")
        assert page.locator("img.real").count() == 0
        assert abs(likeness(stage(page), picture)) < UNLIKE
        page.keyboard.down("Space")
        real.wait_for()
        page.keyboard.press("a")
        wait_for_other_job(page, job)
        assert page.locator("img.real").count() == 0
        assert abs(likeness(stage(page), samples[shown_post(page)].image)) < UNLIKE
