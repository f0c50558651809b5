"""Hostile servers: whatever they do ends in a typed error that tells nothing of theirs and no secret of ours."""

import gzip
import logging
import time
from typing import Any

import pytest

from moderation.domain.errors import InvalidInputError, ModerationError, UnavailableError
from moderation.domain.exchange import (
    CREDENTIAL_PREFIX,
    Exchange,
    ExchangeKind,
    ExchangeRefusedError,
    MalformedExchangeError,
)
from moderation.matching.exchanges import wire
from moderation.matching.exchanges.registry import SPECS, configured, open_source
from tests.factories import NOW
from tests.matching.exchanges.opened import ENVIRONMENT, PATHS, an_exchange, pages, pdq
from tests.matching.exchanges.server import SECRETS, ExchangeServer, Fault, update

REMOTE = tuple(PATHS)
KIND = ExchangeKind.THREATEXCHANGE


@pytest.mark.parametrize("kind", REMOTE)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=500), UnavailableError),
        (Fault(status=429), UnavailableError),
        (Fault(status=503), UnavailableError),
        (Fault(status=401), ExchangeRefusedError),
        (Fault(status=403), ExchangeRefusedError),
        (Fault(status=404), ExchangeRefusedError),
        (Fault(status=302, location="https://evil.example/"), MalformedExchangeError),
        (Fault(status=307, location="/te/elsewhere"), MalformedExchangeError),
        (Fault(cut=True), UnavailableError),
    ],
)
def test_what_is_not_an_answer_is_a_typed_error(
    server: ExchangeServer, kind: ExchangeKind, fault: Fault, error: type[ModerationError]
) -> None:
    fault = Fault(fault.status, " ".join(SECRETS).encode(), fault.location, cut=fault.cut)
    server.fault = fault
    with pytest.raises(error) as caught:
        pages(kind, server.url)
    assert len(server.asked) == 1, "a redirect is not followed, and nothing is tried again here"
    assert caught.value.__cause__ is None
    for secret in SECRETS:
        assert secret not in f"{caught.value.message} {caught.value.hint}"


def test_no_log_line_holds_a_secret(server: ExchangeServer, caplog: pytest.LogCaptureFixture) -> None:
    server.updates = [update(number, pdq(number), number) for number in range(1, 6)]
    with caplog.at_level(logging.DEBUG):
        for kind in REMOTE:
            pages(kind, server.url)
    assert "threat_updates" in caplog.text, "httpx tells of requests"
    for secret in (*SECRETS, pdq(1), pdq(2)):
        assert secret not in caplog.text


@pytest.mark.parametrize("kind", REMOTE)
def test_an_answer_without_end_is_cut_off(
    server: ExchangeServer, kind: ExchangeKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.raw = b" " * 2_000_000
    defaults: Any = wire.Wire.__init__.__kwdefaults__
    monkeypatch.setattr(wire.Wire.__init__, "__kwdefaults__", {**defaults, "max_bytes": 10_000})
    with pytest.raises(MalformedExchangeError, match="over 10000 bytes"):
        pages(kind, server.url)


def test_an_answer_that_drips_is_cut_off(server: ExchangeServer) -> None:
    server.fault = Fault(body=b"x" * 1_000, drip=True)
    slow = wire.Wire(server.url, answer_seconds=0.2)
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match=r"took over 0.2 s"):
        slow.get("te/x")
    slow.close()
    assert time.monotonic() - begun < 5


def test_silence_is_not_waited_for_long(server: ExchangeServer) -> None:
    server.fault = Fault(seconds=0.5)
    silent = wire.Wire(server.url, timeout_seconds=0.1)
    with pytest.raises(UnavailableError, match="ReadTimeout"):
        silent.get("te/x")
    silent.close()


def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="ConnectError"):
        pages(KIND, "http://127.0.0.1:1")


def test_a_compressed_bomb_is_cut_off_as_it_unfolds(server: ExchangeServer) -> None:
    packed = gzip.compress(b"0" * 5_000_000)
    server.fault = Fault(body=packed, encoding="gzip")
    bomb = wire.Wire(server.url, max_bytes=2 * len(packed))
    with pytest.raises(MalformedExchangeError, match="is over"):
        bomb.get("te/x")
    bomb.close()
    server.fault = Fault(body=b"not gzip", encoding="gzip")
    with pytest.raises(UnavailableError, match="DecodingError"):
        pages(KIND, server.url)


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/api",
        "ftp://example.org/api",
        "https://user:password@example.org/api",
        "https://example.org/api?token=x",
        "https://example.org/api#x",
        "https://",
        "example.org",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://10.0.0.1/",
    ],
)
@pytest.mark.parametrize("kind", REMOTE)
def test_credentials_go_by_https_or_to_this_machine_only(kind: ExchangeKind, address: str) -> None:
    good = an_exchange(kind, "http://127.0.0.1:9")
    with pytest.raises(InvalidInputError):
        configured(Exchange("x", kind, "B", address, good.options, good.credentials))


@pytest.mark.parametrize("address", ["https://example.org/api/", "http://localhost:8000", "http://[::1]:80/x"])
def test_addresses_that_may_be_asked(address: str) -> None:
    assert wire.checked(address) == address.rstrip("/")


@pytest.mark.parametrize("kind", REMOTE)
def test_a_kind_has_its_own_address_and_its_credentials_are_names_of_variables(kind: ExchangeKind) -> None:
    good = an_exchange(kind, "http://127.0.0.1:9")
    assert configured(Exchange("x", kind, "B", "", good.options, good.credentials)).address == SPECS[kind].address
    with pytest.raises(InvalidInputError, match="needs the credential"):
        configured(Exchange("x", kind, "B", "", good.options))
    wrong = dict.fromkeys(good.credentials, "MODERATION_DATABASE_URL")
    with pytest.raises(InvalidInputError, match=CREDENTIAL_PREFIX):
        configured(Exchange("x", kind, "B", "", good.options, wrong))


@pytest.mark.parametrize("kind", REMOTE)
def test_a_variable_that_is_not_set_is_named_and_one_that_cannot_be_sent_is_refused(kind: ExchangeKind) -> None:
    exchange = an_exchange(kind, "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match=f"needs {CREDENTIAL_PREFIX}"):
        open_source(exchange, {}, lambda: NOW)
    broken = {name: f"{value}\r\nx-other: 1" for name, value in ENVIRONMENT.items()}
    with pytest.raises(InvalidInputError) as caught:
        open_source(exchange, broken, lambda: NOW)
    assert "x-other" not in str(caught.value)


def test_an_opened_source_shows_no_secret() -> None:
    exchange = an_exchange(KIND, "http://127.0.0.1:9")
    source = open_source(exchange, ENVIRONMENT, lambda: NOW)
    assert not any(secret in f"{source!r}{exchange!r}" for secret in SECRETS)
    source.close()


@pytest.mark.parametrize("option", ["max_items", "max_removals"])
@pytest.mark.parametrize("value", ["many", "-1", "1e3"])
def test_how_many_items_an_exchange_may_tell_or_take_back_is_a_number(option: str, value: str) -> None:
    with pytest.raises(InvalidInputError, match=option):
        an_exchange(ExchangeKind.FILES, "/data", options={option: value})
    assert an_exchange(ExchangeKind.FILES, "/data", options={option: "7"}).options == {option: "7"}
