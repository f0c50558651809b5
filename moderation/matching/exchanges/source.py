"""What every kind of exchange is to the rest: pages from a position on, and perhaps somebody to tell."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from moderation.domain.exchange import Exchange, Feedback, Outcome, Page, Position

Clock: TypeAlias = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Option:
    """One option or credential of a kind. `help` is printed by `moderation exchange kinds`."""

    name: str
    help: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class KindSpec:
    """What a kind is and asks for. `address` is where it is by default, empty where there is no such place.

    `outcomes` are the results of reviews that its protocol can be told; empty: none.
    """

    title: str
    address: str = ""
    address_help: str = ""
    options: tuple[Option, ...] = ()
    credentials: tuple[Option, ...] = ()
    outcomes: frozenset[Outcome] = frozenset()


class Source(Protocol):
    """One opened exchange. Errors name no credential and no hash."""

    def fetch(self, position: Position) -> Iterator[Page]:
        """Pages from a position on, the last one complete; each page's position is where to go on after it.

        Raises `UnavailableError` when trying again can help, `ExchangeRefusedError` when it cannot, and
        `MalformedExchangeError` for a page that is not as the protocol says: nothing of that page is to be used.
        """
        ...

    def tell(self, feedback: Feedback) -> None:
        """Tell the exchange a result of ours; told twice it says nothing new. Raises as `fetch` does."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True)
class Opening:
    """What a source is made of: its configuration, the values of its credentials, and the time."""

    exchange: Exchange
    secrets: Mapping[str, str] = field(repr=False)
    clock: Clock

    @property
    def address(self) -> str:
        """The configured address."""
        return self.exchange.address

    def option(self, name: str, default: str = "") -> str:
        """An option, or the default when it is not set."""
        return self.exchange.options.get(name, "") or default

    def epoch(self) -> int:
        """The time, in whole seconds since 1970."""
        return int(self.clock().timestamp())
