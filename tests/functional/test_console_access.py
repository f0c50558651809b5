"""The console is for everybody: axe finds nothing serious on any page, in light and in dark; a second factor works."""

from collections.abc import Iterator
from typing import Literal

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from moderation.assembly import now
from moderation.domain.ids import AccountId
from moderation.review.passwords import Passwords
from moderation.storage.accounts.credentials import CredentialStore
from tests.functional.console_world import PASSWORD, WINDOW, until
from tests.functional.everyone import Everyone, everyone

pytestmark = [pytest.mark.functional, pytest.mark.long, pytest.mark.timeout(600)]

GRAVE = {"serious", "critical"}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everyone]:
    with everyone(tmp_path_factory.mktemp("everyone")) as running:
        yield running


def _has_second_factor(store: CredentialStore, account: AccountId) -> bool:
    found = store.of(account)
    return found is not None and found.totp_secret is not None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(
    team: Everyone, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    found = []
    for who, path, name in team.pages():
        with team.page(browser, who, viewport=WINDOW, color_scheme=scheme, bypass_csp=True) as page:
            answer = page.goto(path)
            assert answer is not None
            assert answer.ok, f"{path}: {answer.status}"
            page.wait_for_load_state("load")
            violations = Axe().run(page).response["violations"]
        found += [
            f"{name}: {one['id']}: {one['help']}: {node['html'][:160]} ({node['failureSummary'][:200]})"
            for one in violations
            if one["impact"] in GRAVE
            for node in one["nodes"][:2]
        ]
    assert found == [], "\n".join(found)


def test_no_page_says_anything_to_the_browsers_console(team: Everyone, browser: Browser) -> None:
    """A refused style, a missing file or a script that throws would be told there."""
    told: list[str] = []
    for who, path, name in team.pages():
        with team.page(browser, who, viewport=WINDOW) as page:
            page.on("console", lambda message: told.append(message.text))
            page.on("pageerror", lambda error: told.append(str(error)))
            page.goto(path)
            page.wait_for_load_state("load")
            page.wait_for_timeout(150)
        assert told == [], name


@pytest.mark.parametrize("width", [1024, 1280, 1920])
def test_no_page_is_wider_than_its_window(team: Everyone, browser: Browser, width: int) -> None:
    wide = []
    for who, path, name in team.pages():
        with team.page(browser, who, viewport={"width": width, "height": 768}) as page:
            page.goto(path)
            page.wait_for_load_state("load")
            if (over := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
                wide.append(f"{name}: {over} px")
    assert wide == []


def test_signing_in_with_a_second_factor(team: Everyone, browser: Browser) -> None:
    person = team.filled.team.moderators[3]
    store = CredentialStore(team.database)
    store.set_password(person, Passwords().hash(PASSWORD), must_change=False, actor="system:test", now=now())
    with team.page(browser, "nobody", viewport=WINDOW) as page:
        page.goto("/console/login")
        page.fill("#name", person.name)
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/console")
        page.goto("/console/profile/totp")
        begin = page.locator("form[action$='/begin']")
        begin.locator("[name=password]").fill(PASSWORD)
        begin.locator("button").click()
        secret = page.locator("code.secret").text_content()
        assert secret is not None
        page.fill("#code", pyotp.TOTP(secret.replace(" ", "")).now())
        page.keyboard.press("Enter")
        until(lambda: _has_second_factor(store, person.id), "the second factor is on")
    done = store.of(person.id)
    assert done is not None
    assert done.totp_secret is not None
    assert done.totp_step is not None
    with team.page(browser, "nobody", viewport=WINDOW) as page:
        page.goto("/console/login")
        page.fill("#name", person.name)
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/login/code*")
        page.goto("/console")
        page.wait_for_url("**/login/code*")
        following = pyotp.TOTP(done.totp_secret).generate_otp(done.totp_step + 1)
        page.fill("#code", following)
        page.keyboard.press("Enter")
        page.wait_for_url("**/console")
