"""The explicit list of kinds, and how one is opened: its credentials are read from the environment here alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NoReturn

from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.domain.exchange import (
    CREDENTIAL_PREFIX,
    FEW_REMOVALS,
    FREE_REMOVALS,
    MAX_REMOVALS,
    Exchange,
    ExchangeKind,
    check_exchange,
)
from moderation.matching.exchanges import files, ncmec, reading, stopncii, threatexchange
from moderation.matching.exchanges.source import Clock, KindSpec, Opening, Option, Source
from moderation.matching.exchanges.wire import checked

MAX_ITEMS = Option("max_items", "how many items it may tell before it is stopped: 5000000 unless set")
REMOVALS = Option(
    MAX_REMOVALS,
    f"how many items a fetch may remove unasked: unless set a tenth of what it holds, at most {FREE_REMOVALS}, or "
    f"{FEW_REMOVALS} of a few",
)
"""Every kind has both."""

_KINDS: Mapping[ExchangeKind, KindSpec] = MappingProxyType(
    {
        ExchangeKind.FILES: files.SPEC,
        ExchangeKind.THREATEXCHANGE: threatexchange.SPEC,
        ExchangeKind.NCMEC: ncmec.SPEC,
        ExchangeKind.STOPNCII: stopncii.SPEC,
    }
)
SPECS: Mapping[ExchangeKind, KindSpec] = MappingProxyType(
    {kind: replace(spec, options=(*spec.options, MAX_ITEMS, REMOVALS)) for kind, spec in _KINDS.items()}
)

_SOURCES: Mapping[ExchangeKind, Callable[[Opening], Source]] = MappingProxyType(
    {
        ExchangeKind.FILES: files.Files,
        ExchangeKind.THREATEXCHANGE: threatexchange.ThreatExchange,
        ExchangeKind.NCMEC: ncmec.Ncmec,
        ExchangeKind.STOPNCII: stopncii.StopNcii,
    }
)


def configured(exchange: Exchange) -> Exchange:
    """The configuration with its kind's defaults, checked without reading a credential. Raises `InvalidInputError`."""
    spec = SPECS[exchange.kind]
    made = replace(exchange, address=exchange.address or spec.address)
    check_exchange(made)
    _check_names("option", made.options, {option.name: option.required for option in spec.options})
    _check_names("credential", made.credentials, {option.name: option.required for option in spec.credentials})
    for option in (MAX_ITEMS, REMOVALS):
        if option.name in made.options and not reading.is_number(made.options[option.name]):
            raise InvalidInputError(f"The option {option.name} is a number.")
    if made.write_back and not spec.outcomes:
        raise InvalidInputError(f"An exchange of kind {made.kind} cannot be told anything back.")
    if spec.credentials:
        checked(made.address)
    placeholders = {option.name: "-" for option in spec.credentials}
    _SOURCES[made.kind](Opening(made, placeholders, _no_clock)).close()
    return made


def open_source(exchange: Exchange, environment: Mapping[str, str], clock: Clock) -> Source:
    """The exchange, ready to fetch. Raises `UnavailableError` naming each variable that is not set."""
    secrets = {purpose: environment.get(variable, "") for purpose, variable in exchange.credentials.items()}
    missing = [variable for purpose, variable in exchange.credentials.items() if not secrets[purpose].strip()]
    if missing:
        raise UnavailableError(
            f"The exchange {exchange.name!r} needs {', '.join(missing)} in the environment.",
            hint="Set it where the fetch runs; it is not stored anywhere.",
        )
    secrets = {purpose: value.strip() for purpose, value in secrets.items()}
    if not all(value.isascii() and value.isprintable() for value in secrets.values()):
        raise InvalidInputError(f"A credential of the exchange {exchange.name!r} has characters that cannot be sent.")
    return _SOURCES[exchange.kind](Opening(exchange, secrets, clock))


def _check_names(what: str, given: Mapping[str, str], known: Mapping[str, bool]) -> None:
    unknown = sorted(set(given) - set(known))
    missing = sorted(name for name, required in known.items() if required and not given.get(name))
    if unknown:
        raise InvalidInputError(
            f"The kind knows no {what} {', '.join(unknown)}.", hint=f"It knows: {', '.join(known) or 'none'}."
        )
    if missing:
        hint = f"Name variables {CREDENTIAL_PREFIX}…" if what == "credential" else ""
        raise InvalidInputError(f"The kind needs the {what} {', '.join(missing)}.", hint=hint)


def _no_clock() -> NoReturn:
    raise AssertionError("nothing is fetched while a configuration is checked")
