"""Exchanges and their items as domain values."""

import json
from collections.abc import Mapping

from moderation.domain.audit import Json, canonical_json
from moderation.domain.bank import Opinion
from moderation.domain.exchange import Exchange, ExchangeState, Item, OwnerOpinion
from moderation.storage.rows import AnyRow


def exchange_of(row: AnyRow) -> Exchange:
    """The configuration in a row of `exchanges`."""
    return Exchange(
        name=row.name,
        kind=row.kind,
        bank=row.bank,
        address=row.address,
        options=json.loads(row.options),
        credentials=json.loads(row.credentials),
        category=row.category,
        enabled=row.enabled,
        write_back=row.write_back,
        every_seconds=row.every_seconds,
    )


def state_of(row: AnyRow, *, items: int = 0, removals_due: int = 0) -> ExchangeState:
    """The exchange and its fetches in a row of `exchanges`."""
    return ExchangeState(
        exchange=exchange_of(row),
        position=json.loads(row.position),
        revision=row.revision,
        items=items,
        removals_due=removals_due,
        unsupported=json.loads(row.unsupported),
        malformed=row.malformed,
        last_fetch_at=row.last_fetch_at,
        last_success_at=row.last_success_at,
        last_error_at=row.last_error_at,
        last_error=row.last_error,
        failures=row.failures,
        due_at=row.due_at,
    )


def configuration_of(exchange: Exchange) -> dict[str, object]:
    """The columns of a configuration."""
    return {
        "name": exchange.name,
        "kind": exchange.kind,
        "bank": exchange.bank,
        "address": exchange.address,
        "options": canonical_json(dict(exchange.options)),
        "credentials": canonical_json(dict(exchange.credentials)),
        "category": exchange.category,
        "enabled": exchange.enabled,
        "write_back": exchange.write_back,
        "every_seconds": exchange.every_seconds,
    }


def item_columns(item: Item) -> dict[str, object]:
    """What a row of `exchange_items` keeps of what the exchange said."""
    said: list[Json] = [[one.owner, one.opinion.value, list(one.tags)] for one in item.opinions]
    return {
        "pdq": item.pdq,
        "quality": item.quality,
        "opinions": canonical_json(said),
        "category": item.category,
        "note": item.note,
        "feedback": canonical_json(dict(item.feedback)),
    }


def item_of(row: AnyRow) -> Item:
    """The item in a row of `exchange_items`."""
    said = json.loads(row.opinions)
    feedback: Mapping[str, str] = json.loads(row.feedback)
    return Item(
        id=row.item,
        pdq=row.pdq,
        quality=row.quality,
        opinions=tuple(OwnerOpinion(owner, Opinion(opinion), tuple(tags)) for owner, opinion, tags in said),
        category=row.category,
        note=row.note,
        feedback=feedback,
    )
