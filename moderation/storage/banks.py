"""Banks of known images, as a log of changes: every checkpoint that a verdict ever pinned can be rebuilt."""

from datetime import datetime

from moderation.domain.audit import Json
from moderation.domain.bank import MAX_DISTANCE_BITS, Bank, BankContents, BankEntry
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.domain.ids import EntryId, new_id
from moderation.storage import bank_log
from moderation.storage.bank_log import Change
from moderation.storage.engine import Database

MAX_QUALITY = 100
MAX_NAME_CHARS = 100
PDQ_CHARS = 64


class BankStore:
    """The banks of one database. Every change is audited under its actor."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, bank: Bank, *, actor: str, now: datetime) -> Bank:
        """Add an empty bank. Raises `ConflictError` when the name is taken, `InvalidInputError` for a wrong value."""
        _check_bank(bank)
        with self._database.write() as connection:
            bank_log.lock(connection)
            if bank_log.bank(connection, bank.name) is not None:
                raise ConflictError(f"There is a bank {bank.name!r} already.")
            bank_log.record(connection, Change("create", bank.name, bank_log.bank_payload(bank)), actor=actor, now=now)
        return bank

    def update(self, bank: Bank, *, actor: str, now: datetime) -> Bank:
        """Replace a bank's effect, distance, quality floor and description. Raises `NotFoundError`."""
        _check_bank(bank)
        with self._database.write() as connection:
            bank_log.lock(connection)
            if bank_log.bank(connection, bank.name) is None:
                raise _no_bank(bank.name)
            bank_log.record(connection, Change("update", bank.name, bank_log.bank_payload(bank)), actor=actor, now=now)
        return bank

    def add(  # noqa: PLR0913 - one keyword for each fact of an entry
        self,
        bank: str,
        pdq: str,
        quality: int,
        *,
        source: str,
        note: str,
        category: str,
        actor: str,
        now: datetime,
    ) -> BankEntry:
        """Add a picture's hash (64 hexadecimal characters) and quality (0 to 100) to a bank.

        A hash that the bank has already is not added again: its entry is returned. Raises `NotFoundError` for an
        unknown bank, `InvalidInputError` for a wrong value.
        """
        pdq = pdq.lower()
        _check_hash(pdq, quality)
        payload: dict[str, Json] = {"quality": quality, "source": source, "note": note, "category": category}
        with self._database.write() as connection:
            bank_log.lock(connection)
            if bank_log.bank(connection, bank) is None:
                raise _no_bank(bank)
            known = bank_log.entry_with(connection, bank, pdq)
            if known is not None:
                return known
            entry_id = EntryId(new_id(now))
            bank_log.record(connection, Change("add", bank, payload, entry_id, pdq), actor=actor, now=now)
        return BankEntry(entry_id, bank, pdq, quality, now, source, note, category)

    def remove(self, entry_id: EntryId, *, actor: str, now: datetime) -> BankEntry:
        """Take an entry out of its bank, and return it. Raises `NotFoundError` when no bank has it."""
        with self._database.write() as connection:
            bank_log.lock(connection)
            entry = bank_log.entry(connection, entry_id)
            if entry is None:
                raise NotFoundError(f"No bank has an entry {entry_id}.")
            bank_log.record(connection, Change("remove", entry.bank, {}, entry_id, entry.pdq), actor=actor, now=now)
        return entry

    def banks(self) -> list[tuple[Bank, int]]:
        """Every bank with its number of entries, by name."""
        with self._database.snapshot() as connection:
            sizes = bank_log.sizes(connection)
            return [(bank, sizes.get(bank.name, 0)) for bank in bank_log.banks(connection, None)]

    def entries(self, bank: str, limit: int = 100) -> list[BankEntry]:
        """Up to `limit` entries of a bank, newest first. Raises `NotFoundError` for an unknown bank."""
        with self._database.snapshot() as connection:
            if bank_log.bank(connection, bank) is None:
                raise _no_bank(bank)
            return bank_log.entries(connection, bank=bank, limit=limit)

    def checkpoint(self) -> str:
        """The number of the newest change, "0" when there was none."""
        with self._database.read() as connection:
            return str(bank_log.newest(connection))

    def contents(self, as_of: str | None = None) -> BankContents:
        """Every bank, by name, and entry, oldest first, as of a checkpoint (None: now).

        Raises `NotFoundError` for a checkpoint that never was.
        """
        with self._database.snapshot() as connection:
            newest = bank_log.newest(connection)
            number = newest if as_of is None else _number(as_of)
            if number > newest:
                raise NotFoundError(f"The banks have no checkpoint {as_of}.")
            banks = tuple(bank_log.banks(connection, number))
            return BankContents(str(number), banks, tuple(bank_log.entries(connection, as_of=number)))


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


def _check_bank(bank: Bank) -> None:
    if not bank.name.isprintable() or bank.name != bank.name.strip() or not 0 < len(bank.name) <= MAX_NAME_CHARS:
        raise InvalidInputError(f"A bank's name has 1 to {MAX_NAME_CHARS} printable characters.")
    if not 0 <= bank.distance_bits <= MAX_DISTANCE_BITS:
        raise InvalidInputError(f"A bank's distance is 0 to {MAX_DISTANCE_BITS} bits.")
    if not 0 <= bank.min_quality <= MAX_QUALITY:
        raise InvalidInputError(f"A bank's lowest quality is 0 to {MAX_QUALITY}.")


def _check_hash(pdq: str, quality: int) -> None:
    if len(pdq) != PDQ_CHARS or not set(pdq) <= set("0123456789abcdef"):
        raise InvalidInputError(f"A PDQ hash is {PDQ_CHARS} hexadecimal characters.")
    if not 0 <= quality <= MAX_QUALITY:
        raise InvalidInputError(f"A PDQ quality is 0 to {MAX_QUALITY}.")


def _number(checkpoint: str) -> int:
    if not (checkpoint.isascii() and checkpoint.isdigit() and len(checkpoint) < len(str(2**63))):
        raise NotFoundError(f"{checkpoint!r} is not a checkpoint of the banks.")
    return int(checkpoint)


def _no_bank(name: str) -> NotFoundError:
    return NotFoundError(f"There is no bank {name!r}.", hint="Create it first.")
