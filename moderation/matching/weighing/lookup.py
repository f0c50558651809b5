"""Looking up one hash, as clients of the field's matching services do: no other views, no keypoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from moderation.domain.bank import Bank, BankEntry, Tier
from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.matching.entries.known_entries import KnownEntries
from moderation.matching.hashes.pdq import BITS, CODE_BYTES
from moderation.matching.hits import Hit, LookedUp
from moderation.matching.tiers import Facts, effect_of, tier_of, wanted_bits
from moderation.matching.weighing.candidates import search_all

MAX_QUALITY = 100


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is asked; see `Matcher.look_up`. Raises `InvalidInputError` for a wrong hash, quality, radius or limit."""

    code: NDArray[np.uint8]
    quality: int | None
    banks: frozenset[str]
    radius: int | None
    limit: int

    def __post_init__(self) -> None:
        """Refuse what cannot be looked up."""
        if self.code.shape != (CODE_BYTES,) or self.code.dtype != np.uint8:
            raise InvalidInputError(f"A PDQ hash is {CODE_BYTES} bytes.")
        if self.quality is not None and not 0 <= self.quality <= MAX_QUALITY:
            raise InvalidInputError(f"A PDQ quality is 0 to {MAX_QUALITY}.")
        if self.radius is not None and not 0 <= self.radius <= BITS:
            raise InvalidInputError(f"A distance is 0 to {BITS} bits.")
        if self.limit < 1:
            raise InvalidInputError("The limit is at least 1.")

    def among(self, banks: Mapping[str, Bank]) -> list[Bank]:
        """The enabled ones of the banks that are asked for. Raises `NotFoundError` for an unknown one."""
        if unknown := sorted(self.banks - banks.keys()):
            raise NotFoundError(f"There is no bank {unknown[0]!r}.")
        return [bank for name, bank in banks.items() if bank.enabled and (not self.banks or name in self.banks)]


class NearEntry(NamedTuple):
    """An entry by its number, how far it is, and in which tier it matches."""

    number: int
    bank: Bank
    distance_bits: int
    tier: Tier


@dataclass(frozen=True, slots=True)
class Near:
    """What a look-up found, before the entries are read."""

    found: tuple[NearEntry, ...]
    checkpoint: str
    capped: bool

    def answer(self, entries: Mapping[int, BankEntry]) -> LookedUp:
        """The answer, nearest first."""
        hits = tuple(
            Hit(one.bank, entries[one.number], one.distance_bits, one.tier, effect_of(one.bank, one.tier))
            for one in self.found
        )
        return LookedUp(hits, self.checkpoint, self.capped)


def look_up(asked: Lookup, known: KnownEntries, now: datetime) -> Near:
    """The entries near a hash in what is known."""
    banks = asked.among(known.banks)
    checkpoint = str(known.checkpoint)
    if not banks or not len(known.facts):
        return Near((), checkpoint, capped=False)
    radius = max(wanted_bits(bank) for bank in banks) if asked.radius is None else asked.radius
    near = search_all(known.index, asked.code[np.newaxis], radius)
    rows = known.facts.rows(near.keys)
    active = known.facts.active(rows, now)
    records = known.facts.records(rows[active])
    chosen = {bank.name: bank for bank in banks}
    named = [chosen.get(known.facts.banks[place]) for place in records["bank"]]
    found = _tiered(asked, records, near.distances[active], named)
    return Near(tuple(found[: asked.limit]), checkpoint, capped=len(found) > asked.limit)


def _tiered(
    asked: Lookup, records: NDArray[np.void], distances: NDArray[np.uint16], banks: Sequence[Bank | None]
) -> list[NearEntry]:
    quality = MAX_QUALITY if asked.quality is None else asked.quality
    found = []
    for record, distance, bank in zip(records, distances, banks, strict=True):
        if bank is None:
            continue
        facts = Facts(int(distance), quality, int(record["quality"]), trusted=bool(record["trusted"]))
        tier = tier_of(facts, bank)
        if tier is None and asked.radius is not None:
            tier = Tier.REVIEW
        if tier is not None:
            found.append(NearEntry(int(record["number"]), bank, int(distance), tier))
    return sorted(found, key=lambda one: (one.distance_bits, one.number))
