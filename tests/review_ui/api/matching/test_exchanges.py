from collections.abc import Mapping

import pytest

from moderation.domain.bank import BankEffect
from moderation.domain.exchange import Exchange, ExchangeKind
from moderation.storage.exchanges import ExchangeStore
from tests.review_ui.api.matching.conftest import NOW_ACTOR, Api

VARIABLE = "EXCHANGE_TOKEN"


@pytest.fixture
def exchange(api: Api) -> Exchange:
    made = Exchange(
        "PARTNER",
        ExchangeKind.THREATEXCHANGE,
        "PARTNER_BANK",
        "https://exchange.example/v1",
        options={"privacy_group": "1"},
        credentials={"token": VARIABLE},
    )
    store = ExchangeStore(api.site.database)
    return store.add(made, actor=NOW_ACTOR, now=api.site.clock(), new_bank=BankEffect.REVIEW).exchange


@pytest.fixture
def key(api: Api) -> Mapping[str, str]:
    return api.key()


def test_exchanges_are_listed_and_shown_without_credentials(
    api: Api, key: Mapping[str, str], exchange: Exchange
) -> None:
    assert api.client.get("/c/exchanges", headers=key).json() == ["PARTNER"]
    shown = api.client.get("/c/exchange/PARTNER", headers=key)
    assert shown.json()["api"] == "threatexchange"
    assert shown.json()["enabled"] is True
    assert shown.json()["bank"] == exchange.bank
    assert VARIABLE not in shown.text
    status = api.client.get("/c/exchange/PARTNER/status", headers=key).json()
    assert (status["last_fetch_time"], status["checkpoint_time"], status["success"]) == (0, 0, True)
    assert (status["last_fetch_succeeded"], status["up_to_date"], status["fetched_items"]) == (None, False, 0)
    api.matching.exchanges.failed("PARTNER", "no answer", now=api.site.clock())
    status = api.client.get("/c/exchange/PARTNER/status", headers=key).json()
    assert status["success"] is False
    assert status["last_fetch_succeeded"] is False
    assert status["last_fetch_time"] > 0


def test_an_exchange_is_turned_off_and_on(api: Api, key: Mapping[str, str], exchange: Exchange) -> None:
    for enabled in (False, True):
        changed = api.client.put(f"/c/exchange/{exchange.name}", json={"enabled": enabled}, headers=key)
        assert changed.json()["enabled"] is enabled
        assert api.matching.exchanges.state(exchange.name).exchange.enabled is enabled


def test_no_key_says_where_credentials_are_sent(api: Api, key: Mapping[str, str], exchange: Exchange) -> None:
    body = {"bank": "EVIL", "api": "threatexchange", "api_json": {"address": "https://evil.example"}}
    assert api.client.post("/c/exchanges", json=body, headers=key).status_code == 403
    assert api.client.delete(f"/c/exchange/{exchange.name}", headers=key).status_code == 403
    assert [state.exchange for state in api.matching.exchanges.states()] == [exchange]


def test_kinds_of_exchanges_say_what_they_ask_for(api: Api, key: Mapping[str, str], exchange: Exchange) -> None:
    kinds = api.client.get("/c/exchanges/apis", headers=key).json()
    assert kinds == [kind.value for kind in ExchangeKind]
    for kind in kinds:
        told = api.client.get(f"/c/exchanges/api/{kind}", headers=key).json()
        schema = api.client.get(f"/c/exchanges/api/{kind}/schema", headers=key).json()
        assert told["supports_authentification"] is (schema["credentials_schema"] is not None)
        assert told["has_set_authentification"] is (kind == exchange.kind)
        for field in schema["config_schema"]["fields"]:
            assert set(field) == {"name", "type", "required", "default", "help", "choices"}
