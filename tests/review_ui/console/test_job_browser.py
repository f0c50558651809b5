"""The job screen in a real browser, on a real server: by keyboard alone, concealed, safe against what goes wrong."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from moderation.domain.bank import Bank, BankEffect
from moderation.domain.decision import Action
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.people import Person, Role
from moderation.settings import Settings
from moderation.storage.accounts.people import NewAccount
from moderation.storage.accounts.sessions import Client
from moderation.storage.banks import BankStore
from review_ui.app import create_app
from review_ui.console.entrance import open_entrance
from review_ui.site import open_site
from tests.review_ui.conftest import settings_in
from tests.review_ui.console.floor import Floor
from tests.review_ui.serving import Server, served
from tests.review_ui.test_browser import complaints
from tests.storage.review.picture_rows import a_pdq, store_hashes

pytestmark = pytest.mark.functional
POSTS = 28


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    return settings_in(tmp_path_factory.mktemp("console"), sqlite_template).home


@pytest.fixture(scope="module")
def floor(home: Path) -> Iterator[Floor]:
    """The same database as the server's, to look behind the screen."""
    app = create_app(site=open_site(Settings(home=home, max_image_bytes=100_000)))
    found = Floor(app, app.state.desk)
    for shade in range(POSTS):
        found.held(shade, caption=f"Picture-{shade} of a harbour", frames=3 if shade == 0 else 1)
    yield found
    app.state.desk.close()


@pytest.fixture(scope="module")
def server(home: Path, floor: Floor) -> Iterator[Server]:
    with served(home) as running:
        yield running


def signed_in(browser: Browser, server: Server, floor: Floor, name: str, *, queue: str = "spam") -> tuple[Page, Person]:
    """A page of a new moderator, who has started to work."""
    entrance = open_entrance(floor.desk.site)
    now = entrance.clock()
    person = entrance.people.create(
        NewAccount(name, Role.MODERATOR, queues=frozenset({queue}), display_name=name.title()), actor="test", now=now
    )
    secret, _ = entrance.sessions.start(
        person, method="password", confirmed=True, client=Client("127.0.0.1", "tests"), now=now
    )
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": "session", "value": secret, "url": server.url}])
    page = context.new_page()
    page.goto(f"{server.url}/console")
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/jobs/*")
    page.wait_for_selector("[data-stage]:focus")
    return page, person


def settle(page: Page) -> None:
    """Until the screen takes decisions, and the next jobs are fetched. The server's push keeps the network busy."""
    page.wait_for_selector("[data-stage]:focus")
    page.wait_for_timeout(900)


def press_on(page: Page, key: str) -> None:
    """Press a key that decides, and wait for the next job."""
    before = page.url
    page.keyboard.press(key)
    page.wait_for_function("before => location.href !== before", arg=before)


def decisions_of(floor: Floor, person: Person) -> list[Action]:
    return [one.action for one in floor.desk.decisions.recent(person.id, limit=50, now=floor.desk.clock())]


def test_jobs_are_decided_and_undone_by_keyboard_alone(browser: Browser, server: Server, floor: Floor) -> None:
    page, person = signed_in(browser, server, floor, "ada")
    found = complaints(page)
    first = page.url
    settle(page)
    press_on(page, "a")
    assert page.locator(".toast").inner_text().startswith("Approved")
    settle(page)
    page.keyboard.press("u")
    page.wait_for_url(first)
    settle(page)
    page.keyboard.press("6")
    page.wait_for_selector("[data-dialog=reasons][open]")
    press_on(page, "b")
    settle(page)
    press_on(page, "e") if page.locator("[data-target]").count() < 2 else _escalate(page)
    settle(page)
    assert decisions_of(floor, person)[:2] == [Action.ESCALATE, Action.REJECT]
    assert found == []
    page.context.close()


def test_what_was_rejected_is_banked_by_keyboard_alone(browser: Browser, server: Server, floor: Floor) -> None:
    banks = BankStore(floor.desk.database)
    banks.create(Bank("BANNED", BankEffect.BLOCK), actor="test", now=floor.desk.clock())
    page, person = signed_in(browser, server, floor, "bea")
    settle(page)
    page.keyboard.press("k")
    assert "Nothing was rejected" in page.locator(".toast").inner_text()
    page.keyboard.press("6")
    page.wait_for_selector("[data-dialog=reasons][open]")
    press_on(page, "b")
    settle(page)
    [done] = floor.desk.decisions.recent(person.id, limit=1, now=floor.desk.clock())
    job = floor.desk.queue.get(done.job_id)
    assert job is not None
    floor.desk.decisions.settle_due(limit=100, now=floor.desk.clock() + timedelta(seconds=60))
    store_hashes(floor.desk.database, job.post_id, 5_000_000, [a_pdq(1)])
    page.keyboard.press("k")
    page.wait_for_url(f"**/console/posts/{job.post_id}/bank")
    page.wait_for_selector("#bank:focus")
    for _ in range(3):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".banked")
    assert "1 entry in BANNED" in page.locator("[role=status]").first.inner_text()
    [entry] = banks.entries("BANNED")
    assert (entry.category, entry.provenance["post"]) == (done.category, job.post_id)
    page.context.close()


def _escalate(page: Page) -> None:
    page.keyboard.press("e")
    page.wait_for_selector("[data-dialog=escalate][open]")
    press_on(page, "a")


def test_a_letter_in_a_dialog_is_no_decision(browser: Browser, server: Server, floor: Floor) -> None:
    page, person = signed_in(browser, server, floor, "ben")
    settle(page)
    page.keyboard.press("s")
    page.wait_for_selector("[data-dialog=skip][open]")
    press_on(page, "a")
    settle(page)
    assert decisions_of(floor, person) == []
    page.keyboard.press("n")
    page.keyboard.type("a b e 1 s")
    assert page.locator("[data-note]").input_value() == "a b e 1 s"
    assert decisions_of(floor, person) == []
    page.context.close()


def test_a_picture_that_nobody_can_open_is_not_approved_by_one_key(
    browser: Browser, server: Server, floor: Floor
) -> None:
    floor.held(90, queue="undecodable", category="unusable_image", refusal=Refusal(RefusalReason.CORRUPT))
    page, person = signed_in(browser, server, floor, "uma", queue="undecodable")
    settle(page)
    page.keyboard.press("a")
    page.wait_for_selector("[data-dialog=unreadable][open]")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-dialog=unreadable]:not([open])", state="attached")
    assert decisions_of(floor, person) == []
    page.keyboard.press("a")
    page.click("[data-unseen]")
    page.wait_for_url("**/console")
    assert decisions_of(floor, person) == [Action.APPROVE]
    page.context.close()


def test_nothing_is_fetched_until_one_looks_and_nothing_stays(browser: Browser, server: Server, floor: Floor) -> None:
    page, person = signed_in(browser, server, floor, "cleo")
    frames: list[str] = []
    page.on("request", lambda request: frames.append(request.url) if "/frames/" in request.url else None)
    settle(page)
    page.mouse.move(300, 300)
    page.keyboard.press("Tab")
    page.locator("[data-stage]").focus()
    assert frames == []
    concealed = page.locator("[data-stage]").screenshot()
    page.keyboard.down("Space")
    page.wait_for_selector(".stage.looking")
    assert page.locator("[data-stage]").screenshot() != concealed
    page.keyboard.up("Space")
    assert page.locator(".stage.looking, .real").count() == 0
    assert len(frames) == 1
    page.keyboard.down("Space")
    page.wait_for_selector(".stage.looking")
    page.evaluate("dispatchEvent(new Event('blur'))")
    assert page.locator(".real").count() == 0
    page.keyboard.up("Space")
    viewed = [
        event
        for job in floor.desk.queue.mine(person.id, floor.desk.clock()).leased
        for event in floor.desk.audit.about(f"post:{job.post_id}")
        if event.kind == "media.viewed"
    ]
    assert {event.actor for event in viewed} == {"account:cleo"}
    page.context.close()


def test_the_next_job_comes_concealed_while_the_key_is_held(browser: Browser, server: Server, floor: Floor) -> None:
    page, _ = signed_in(browser, server, floor, "dan")
    settle(page)
    page.keyboard.down("Space")
    page.wait_for_selector(".stage.looking")
    press_on(page, "a")
    page.wait_for_timeout(300)
    assert page.locator(".real").count() == 0
    page.keyboard.up("Space")
    page.context.close()


def test_a_key_pressed_twice_decides_once(browser: Browser, server: Server, floor: Floor) -> None:
    page, person = signed_in(browser, server, floor, "eve")
    settle(page)
    before = page.url
    page.keyboard.press("a")
    page.keyboard.press("a")
    page.wait_for_function("before => location.href !== before", arg=before)
    settle(page)
    assert decisions_of(floor, person) == [Action.APPROVE]
    page.context.close()


def test_a_decision_outlives_a_server_that_does_not_answer(browser: Browser, server: Server, floor: Floor) -> None:
    page, person = signed_in(browser, server, floor, "fay")
    settle(page)
    page.route("**/decide", lambda route: route.abort())
    page.keyboard.press("a")
    page.wait_for_selector(".toast.bad")
    page.unroute("**/decide")
    page.reload()
    for _ in range(50):  # not wait_for_function: its polling evaluates text, which the pages' policy refuses
        if page.evaluate("localStorage.getItem('console.outbox')") == "[]":
            break
        page.wait_for_timeout(100)
    assert decisions_of(floor, person) == [Action.APPROVE]
    page.context.close()


def test_a_note_outlives_the_window(browser: Browser, server: Server, floor: Floor) -> None:
    page, person = signed_in(browser, server, floor, "gil")
    settle(page)
    page.keyboard.press("n")
    page.keyboard.type("half a thought")
    page.wait_for_timeout(1000)
    job_id = page.url.rsplit("/", 1)[1]
    page.close()
    (job,) = [one for one in floor.desk.queue.mine(person.id, floor.desk.clock()).leased if one.id == job_id]
    assert floor.desk.drafts.note(person.id, job.id) == "half a thought"
