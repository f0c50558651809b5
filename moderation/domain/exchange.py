"""Exchanges: sources of shared hashes, what they say of a picture and who says it, and what is told back to them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from moderation.domain.audit import Json
from moderation.domain.bank import Opinion
from moderation.domain.errors import InvalidInputError, ModerationError
from moderation.domain.ids import EntryId

CREDENTIAL_PREFIX = "EXCHANGE_"
"""Only variables of this name are read for exchanges: whoever may add one cannot have another secret sent to it."""
MAX_NAME_CHARS = 100
MAX_CATEGORY_CHARS = 100
MIN_EVERY_SECONDS = 60.0
DEFAULT_EVERY_SECONDS = 3600.0
OWN = "own"
"""The owner of this installation's opinions."""

MAX_REMOVALS = "max_removals"
"""The option of every kind that says how many items a fetch may remove unasked."""
FREE_REMOVALS = 100
FREE_SHARE = 0.1
FEW_REMOVALS = 5

MAX_KINDS = 50
OTHER_KINDS = "other"

_KIND = re.compile(r"(?![0-9A-Fa-f]{16})[A-Za-z][A-Za-z0-9_.-]{0,39}")
_VARIABLE = re.compile(rf"{CREDENTIAL_PREFIX}[A-Z0-9_]{{1,100}}")


class ExchangeKind(StrEnum):
    """The protocols that are spoken."""

    FILES = "files"
    THREATEXCHANGE = "threatexchange"
    NCMEC = "ncmec"
    STOPNCII = "stopncii"


class Outcome(StrEnum):
    """What a review of ours found of an entry: it matched, a person confirmed it, a person found it wrong."""

    SEEN = "seen"
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One source of hashes and the bank that they go into.

    `address` is a URL without credentials, or for files a path; `options` are the kind's own; `credentials` maps what
    the kind asks for to the name of the environment variable that holds it, never to the value. Nothing is told back
    unless `write_back` says so.
    """

    name: str
    kind: ExchangeKind
    bank: str
    address: str
    options: Mapping[str, str] = field(default_factory=dict)
    credentials: Mapping[str, str] = field(default_factory=dict)
    category: str = ""
    enabled: bool = True
    write_back: bool = False
    every_seconds: float = DEFAULT_EVERY_SECONDS


@dataclass(frozen=True, slots=True)
class OwnerOpinion:
    """What one member of an exchange says of one of its items."""

    owner: str
    opinion: Opinion
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """What an exchange says now under one of its identifiers; `deleted` ones say nothing any more.

    `id` is unique in the exchange and is not the hash. `pdq` is 64 lower-case hexadecimal characters, empty when
    deleted. `feedback` is what the protocol needs to be told of it later.
    """

    id: str
    pdq: str = field(default="", repr=False)
    quality: int = 100
    opinions: tuple[OwnerOpinion, ...] = ()
    category: str = ""
    note: str = ""
    feedback: Mapping[str, str] = field(default_factory=dict, repr=False)
    deleted: bool = False


Position: TypeAlias = Mapping[str, Json]
"""Where a fetch goes on, in the words of the kind; empty: from the beginning. Holds no secret."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was told and cannot be used: `unsupported` counts by type of hash, `malformed` are wrong by themselves."""

    unsupported: Mapping[str, int] = field(default_factory=dict)
    malformed: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Items in the order told, and the position after them; they are applied together or not at all.

    `complete`: there is nothing more for now. `full`: the page belongs to a pass that tells everything there is, which
    `begins` starts; what such a pass did not tell is gone when it is complete.
    """

    items: tuple[Item, ...]
    position: Position
    complete: bool = False
    full: bool = False
    begins: bool = False
    skipped: Skipped = field(default_factory=Skipped)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a page, or several, changed in the bank. `kept_out`: entries that somebody here had taken out stay out."""

    added: int = 0
    amended: int = 0
    removed: int = 0
    unchanged: int = 0
    kept_out: int = 0

    def __add__(self, other: "Applied") -> "Applied":
        """The sums."""
        return Applied(
            self.added + other.added,
            self.amended + other.amended,
            self.removed + other.removed,
            self.unchanged + other.unchanged,
            self.kept_out + other.kept_out,
        )


@dataclass(frozen=True, slots=True)
class ExchangeState:
    """An exchange and how its fetches went. `revision` changes with every page that is applied.

    `items` are those seen and not deleted; `removals_due` those that a full pass did not tell of and that wait for
    their removal; `unsupported` and `malformed` are of the pass that is under way or was the last.
    """

    exchange: Exchange
    position: Position
    revision: int = 0
    items: int = 0
    removals_due: int = 0
    unsupported: Mapping[str, int] = field(default_factory=dict)
    malformed: int = 0
    last_fetch_at: datetime | None = None
    last_success_at: datetime | None = None
    last_error_at: datetime | None = None
    last_error: str = ""
    failures: int = 0
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Feedback:
    """One result of a review on its way to an exchange; telling it twice says nothing new."""

    number: int
    exchange: str
    item: Item
    outcome: Outcome
    entry_id: EntryId | None
    attempt: int
    created_at: datetime


class ExchangeRefusedError(ModerationError):
    """The exchange answered and does not let us in, or does not take what was sent. Trying again changes nothing."""

    code = "exchange_refused"
    status = 502


class MalformedExchangeError(ModerationError):
    """What the exchange answered is not what its protocol says. `item` names the item, empty for the whole answer."""

    code = "exchange_malformed"
    status = 502

    def __init__(self, message: str, *, item: str = "", hint: str = "") -> None:
        super().__init__(f"{message} (item {item})" if item else message, hint=hint)
        self.item = item


def aggregate(opinions: Iterable[Opinion]) -> Opinion:
    """One opinion for many, whatever their order: negative beside any other is disputed, else the surest counts.

    No opinion at all is a seed: it never acts automatically. The rule is that of the field's exchanges
    (`AggregateSignalOpinion` of python-threatexchange).
    """
    said = set(opinions)
    if Opinion.DISPUTED in said or (Opinion.NEGATIVE in said and len(said) > 1):
        return Opinion.DISPUTED
    for opinion in (Opinion.NEGATIVE, Opinion.POSITIVE):
        if opinion in said:
            return opinion
    return Opinion.SEED


def free_removals(exchange: Exchange, items: int) -> int:
    """How many items a fetch may remove without a person, of an exchange that holds so many.

    Unless the exchange says otherwise a tenth of them, at most `FREE_REMOVALS`, and in any case `FEW_REMOVALS`: a
    source that was emptied by mistake, or taken over, does not empty a bank before somebody looks.
    """
    if MAX_REMOVALS in exchange.options:
        return int(exchange.options[MAX_REMOVALS])
    return max(FEW_REMOVALS, min(FREE_REMOVALS, int(items * FREE_SHARE)))


def kinds_counted(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """The sums by type of hash, of at most `MAX_KINDS` types.

    A type is a stranger's word that comes to be shown: whatever is no plain word, such as a hash in the wrong column,
    is counted as `OTHER_KINDS`.
    """
    sums = dict(counts)
    for word, count in more.items():
        usable = _KIND.fullmatch(word) and (word in sums or len(sums) < MAX_KINDS)
        kind = word if usable else OTHER_KINDS
        sums[kind] = sums.get(kind, 0) + count
    return sums


def check_exchange(exchange: Exchange) -> None:
    """Raise `InvalidInputError` for a configuration that is wrong whatever its kind."""
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9_.-]{{0,{MAX_NAME_CHARS - 1}}}", exchange.name):
        raise InvalidInputError(f"An exchange's name has 1 to {MAX_NAME_CHARS} letters, digits, dots, _ and -.")
    if not MIN_EVERY_SECONDS <= exchange.every_seconds < float("inf"):
        raise InvalidInputError(f"An exchange is fetched every {MIN_EVERY_SECONDS:g} seconds at the most.")
    if len(exchange.category) > MAX_CATEGORY_CHARS or not exchange.category.isprintable():
        raise InvalidInputError(f"A category has at most {MAX_CATEGORY_CHARS} printable characters.")
    for purpose, variable in exchange.credentials.items():
        if not _VARIABLE.fullmatch(variable):
            raise InvalidInputError(
                f"The credential {purpose!r} must name an environment variable {CREDENTIAL_PREFIX}….",
                hint="Put the secret into that variable; the configuration holds its name only.",
            )
