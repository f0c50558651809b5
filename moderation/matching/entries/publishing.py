"""From the banks to a published index: when it is time, how it is built, and whether it is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Protocol

import numpy as np

from moderation.domain.bank import Bank, BankChange, BankEntry
from moderation.domain.errors import CorruptIndexError
from moderation.matching.entries.entry_facts import EntryFacts
from moderation.matching.entries.published_facts import described, mark_of, published
from moderation.matching.multi_index.file import IndexFile, check_length
from moderation.matching.multi_index.folder import current, pointed, publish
from moderation.matching.multi_index.layout import CODE_BYTES
from moderation.matching.multi_index.live import LiveIndex

PAGE = 10_000
FEWEST_CHANGES = 1_000
"""Fewer changes than this cost no search anything."""
SHARE_OF_CHANGES = 0.05
MOST_CHANGES = 100_000
"""So many hashes in memory cost each search about 0.1 ms."""
OLDEST = timedelta(days=1)
"""Changes are built in after this long, however few they are: a lane that starts reads what is newer one by one."""
SAMPLE = 200
SAMPLE_PAGE = 20


class Banks(Protocol):
    """What is read of the banks; `BankStore` is one."""

    def checkpoint(self) -> str:
        """The number of the newest change."""
        ...

    def pages(self, as_of: int, *, after: int = 0, limit: int = PAGE) -> list[BankEntry]:
        """Entries as of a change, numbered above `after`, by number; an empty page is the end."""
        ...

    def changes(self, after: int, *, limit: int = PAGE) -> list[BankChange]:
        """Up to `limit` changes after a number, in order."""
        ...

    def definitions(self, as_of: int) -> list[Bank]:
        """Every bank as of a change."""
        ...

    def banks(self) -> list[tuple[Bank, int]]:
        """Every bank with its number of entries."""
        ...


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was seen of a published index. `problems` is empty when it is right."""

    entries: int
    checkpoint: int
    sampled: int
    problems: tuple[str, ...]


def due(banks: Banks, folder: Path, *, now: datetime) -> str:
    """Why an index should be built now; "" when the current one will do.

    Of a new installation, when there are `FEWEST_CHANGES`; then when the changes since are a twentieth of all before
    (`FEWEST_CHANGES` to `MOST_CHANGES`), or older than a day; when CURRENT cannot be read or its file is cut off;
    and when it names a later change than the banks have, or a change that is another one there, as after a database was
    restored.
    """
    try:
        pointer = pointed(folder)
        if pointer is not None:
            check_length(folder / pointer.name)
        built_at = datetime.fromtimestamp((folder / pointer.name).stat().st_mtime, now.tzinfo) if pointer else now
    except (CorruptIndexError, OSError):
        return "the current index cannot be read"
    newest, built_to = int(banks.checkpoint()), pointer.checkpoint if pointer else 0
    changes = newest - built_to
    if changes < 0:
        return f"the index is of change {built_to}, the banks end at {newest}"
    if pointer is not None and _is_of_others(banks, folder):
        return f"the index is of other banks: change {built_to} is another"
    if changes >= min(max(FEWEST_CHANGES, SHARE_OF_CHANGES * built_to), MOST_CHANGES):
        return f"{changes} changes since it was built"
    return f"{changes} changes, and it is a day old" if changes and now - built_at > OLDEST else ""


def _is_of_others(banks: Banks, folder: Path) -> bool:
    """Whether the last change that the current index is built of is not the banks' own, or cannot be told."""
    try:
        found = current(folder)
        mark = "" if found is None else published(found).mark
    except CorruptIndexError:
        return True
    number = 0 if found is None else found.checkpoint
    last = banks.changes(number - 1, limit=1) if number else []
    return mark != mark_of(last[0] if last else None)


def publish_banks(banks: Banks, folder: Path, *, now: datetime) -> IndexFile:
    """Build the index of every entry as of the newest change, and publish it with what matching needs of each.

    Reads page by page, 100 bytes an entry. An index of a later change than the banks have is replaced: the database was
    restored. Raises what `publish` raises.
    """
    later = _built_to(folder)
    checkpoint = int(banks.checkpoint())
    facts, codes, after = EntryFacts(), bytearray(), 0
    while page := banks.pages(checkpoint, after=after, limit=PAGE):
        after = page[-1].number
        facts.put(page)
        codes += _code_bytes(page)
    last = banks.changes(checkpoint - 1, limit=1)[0] if checkpoint else None
    return publish(
        folder,
        np.frombuffer(codes, dtype=np.uint8).reshape(-1, CODE_BYTES),
        facts.numbers,
        checkpoint=checkpoint,
        now=now,
        replace_newer=later > checkpoint,
        described=described(facts, banks.definitions(checkpoint), last),
    )


def inspect(banks: Banks, folder: Path, *, random: Random) -> Inspection:
    """Read the whole current index, see that its digest and size are right, and search a random sample of entries."""
    try:
        found = current(folder)
    except CorruptIndexError as error:
        return Inspection(0, 0, 0, (error.message,))
    if found is None:
        return Inspection(0, 0, 0, ("No index was published.",))
    held = sum(size for _, size in banks.banks())
    since = int(banks.checkpoint()) - found.checkpoint
    problems = []
    if abs(held - len(found)) > since:
        problems.append(f"It has {len(found)} entries; the banks have {held}, after {since} changes.")
    sample = _sample(banks, found.checkpoint, random)
    lost = _lost(LiveIndex(found), sample)
    if lost:
        problems.append(f"Of {len(sample)} entries it does not find {len(lost)}, such as {lost[:5]}.")
    problems += _told_wrong(found, [entry for entry in sample if entry.number not in lost])
    return Inspection(len(found), found.checkpoint, len(sample), tuple(problems))


def _told_wrong(file: IndexFile, entries: Sequence[BankEntry]) -> list[str]:
    """What is wrong with what a file says of entries that it has."""
    try:
        facts = published(file).facts
    except CorruptIndexError as error:
        return [error.message]
    told = EntryFacts(banks=facts.banks)
    told.put(entries)
    numbers = np.array([entry.number for entry in entries], dtype=np.int64)
    return [] if facts.agree(told, numbers) else ["It says of entries what the banks do not."]


def _built_to(folder: Path) -> int:
    try:
        pointer = pointed(folder)
    except CorruptIndexError:
        return 0
    return pointer.checkpoint if pointer else 0


def _code_bytes(entries: Sequence[BankEntry]) -> bytes:
    """The codes of entries, one behind the other. One of another length is a broken database."""
    codes = bytes.fromhex("".join(entry.pdq for entry in entries))
    if len(codes) != CODE_BYTES * len(entries):
        raise ValueError("a banked hash is not 64 characters long")
    return codes


def _sample(banks: Banks, as_of: int, random: Random) -> list[BankEntry]:
    """Some entries behind random places."""
    starts = sorted(random.randrange(max(1, as_of)) for _ in range(SAMPLE // SAMPLE_PAGE))
    found = [entry for start in starts for entry in banks.pages(as_of, after=start, limit=SAMPLE_PAGE)]
    return list({entry.number: entry for entry in found}.values())


def _lost(index: LiveIndex, entries: Sequence[BankEntry]) -> list[int]:
    """The numbers of entries that a search for their hash does not find; of very many equal ones it finds others."""
    if not entries:
        return []
    codes = np.frombuffer(_code_bytes(entries), dtype=np.uint8).reshape(-1, CODE_BYTES)
    found = index.search(codes, 0)
    hits = set(zip(found.queries.tolist(), found.keys.tolist(), strict=True))
    return [
        entry.number
        for query, entry in enumerate(entries)
        if (query, entry.number) not in hits and not found.capped[query]
    ]
