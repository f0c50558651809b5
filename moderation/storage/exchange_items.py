"""What exchanges say, brought into the banks inside the caller's transaction.

A bank has one entry for a hash, whoever says it: its opinion is that of all owners of all items of all exchanges that
fill the bank, and ours. An entry that a person made is left as it is; one that a person took out stays out.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from moderation.domain.bank import KEEP, BankEntry, EntryDraft, Opinion
from moderation.domain.exchange import Applied, Item, aggregate
from moderation.storage import bank_entries
from moderation.storage.bank_entries import CHUNK, chunks
from moderation.storage.bank_rows import EXCHANGE
from moderation.storage.banks import BankStore
from moderation.storage.exchange_rows import item_columns, item_of
from moderation.storage.joined import JoinedTransaction
from moderation.storage.rows import AnyRow
from moderation.storage.tables import exchange_items, exchanges

GONE = -1
"""The `seen_pass` of an item that the exchange took back; it stands until it is swept."""
KEPT = -2
"""The `seen_pass` of a row that is no item but what we said of a hash that is gone and may come again."""


@dataclass(slots=True)
class Touched:
    """Hashes whose items changed; `unchanged` counts items that said the same.

    `before` is what all items of a hash said together, where some said anything: an entry that a person amended is
    brought in line only when that changes.
    """

    pdqs: set[str] = field(default_factory=set)
    before: dict[str, Opinion] = field(default_factory=dict)
    unchanged: int = 0


def store(connection: Connection, exchange: str, items: Sequence[Item], *, pass_number: int, now: datetime) -> Touched:
    """Write what items say now, and tell which hashes that touches."""
    touched = Touched()
    for some in chunks(items, CHUNK):
        _store_some(connection, exchange, some, touched, pass_number=pass_number, now=now)
    return touched


def _store_some(
    connection: Connection, exchange: str, items: Sequence[Item], touched: Touched, *, pass_number: int, now: datetime
) -> None:
    mine = exchange_items.c.exchange == exchange
    query = select(exchange_items).where(mine, exchange_items.c.item.in_([item.id for item in items]))
    known = {row.item: row for row in connection.execute(query)}
    gone = [item.id for item in items if item.deleted and item.id in known]
    if gone:
        taken_back = update(exchange_items).where(mine, exchange_items.c.item.in_(gone))
        connection.execute(taken_back.values(seen_pass=GONE))
    told = [item for item in items if not item.deleted]
    _remember(connection, exchange, [*(item.pdq for item in told), *(row.pdq for row in known.values())], touched)
    new: list[dict[str, object]] = []
    same: list[str] = []
    for item in told:
        row = known.get(item.id)
        if row is not None and item_of(row) == item:
            same.append(item.id)
            continue
        values = {**item_columns(item), "seen_pass": pass_number, "updated_at": now}
        touched.pdqs.add(item.pdq)
        if row is None:
            new.append({"exchange": exchange, "item": item.id, "own": None, "entry_id": None, **values})
            continue
        if row.pdq != item.pdq:
            touched.pdqs.add(row.pdq)
            _keep_own(connection, row)
            values |= {"entry_id": None, "own": None}
        connection.execute(update(exchange_items).where(mine, exchange_items.c.item == item.id).values(**values))
    touched.unchanged += len(same)
    if same:
        seen = update(exchange_items).where(mine, exchange_items.c.item.in_(same))
        connection.execute(seen.where(exchange_items.c.seen_pass != pass_number).values(seen_pass=pass_number))
    if new:
        connection.execute(insert(exchange_items), new)


def forget(
    connection: Connection, exchange: str, rows: Sequence[AnyRow], touched: Touched, *, keep_own: bool = True
) -> None:
    """Delete rows of items that are gone, but for what we said of them."""
    _remember(connection, exchange, [row.pdq for row in rows], touched)
    touched.pdqs.update(row.pdq for row in rows)
    if rows:
        gone = and_(exchange_items.c.exchange == exchange, exchange_items.c.item.in_([row.item for row in rows]))
        connection.execute(delete(exchange_items).where(gone))
    for row in rows if keep_own else ():
        _keep_own(connection, row)


def _keep_own(connection: Connection, row: AnyRow) -> None:
    """An exchange that takes a hash back and tells it anew does not undo our dispute."""
    if row.own is None:
        return
    key = f"own:{hashlib.sha256(row.pdq.encode()).hexdigest()[:32]}"
    kept = and_(exchange_items.c.exchange == row.exchange, exchange_items.c.item == key)
    connection.execute(delete(exchange_items).where(kept))
    nothing = Item(key, row.pdq, 0)
    facts = {"own": row.own, "entry_id": None, "seen_pass": KEPT, "updated_at": row.updated_at}
    connection.execute(insert(exchange_items).values(exchange=row.exchange, item=key, **item_columns(nothing), **facts))


def _remember(connection: Connection, exchange: str, pdqs: Sequence[str], touched: Touched) -> None:
    """Note what is said of hashes before it changes."""
    bank = connection.execute(select(exchanges.c.bank).where(exchanges.c.name == exchange)).scalar_one()
    for some in chunks(sorted(set(pdqs) - touched.before.keys()), CHUNK):
        for pdq, said in _by_hash(connection, bank, some).items():
            touched.before[pdq] = _opinion(said)


def reconcile(connection: Connection, bank: str, touched: Touched, *, actor: str, now: datetime) -> Applied:
    """Bring the bank's entries for the touched hashes in line with what all exchanges of the bank say."""
    banks = BankStore(JoinedTransaction(connection))
    applied = Applied(unchanged=touched.unchanged)
    for some in chunks(sorted(touched.pdqs), CHUNK):
        rows = _by_hash(connection, bank, some)
        entries = bank_entries.with_hashes(connection, bank, some)
        applied += _bring(connection, banks, bank, _wanted(rows, entries, touched.before), rows, actor=actor, now=now)
        applied += Applied(kept_out=sum(pdq in rows and pdq not in entries and _taken_out(rows[pdq]) for pdq in some))
        gone = [entries[pdq].id for pdq in some if pdq not in rows and pdq in entries and _brought(entries[pdq])]
        if gone:
            applied += Applied(removed=len(banks.remove_many(gone, actor=actor, now=now)))
    return applied


def standing_for(connection: Connection, bank: str, pdq: str) -> list[str]:
    """The exchanges that fill the bank and tell this hash, by name."""
    query = (
        select(exchanges.c.name)
        .join(exchange_items, exchanges.c.name == exchange_items.c.exchange)
        .where(exchanges.c.bank == bank, exchange_items.c.pdq == pdq, exchange_items.c.seen_pass != KEPT)
    )
    return list(connection.execute(query.distinct().order_by(exchanges.c.name)).scalars())


def _by_hash(connection: Connection, bank: str, pdqs: Sequence[str]) -> dict[str, list[AnyRow]]:
    """The items of every exchange of the bank, by hash, in a fixed order; then what we said of it, where it has any."""
    query = (
        select(exchange_items, exchanges.c.category.label("bank_category"))
        .join(exchanges, exchanges.c.name == exchange_items.c.exchange)
        .where(exchanges.c.bank == bank, exchange_items.c.pdq.in_(pdqs))
        .order_by(exchange_items.c.seen_pass == KEPT, exchange_items.c.exchange, exchange_items.c.item)
    )
    found: dict[str, list[AnyRow]] = {}
    for row in connection.execute(query):
        if row.seen_pass != KEPT or row.pdq in found:
            found.setdefault(row.pdq, []).append(row)
    return found


def _wanted(
    rows: Mapping[str, list[AnyRow]], entries: Mapping[str, BankEntry], before: Mapping[str, Opinion]
) -> list[EntryDraft]:
    """Drafts for hashes whose entry is missing or says something else; not for entries that people made or took out.

    What people amended stays: an opinion while the exchanges say what they said before, an expiry in any case. A better
    quality alone is worth a draft: an entry with less than its bank asks for never acts.
    """
    drafts = []
    for pdq, said in rows.items():
        entry = entries.get(pdq)
        if (entry is None and _taken_out(said)) or (entry is not None and entry.source != EXCHANGE):
            continue
        draft = draft_of(said)
        if entry is None:
            drafts.append(draft)
            continue
        says = before.get(pdq) != draft.opinion and entry.opinion != draft.opinion
        differs = says or (draft.category and entry.category != draft.category)
        if differs or draft.quality > entry.quality:
            kept = replace(draft, opinion=draft.opinion if says else KEEP, expires_at=entry.expires_at)
            drafts.append(kept if differs else replace(kept, note=""))
    return drafts


def _opinion(rows: Iterable[AnyRow]) -> Opinion:
    """What all owners of all items say, and we."""
    said = list(rows)
    opinions = [one.opinion for row in said for one in item_of(row).opinions]
    return aggregate([*opinions, *(row.own for row in said if row.own is not None)])


def draft_of(rows: Sequence[AnyRow]) -> EntryDraft:
    """One entry for every item of a hash: the best quality, one opinion for all, the first that has a word."""
    said = [row for row in rows if row.seen_pass != KEPT]
    items = [item_of(row) for row in said]
    categories = [item.category or row.bank_category for item, row in zip(items, said, strict=True)]
    return EntryDraft(
        pdq=items[0].pdq,
        quality=max(item.quality for item in items),
        source=EXCHANGE,
        note=next((item.note for item in items if item.note), ""),
        category=next((category for category in categories if category), ""),
        opinion=_opinion(rows),
        provenance={"exchange": rows[0].exchange, "id": items[0].id},
    )


def _bring(
    connection: Connection,
    banks: BankStore,
    bank: str,
    drafts: Sequence[EntryDraft],
    rows: Mapping[str, list[AnyRow]],
    *,
    actor: str,
    now: datetime,
) -> Applied:
    known = set(bank_entries.with_hashes(connection, bank, [draft.pdq for draft in drafts]))
    if drafts:
        banks.add_many(bank, drafts, actor=actor, now=now, brought=True)
    _bind(connection, bank, rows)
    return Applied(added=len(drafts) - len(known), amended=len(known))


def _bind(connection: Connection, bank: str, rows: Mapping[str, list[AnyRow]]) -> None:
    """Write the entry of each hash to the items that have none: the live one, or the one that somebody took out."""
    lone = {
        pdq: said for pdq, said in rows.items() if any(row.entry_id is None and row.seen_pass != KEPT for row in said)
    }
    live = bank_entries.with_hashes(connection, bank, list(lone))
    former = {pdq: next((row.entry_id for row in said if row.entry_id), None) for pdq, said in lone.items()}
    bound = [
        {"by_exchange": row.exchange, "by_item": row.item, "to": live[pdq].id if pdq in live else former[pdq]}
        for pdq, said in lone.items()
        for row in said
        if row.entry_id is None and row.seen_pass != KEPT
    ]
    if bound:
        own = and_(exchange_items.c.exchange == bindparam("by_exchange"), exchange_items.c.item == bindparam("by_item"))
        connection.execute(update(exchange_items).where(own).values(entry_id=bindparam("to")), bound)


def _taken_out(rows: Iterable[AnyRow]) -> bool:
    """Whether the hash had an entry once."""
    return any(row.entry_id is not None for row in rows)


def _brought(entry: BankEntry) -> bool:
    """Whether nobody but exchanges stands for the entry."""
    return not entry.banked_by
