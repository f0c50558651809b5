"""How exchanges, their kinds and their fetches are given and printed."""

from collections.abc import Sequence

from moderation.domain.errors import InvalidInputError
from moderation.domain.exchange import ExchangeKind, ExchangeState, free_removals
from moderation.matching.exchanges.registry import SPECS
from moderation.screening.exchanges import FetchReport


def kind_facts(kind: ExchangeKind) -> dict[str, object]:
    """What a kind asks for."""
    spec = SPECS[kind]
    return {
        "kind": kind,
        "title": spec.title,
        "address": spec.address,
        "options": {option.name: option.help for option in spec.options},
        "credentials": {option.name: option.help for option in spec.credentials},
        "outcomes": sorted(spec.outcomes),
    }


def state_facts(state: ExchangeState) -> dict[str, object]:
    """An exchange's configuration and the state of its fetches; of credentials the variables' names."""
    times = {
        name: at.isoformat(timespec="seconds") if at else None
        for name, at in (
            ("last_fetch_at", state.last_fetch_at),
            ("last_success_at", state.last_success_at),
            ("last_error_at", state.last_error_at),
            ("due_at", state.due_at),
        )
    }
    exchange = state.exchange
    return {
        "name": exchange.name,
        "kind": exchange.kind,
        "bank": exchange.bank,
        "address": exchange.address,
        "options": dict(exchange.options),
        "credentials": dict(exchange.credentials),
        "category": exchange.category,
        "enabled": exchange.enabled,
        "write_back": exchange.write_back,
        "every_seconds": exchange.every_seconds,
        "items": state.items,
        "removals_due": state.removals_due,
        "free_removals": free_removals(exchange, state.items),
        "unsupported": dict(state.unsupported),
        "malformed": state.malformed,
        "failures": state.failures,
        "last_error": state.last_error,
        **times,
    }


def report_facts(report: FetchReport) -> dict[str, object]:
    """What a fetch did."""
    return {
        "exchange": report.exchange,
        "pages": report.pages,
        "items": report.items,
        "added": report.applied.added,
        "amended": report.applied.amended,
        "removed": report.applied.removed,
        "unchanged": report.applied.unchanged,
        "kept_out": report.applied.kept_out,
        "unsupported": dict(report.unsupported),
        "malformed": report.malformed,
        "withheld": report.withheld,
        "complete": report.complete,
    }


def sentence(report: FetchReport) -> str:
    """What a fetch did, for people."""
    applied = report.applied
    done = f"{report.exchange}: {report.items:,} items on {report.pages:,} pages; "
    done += f"{applied.added:,} entries added, {applied.amended:,} amended, {applied.removed:,} removed."
    for kind, count in sorted(report.unsupported.items()):
        done += f" {count:,} of the type {kind} cannot be used."
    if report.malformed:
        done += f" {report.malformed:,} are malformed."
    if report.withheld:
        done += f" {report.withheld:,} removals are withheld: look, then fetch with --allow-removals."
    return done if report.complete else done + " There is more: fetch again."


def pairs(given: Sequence[str] | None) -> dict[str, str]:
    """Options given as NAME=VALUE. Raises `InvalidInputError`."""
    parts = [item.partition("=") for item in given or ()]
    if not all(name and value for name, _, value in parts):
        raise InvalidInputError("Options and credentials are given as NAME=VALUE.")
    return {name: value for name, _, value in parts}
