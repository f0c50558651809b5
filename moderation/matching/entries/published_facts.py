"""What a published index file says beside the hashes: facts of its entries, the banks, and which history it is of."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from moderation.domain.bank import Bank, BankChange, BankEffect
from moderation.domain.errors import CorruptIndexError
from moderation.matching.entries.entry_facts import EntryFacts
from moderation.matching.multi_index.file import REBUILD, Described, IndexFile


class Published(NamedTuple):
    """What a file says; `mark` is that of the last change in it, "" where there was none."""

    facts: EntryFacts
    banks: Mapping[str, Bank]
    mark: str


def described(facts: EntryFacts, banks: Sequence[Bank], last: BankChange | None) -> Described:
    """What a file is to say: facts of the live entries, every bank, and the last change that it is built of.

    Raises `ValueError` when an entry's bank is not among them.
    """
    known = {bank.name: asdict(bank) for bank in banks}
    if unknown := [name for name in facts.banks if name not in known]:
        raise ValueError(f"entries of an unknown bank, {unknown[0]!r}")
    others = [name for name in known if name not in set(facts.banks)]
    text = {"banks": [known[name] for name in (*facts.banks, *others)], "last": mark_of(last)}
    return Described(facts.columns(), json.dumps(text, separators=(",", ":")).encode())


def published(file: IndexFile) -> Published:
    """What a file says. Raises `CorruptIndexError` when it says nothing, or no sense."""
    try:
        text = json.loads(file.described.text)
        banks = [Bank(**{**one, "effect": BankEffect(one["effect"])}) for one in text["banks"]]
        mark = str(text["last"])
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptIndexError(f"The index file {file.path.name} says nothing of the banks.", hint=REBUILD) from error
    records = file.described.facts.records
    whole = bool(records["live"].all()) and np.array_equal(records["number"], file.keys)
    if not whole or len(banks) <= records["bank"].max(initial=-1) or records["bank"].min(initial=0) < 0:
        raise CorruptIndexError(f"The index file {file.path.name} describes other entries.", hint=REBUILD)
    facts = EntryFacts(file.described.facts, [bank.name for bank in banks])
    return Published(facts, {bank.name: bank for bank in banks}, mark)


def mark_of(change: BankChange | None) -> str:
    """The SHA-256 of a change, in hexadecimal; "" for none.

    Changes have numbers without gaps and are never changed, and identifiers are random: of two databases that have the
    same change under one number, as where one was restored, all changes before are the same.
    """
    if change is None:
        return ""
    return hashlib.sha256(json.dumps(asdict(change), sort_keys=True, default=_text).encode()).hexdigest()


def _text(value: Any) -> Any:
    """What JSON has no word for: times, and read-only mappings."""
    return value.isoformat() if isinstance(value, datetime) else dict(value)
