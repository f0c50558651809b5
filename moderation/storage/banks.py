"""Banks of known images, as a log of changes: every checkpoint that a verdict ever pinned can be rebuilt."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from moderation.domain.audit import Json
from moderation.domain.bank import Bank, BankChange, BankContents, BankEntry, EntryAmendment, EntryDraft
from moderation.domain.errors import ConflictError, NotFoundError
from moderation.domain.ids import EntryId
from moderation.storage import bank_adding, bank_delta, bank_entries, bank_keypoints, bank_log
from moderation.storage.bank_checks import check_amendment, check_bank
from moderation.storage.bank_log import Change
from moderation.storage.bank_rows import bank_payload, entry_payload, told
from moderation.storage.engine import Database

PAGE = 10_000
MAX_TOLD = 100
"""Entries that one audit event names; of more it tells the number."""


class BankStore:
    """The banks of one database. Every change is audited under its actor; the audit log holds no hashes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, bank: Bank, *, actor: str, now: datetime) -> Bank:
        """Add an empty bank. Raises `ConflictError` when the name is taken, `InvalidInputError` for a wrong value."""
        check_bank(bank)
        with self._database.write() as connection:
            bank_log.lock(connection)
            if bank_log.bank(connection, bank.name) is not None:
                raise ConflictError(f"There is a bank {bank.name!r} already.")
            _define(connection, "create", bank, actor=actor, now=now)
        return bank

    def update(self, bank: Bank, *, actor: str, now: datetime) -> Bank:
        """Replace everything of a bank but its name. Raises `NotFoundError`, `InvalidInputError` for a wrong value."""
        check_bank(bank)
        with self._database.write() as connection:
            bank_log.lock(connection)
            _existing(connection, bank.name)
            _define(connection, "update", bank, actor=actor, now=now)
        return bank

    def revise(self, name: str, revised: Callable[[Bank], Bank], *, actor: str, now: datetime) -> Bank:
        """Change some of a bank: nobody changes it between what `revised` is given and what it returns.

        Nothing is recorded where nothing changes. Raises `NotFoundError`, `InvalidInputError` for a wrong value.
        """
        with self._database.write() as connection:
            bank_log.lock(connection)
            before = _existing(connection, name)
            bank = replace(revised(before), name=before.name)
            check_bank(bank)
            if bank != before:
                _define(connection, "update", bank, actor=actor, now=now)
        return bank

    def delete_bank(self, name: str, *, actor: str, now: datetime) -> int:
        """Remove a bank and its entries, and return how many there were. Raises `NotFoundError`.

        Checkpoints from before still have it. Its name may be used again.
        """
        with self._database.write() as connection:
            bank_log.lock(connection)
            bank = _existing(connection, name)
            removed, before = 0, None
            while entries := bank_entries.newest_of(connection, name, before, PAGE):
                bank_adding.remove(connection, entries, actor=actor, now=now)
                removed, before = removed + len(entries), entries[-1].number
            bank_log.record(connection, [Change("delete", name, bank_payload(bank))], actor=actor, now=now)
            bank_log.tell(connection, "delete", name, {"removed": removed}, actor=actor, now=now)
        return removed

    def add(self, bank: str, draft: EntryDraft, *, actor: str, now: datetime) -> BankEntry:
        """Add a picture's hashes to a bank, and return its entry.

        A PDQ hash that the bank has already is not added again: what the draft says anew is merged into its entry, and
        recorded as an amendment if it changes anything. The draft's opinion replaces the entry's unless it is `KEEP`,
        and so do its note, category and dates where it has them; an expiry that has passed is cleared. Of two qualities
        the better one counts: an entry that was added with too low a one would never match. Secondary hashes and
        keypoints are stored where the entry has none. Provenances are united, the draft's words first; the actor is
        one of those who banked it. Source, time, number and a demotion stay.

        Raises `NotFoundError` for an unknown bank, `InvalidInputError` for a wrong value.
        """
        with self._database.write() as connection:
            bank_log.lock(connection)
            _existing(connection, bank)
            added = bank_adding.add(connection, bank, (draft,), actor=actor, now=now)
            entry = added.entries[0]
            if added.new or added.amended:
                _tell_state(connection, "add" if added.new else "amend", entry, actor=actor, now=now)
        return entry

    def add_many(
        self, bank: str, drafts: Iterable[EntryDraft], *, actor: str, now: datetime, brought: bool = False
    ) -> list[BankEntry]:
        """Add many pictures as `add` does, all or none, and return the entry of each, in order.

        Drafts are taken a chunk at a time, while others who change banks wait: have them at hand. On SQLite nobody else
        can write meanwhile (100,000 entries take seconds), so bring more than that in several calls. One audit event
        tells of them. `brought`: exchanges say so, and the actor stands for none of it.
        """
        with self._database.write() as connection:
            bank_log.lock(connection)
            _existing(connection, bank)
            added = bank_adding.add(connection, bank, drafts, actor=actor, now=now, brought=brought)
            if added.new or added.amended:
                facts: dict[str, Json] = {"added": added.new, "amended": added.amended, "given": len(added.entries)}
                if len(added.entries) <= MAX_TOLD:
                    facts["entries"] = [entry.id for entry in added.entries]
                bank_log.tell(connection, "add_many", bank, facts, actor=actor, now=now)
        return added.entries

    def amend(self, entry_id: EntryId, amendment: EntryAmendment, *, actor: str, now: datetime) -> BankEntry:
        """Change what is said of an entry, and return it; nothing is recorded where nothing changes.

        Raises `NotFoundError` when no bank has it, `InvalidInputError` for a wrong value.
        """
        check_amendment(amendment)
        with self._database.write() as connection:
            bank_log.lock(connection)
            before = _existing_entry(connection, entry_id)
            entry = amendment.applied(before)
            if entry != before:
                bank_log.record(connection, [bank_adding.state(entry, "amend")], actor=actor, now=now)
                _tell_state(connection, "amend", entry, actor=actor, now=now)
        return entry

    def remove(self, entry_id: EntryId, *, actor: str, now: datetime) -> BankEntry:
        """Take an entry out of its bank, and return it. Raises `NotFoundError` when no bank has it."""
        with self._database.write() as connection:
            bank_log.lock(connection)
            entry = _existing_entry(connection, entry_id)
            bank_adding.remove(connection, [entry], actor=actor, now=now)
            bank_log.tell(connection, "remove", entry.bank, {"entry": entry.id}, actor=actor, now=now)
        return entry

    def remove_many(self, entry_ids: Iterable[EntryId], *, actor: str, now: datetime) -> list[BankEntry]:
        """Take entries out, all or none, and return those that a bank had, by number; others are passed over.

        One audit event for each bank tells of them.
        """
        with self._database.write() as connection:
            bank_log.lock(connection)
            entries = bank_entries.by_id(connection, entry_ids)
            for some in bank_entries.chunks(entries):
                bank_adding.remove(connection, some, actor=actor, now=now)
            for bank in sorted({entry.bank for entry in entries}):
                gone: list[Json] = [entry.id for entry in entries if entry.bank == bank]
                facts: dict[str, Json] = {"removed": len(gone)}
                if len(gone) <= MAX_TOLD:
                    facts["entries"] = gone
                bank_log.tell(connection, "remove_many", bank, facts, actor=actor, now=now)
        return entries

    def banks(self) -> list[tuple[Bank, int]]:
        """Every bank with its number of entries, by name."""
        with self._database.snapshot() as connection:
            sizes = bank_entries.sizes(connection)
            return [(bank, sizes.get(bank.name, 0)) for bank in bank_log.banks(connection, None)]

    def definitions(self, as_of: int | None = None) -> list[Bank]:
        """Every bank as of a change (None: now), by name; cheaper than `banks`, which counts their entries."""
        with self._database.read() as connection:
            return bank_log.banks(connection, as_of)

    def bank(self, name: str) -> Bank:
        """The bank of that name. Raises `NotFoundError`."""
        with self._database.read() as connection:
            return _existing(connection, name)

    def entries(self, bank: str, limit: int = 100, *, before: int | None = None) -> list[BankEntry]:
        """Up to `limit` entries of a bank, newest first, numbered below `before`. Raises `NotFoundError`."""
        with self._database.snapshot() as connection:
            _existing(connection, bank)
            return bank_entries.newest_of(connection, bank, before, limit)

    def entry(self, entry_id: EntryId) -> BankEntry:
        """The entry. Raises `NotFoundError` when no bank has it."""
        with self._database.snapshot() as connection:
            return _existing_entry(connection, entry_id)

    def entries_by_number(self, numbers: Iterable[int], *, as_of: int | None = None) -> dict[int, BankEntry]:
        """Those of the entries that a bank has as of a change (None: now), by number."""
        with self._database.snapshot() as connection:
            return bank_entries.by_number(connection, numbers, as_of)

    def find(self, pdq: str) -> list[BankEntry]:
        """The entries of every bank that have exactly this PDQ hash (64 hexadecimal characters), oldest first."""
        with self._database.snapshot() as connection:
            return bank_entries.everywhere(connection, pdq.lower())

    def keypoints(self, entry_ids: Iterable[EntryId]) -> dict[EntryId, bytes]:
        """The packed keypoints of those of the entries that have some now."""
        with self._database.read() as connection:
            return bank_keypoints.read(connection, entry_ids)

    def with_keypoints(self) -> dict[str, int]:
        """How many entries have keypoints, by bank; banks without any are absent."""
        with self._database.read() as connection:
            return bank_keypoints.sizes(connection)

    def checkpoint(self) -> str:
        """The number of the newest change, "0" when there was none."""
        with self._database.read() as connection:
            return str(bank_log.newest(connection))

    def changes(self, after: int, *, limit: int = PAGE, until: int | None = None) -> list[BankChange]:
        """Up to `limit` changes numbered above `after` (and at most `until`), in order.

        Cheap when there are none. Numbers have no gaps, and one that can be read is never followed by a lower one that
        appears later.
        """
        with self._database.read() as connection:
            return bank_delta.changes(connection, after, until, limit)

    def pages(self, as_of: int, *, after: int = 0, limit: int = PAGE) -> list[BankEntry]:
        """Up to `limit` entries as of a change, numbered above `after`, by number; an empty page is the end."""
        with self._database.snapshot() as connection:
            return bank_entries.page(connection, as_of, after, limit)

    def contents(self, as_of: str | None = None) -> BankContents:
        """Every bank, by name, and entry, oldest first, as of a checkpoint (None: now), all in memory.

        Raises `NotFoundError` for a checkpoint that never was.
        """
        with self._database.snapshot() as connection:
            newest = bank_log.newest(connection)
            number = newest if as_of is None else _number(as_of)
            if number > newest:
                raise NotFoundError(f"The banks have no checkpoint {as_of}.")
            banks = tuple(bank_log.banks(connection, number))
            return BankContents(str(number), banks, tuple(bank_entries.everything(connection, number)))


class PinnedBanks:
    """The banks as of one checkpoint, whatever was changed since: what a replay matches against."""

    def __init__(self, banks: BankStore, checkpoint: str) -> None:
        self._banks = banks
        self._checkpoint = checkpoint

    def checkpoint(self) -> str:
        """The one checkpoint."""
        return self._checkpoint

    def contents(self, as_of: str | None = None) -> BankContents:
        """See `BankStore.contents`; None means the one checkpoint."""
        return self._banks.contents(self._checkpoint if as_of is None else as_of)

    def changes(self, after: int, *, limit: int = PAGE) -> list[BankChange]:
        """See `BankStore.changes`; none after the one checkpoint."""
        return self._banks.changes(after, limit=limit, until=_number(self._checkpoint))

    def entries_by_number(self, numbers: Iterable[int]) -> dict[int, BankEntry]:
        """See `BankStore.entries_by_number`; as of the one checkpoint."""
        return self._banks.entries_by_number(numbers, as_of=_number(self._checkpoint))

    def keypoints(self, entry_ids: Iterable[EntryId]) -> dict[EntryId, bytes]:
        """See `BankStore.keypoints`: those of entries that were removed since are gone."""
        return self._banks.keypoints(entry_ids)


def _define(connection: Connection, operation: bank_log.Operation, bank: Bank, *, actor: str, now: datetime) -> None:
    payload = bank_payload(bank)
    bank_log.record(connection, [Change(operation, bank.name, payload)], actor=actor, now=now)
    bank_log.tell(connection, operation, bank.name, payload, actor=actor, now=now)


def _tell_state(connection: Connection, what: str, entry: BankEntry, *, actor: str, now: datetime) -> None:
    facts = {**told(entry_payload(entry)), "entry": entry.id}
    bank_log.tell(connection, what, entry.bank, facts, actor=actor, now=now)


def _existing(connection: Connection, name: str) -> Bank:
    bank = bank_log.bank(connection, name)
    if bank is None:
        raise NotFoundError(f"There is no bank {name!r}.", hint="Create it first.")
    return bank


def _existing_entry(connection: Connection, entry_id: EntryId) -> BankEntry:
    entry = bank_entries.entry(connection, entry_id)
    if entry is None:
        raise NotFoundError(f"No bank has an entry {entry_id}.")
    return entry


def _number(checkpoint: str) -> int:
    if not (checkpoint.isascii() and checkpoint.isdigit() and len(checkpoint) < len(str(2**63))):
        raise NotFoundError(f"{checkpoint!r} is not a checkpoint of the banks.")
    return int(checkpoint)
