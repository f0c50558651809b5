"""The pages of exchanges, on the real application."""

from typing import Any

import pytest
from fastapi import FastAPI

from moderation.domain.bank import Bank, BankEffect, Opinion
from moderation.domain.exchange import Applied, Exchange, ExchangeKind, Item, OwnerOpinion, Page, Skipped
from moderation.domain.people import Role
from moderation.storage.audit import AuditStore
from moderation.storage.banks import BankStore
from moderation.storage.exchanges import ExchangeStore
from review_ui.console.desk import Desk
from review_ui.console.exchange_facts import plain_address, plain_error
from tests.matching.exchanges.opened import pdq
from tests.review_ui.console.floor import HTML
from tests.review_ui.console.listed import desk_of
from tests.review_ui.console.people import Visitor, visitor

PATH = "/console/exchanges"
SECRET = "EAAGtokenTokenToken0123456789abcdef"
MANY = 250


@pytest.fixture
def desk(app: FastAPI) -> Desk:
    return desk_of(app)


@pytest.fixture
def pia(app: FastAPI) -> Visitor:
    return visitor(app, "pia", Role.POLICY)


class Shared:
    """An exchange of the application's database, and what it tells."""

    def __init__(self, desk: Desk, **facts: Any) -> None:
        self.store, self.banks, self.clock = ExchangeStore(desk.database), BankStore(desk.database), desk.clock
        self.banks.create(Bank("SHARED", BankEffect.BLOCK), actor="test", now=self.clock())
        given = {"address": f"https://user:{SECRET}@hashes.example/v1?access_token={SECRET}", **facts}
        made = Exchange("shared", ExchangeKind.THREATEXCHANGE, "SHARED", **given)
        self.store.add(made, actor="cli", now=self.clock())

    def told(self, numbers: range, *, malformed: int = 0) -> Applied:
        """A whole pass that tells these items."""
        items = tuple(Item(f"item-{one}", pdq(one), 90, (OwnerOpinion("ann", Opinion.POSITIVE),)) for one in numbers)
        page = Page(
            items, {"at": 1}, complete=True, full=True, begins=True, skipped=Skipped({"photodna": 3}, malformed)
        )
        revision = self.store.state("shared").revision
        applied = self.store.apply("shared", page, revision=revision, now=self.clock())[1]
        step = self.store.sweep("shared", now=self.clock())
        self.store.succeeded("shared", applied + step.applied, now=self.clock())
        return applied

    def entries(self) -> int:
        return {bank.name: size for bank, size in self.banks.banks()}["SHARED"]


def send(who: Visitor, act: str, **fields: object) -> Any:
    return who.client.post(f"{PATH}/shared/{act}", data={"csrf": who.csrf, **fields}, headers=HTML)


def test_without_exchanges_the_page_says_how_one_is_added(pia: Visitor) -> None:
    page = pia.client.get(PATH, headers=HTML)
    assert page.status_code == 200
    assert "No exchange yet" in page.text
    assert "moderation exchange add" in page.text
    assert "threatexchange" in page.text


def test_the_list_tells_how_each_does(desk: Desk, pia: Visitor) -> None:
    shared = Shared(desk, write_back=True)
    assert "never fetched" in pia.client.get(PATH, headers=HTML).text
    shared.told(range(3), malformed=1)
    page = pia.client.get(PATH, headers=HTML).text
    assert "up to date" in page
    assert "+3" in page
    assert f'href="{PATH}/shared"' in page
    shared.store.failed("shared", "The exchange does not answer.", now=desk.clock())
    page = pia.client.get(PATH, headers=HTML).text
    assert "failed, tried again" in page
    assert "The exchange does not answer." in page
    assert "removal" not in page


def test_an_exchange_has_its_history_and_what_could_not_be_used(desk: Desk, pia: Visitor) -> None:
    Shared(desk).told(range(3), malformed=2)
    page = pia.client.get(f"{PATH}/shared", headers=HTML).text
    for words in (
        "was fetched",
        "was added",
        "the command line",
        "photodna",
        "2 items were wrong",
        "write-back is off",
    ):
        assert words in page
    assert "2 removals" not in page


@pytest.mark.parametrize("path", [PATH, f"{PATH}/shared"])
def test_no_secret_query_or_hash_comes_to_a_page(desk: Desk, pia: Visitor, path: str) -> None:
    shared = Shared(desk, options={"tag": SECRET}, credentials={"token": "EXCHANGE_TE_TOKEN"})
    shared.told(range(2))
    shared.store.failed("shared", f"GET https://hashes.example/v1?access_token={SECRET} {pdq(1)}", now=desk.clock())
    page = pia.client.get(path, headers=HTML).text
    assert SECRET not in page
    assert pdq(0) not in page
    assert pdq(1) not in page
    assert "access_token" not in page
    assert "item-1" not in page


@pytest.mark.parametrize("typed", ["https://h.example:x/?token=1", "https://[/a?token=1", "//?token=1#x@y"])
def test_an_address_that_cannot_be_read_is_not_repeated(typed: str) -> None:
    assert "token=1" not in plain_address(typed) or "://" not in typed


def test_a_path_and_plain_words_stay_as_they_are() -> None:
    assert plain_address("/data/hashes.csv") == "/data/hashes.csv"
    assert plain_address("https://user:pw@h.example:8443/v1?x=1#y") == "https://h.example:8443/v1"
    said = "Set the variable EXCHANGE_NCII_SUBSCRIPTION_KEY, then fetch again."
    assert plain_error(said) == said
    assert plain_error("see https://h.example/a?b=c") == "see https://h.example/a"


def test_removals_wait_until_somebody_accepts_as_many_as_they_saw(desk: Desk, pia: Visitor) -> None:
    shared = Shared(desk)
    shared.told(range(MANY))
    shared.told(range(10))
    due = MANY - 10
    page = pia.client.get(f"{PATH}/shared", headers=HTML).text
    assert f"{due} removals wait" in page
    assert "may take out" in page
    assert f"{due} removals wait" in pia.client.get(PATH, headers=HTML).text
    for fields, status in (
        ({"removals": due}, 422),
        ({"removals": due - 1, "confirm": "yes"}, 409),
        ({"removals": "x", "confirm": "yes"}, 422),
        ({"removals": "9" * 40, "confirm": "yes"}, 422),
        ({"confirm": "yes"}, 422),
    ):
        refused = send(pia, "removals", **fields)
        assert refused.status_code == status
        assert 'role="alert"' in refused.text
    assert shared.entries() == MANY
    done = send(pia, "removals", removals=due, confirm="yes")
    assert done.status_code == 303
    assert shared.entries() == 10
    said = [event for event in AuditStore(desk.database).about("exchange:shared") if "removals" in event.kind]
    assert [(event.actor, event.payload) for event in said] == [("account:pia", {"removals": due})]
    page = pia.client.get(done.headers["location"], headers=HTML).text
    assert "The removals are done." in page
    assert f"Its removals were accepted ({due})" in page
    assert send(pia, "removals", removals=due, confirm="yes").status_code == 409, "sent twice it does nothing twice"


def test_what_takes_too_long_is_done_in_steps(desk: Desk, pia: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Shared(desk)
    shared.told(range(MANY))
    shared.told(range(10))
    monkeypatch.setattr("review_ui.console.exchanges_page.REMOVAL_SECONDS", 0.0)
    done = send(pia, "removals", removals=MANY - 10, confirm="yes")
    assert done.headers["location"].endswith("done=some")
    assert shared.entries() == MANY


def test_an_exchange_is_switched_off_and_on(desk: Desk, pia: Visitor) -> None:
    shared = Shared(desk)
    for _ in range(2):
        assert send(pia, "disable").headers["location"] == f"{PATH}/shared?done=off"
    assert not shared.store.state("shared").exchange.enabled
    page = pia.client.get(f"{PATH}/shared?done=off", headers=HTML).text
    assert "switched off" in page
    assert "Switch on" in page
    assert send(pia, "enable").status_code == 303
    assert shared.store.state("shared").exchange.enabled
    kinds = [event.kind for event in AuditStore(desk.database).about("exchange:shared")]
    assert (kinds.count("exchange.disable"), kinds.count("exchange.enable")) == (1, 1), "sent twice it is one change"


@pytest.mark.parametrize("role", Role)
def test_only_who_keeps_banks_sees_and_switches_exchanges(app: FastAPI, desk: Desk, role: Role) -> None:
    Shared(desk)
    somebody, allowed = visitor(app, "somebody", role), role in {Role.POLICY, Role.ADMIN}
    for path in (PATH, f"{PATH}/shared"):
        assert somebody.client.get(path, headers=HTML).status_code == (200 if allowed else 403)
    assert send(somebody, "disable").status_code == (303 if allowed else 403)
    assert send(somebody, "removals").status_code == (422 if allowed else 403)


def test_nothing_is_switched_without_the_forms_token(desk: Desk, pia: Visitor) -> None:
    shared = Shared(desk)
    for act in ("disable", "enable", "removals"):
        assert pia.client.post(f"{PATH}/shared/{act}", headers=HTML).status_code == 403
    assert shared.store.state("shared").exchange.enabled


@pytest.mark.parametrize("name", ["nobody", "x" * 300, "%3Cscript%3E", "..%2f", "shared%20"])
def test_a_name_that_no_exchange_has_is_not_found(desk: Desk, pia: Visitor, name: str) -> None:
    Shared(desk)
    assert pia.client.get(f"{PATH}/{name}", headers=HTML).status_code == 404
    assert pia.client.post(f"{PATH}/{name}/disable", data={"csrf": pia.csrf}, headers=HTML).status_code == 404


def test_a_cursor_of_another_list_is_refused(desk: Desk, pia: Visitor) -> None:
    Shared(desk)
    assert pia.client.get(f"{PATH}/shared?cursor=x", headers=HTML).status_code == 422


def test_hostile_words_are_text(desk: Desk, pia: Visitor) -> None:
    shared = Shared(desk, category="<script>alert(1)</script>")
    shared.store.failed("shared", "<img src=x onerror=alert(1)>", now=desk.clock())
    for path in (PATH, f"{PATH}/shared"):
        page = pia.client.get(path, headers=HTML).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_a_bank_that_is_gone_is_told(desk: Desk, pia: Visitor) -> None:
    Shared(desk).banks.delete_bank("SHARED", actor="test", now=desk.clock())
    assert "The bank is gone." in pia.client.get(f"{PATH}/shared", headers=HTML).text
