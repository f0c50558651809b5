"""Configurations of the server on this machine, and hashes for it."""

import hashlib
from collections.abc import Mapping
from datetime import datetime

from moderation.domain.exchange import CREDENTIAL_PREFIX, Exchange, ExchangeKind, Item, Page, Position
from moderation.matching.exchanges.registry import configured, open_source
from moderation.matching.exchanges.source import Clock, Source
from tests.factories import NOW
from tests.matching.exchanges import server as s

NOW_EPOCH = int(NOW.timestamp())

ENVIRONMENT = {
    f"{CREDENTIAL_PREFIX}TOKEN": s.TOKEN,
    f"{CREDENTIAL_PREFIX}USER": s.USER,
    f"{CREDENTIAL_PREFIX}PASSWORD": s.PASSWORD,
    f"{CREDENTIAL_PREFIX}SUBSCRIPTION": s.SUBSCRIPTION,
    f"{CREDENTIAL_PREFIX}FETCH": s.FETCH_KEY,
    f"{CREDENTIAL_PREFIX}FEEDBACK": s.FEEDBACK_KEY,
}
PATHS = {ExchangeKind.THREATEXCHANGE: "te", ExchangeKind.NCMEC: "hashsharing", ExchangeKind.STOPNCII: "ncii"}
PURPOSES: Mapping[ExchangeKind, Mapping[str, str]] = {
    ExchangeKind.THREATEXCHANGE: {"token": "TOKEN"},
    ExchangeKind.NCMEC: {"user": "USER", "password": "PASSWORD"},
    ExchangeKind.STOPNCII: {"subscription_key": "SUBSCRIPTION", "fetch_key": "FETCH", "feedback_key": "FEEDBACK"},
    ExchangeKind.FILES: {},
}


def pdq(number: int) -> str:
    """A hash with as many bits set as a picture's has."""
    return hashlib.sha256(f"picture {number}".encode()).hexdigest()


def an_exchange(
    kind: ExchangeKind,
    url: str,
    *,
    name: str = "shared",
    bank: str = "SHARED",
    write_back: bool = False,
    options: Mapping[str, str] | None = None,
) -> Exchange:
    given = dict(options or {})
    if kind is ExchangeKind.THREATEXCHANGE:
        given = {"privacy_group": s.GROUP, **given}
    return configured(
        Exchange(
            name=name,
            kind=kind,
            bank=bank,
            address=f"{url}/{PATHS[kind]}" if kind in PATHS else url,
            options=given,
            credentials={what: CREDENTIAL_PREFIX + variable for what, variable in PURPOSES[kind].items()},
            write_back=write_back,
        )
    )


def a_source(kind: ExchangeKind, url: str, *, clock: Clock = lambda: NOW, members: str = "") -> Source:
    options = {"members": members} if members else {}
    return open_source(an_exchange(kind, url, options=options), ENVIRONMENT, clock)


def pages(kind: ExchangeKind, url: str, position: Position | None = None, *, at: datetime = NOW) -> list[Page]:
    source = a_source(kind, url, clock=lambda: at)
    try:
        return list(source.fetch(position or {}))
    finally:
        source.close()


def items(fetched: list[Page]) -> dict[str, Item]:
    """The newest of each item."""
    return {item.id: item for page in fetched for item in page.items}
