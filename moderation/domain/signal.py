"""Signals: what a signal type declares, and the only three things that measuring can result in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from moderation.domain.ids import Digest

Value: TypeAlias = float | int | bool | str | None


class ColumnKind(StrEnum):
    """The type of a policy column."""

    FLOAT = "float"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"


class Surface(StrEnum):
    """The part of a post that a signal looks at."""

    IMAGE = "image"
    CAPTION = "caption"
    PROMPT = "prompt"
    PICTURE_TEXT = "picture_text"
    """Text found in the picture."""
    POST = "post"


@dataclass(frozen=True, slots=True)
class Column:
    """One named value that policy conditions may read.

    `low` and `high` bound numeric columns (None: unbounded); `choices` lists every value a text column can take
    (empty: any). `nullable` columns can be unknown although the signal succeeded, e.g. an author's age.
    `recommended` maps a use ("high precision", "high recall") to a threshold of this column.
    """

    name: str
    kind: ColumnKind
    description: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    nullable: bool = False
    recommended: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignalSpec:
    """What a signal type says of itself. `version` changes whenever its results may change.

    `cost_ms` is a typical time per post on one core; `models` names the model store entries it loads;
    `time_limit_s` bounds one batch; `recommended` maps a use ("high precision", "high recall") to a threshold, for
    columns that say nothing themselves. `needs` names the signals that run before, whose results it sees in
    `Subject.earlier`. `languages` are ISO 639 codes of the texts that it understands (empty: language plays no part).
    """

    name: str
    version: str
    surface: Surface
    description: str
    columns: tuple[Column, ...]
    cost_ms: float
    time_limit_s: float = 30.0
    models: tuple[str, ...] = ()
    recommended: Mapping[str, float] = field(default_factory=dict)
    known_failures: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the original text, `text[start:end]`, that a signal points at."""

    surface: Surface
    start: int
    end: int
    category: str
    term: str


class FailureReason(StrEnum):
    """Why there is no measurement."""

    UNDECODABLE = "undecodable"
    ERROR = "error"
    TIMED_OUT = "timed_out"
    WRONG_COUNT = "wrong_count"
    WRONG_SHAPE = "wrong_shape"
    MODEL_MISSING = "model_missing"
    UNAVAILABLE = "unavailable"
    """The thread or process that measures is not there; the lane ends, so that another one measures the post."""
    BANKS_UNAVAILABLE = "banks_unavailable"
    """The banks could not be searched: they, or the index file, cannot be read."""


@dataclass(frozen=True, slots=True)
class Features:
    """What a model saw in a picture, to be compared with other pictures by the same model.

    `values` is a vector of length one, each component times 127 and rounded, as signed bytes.
    """

    model: Digest
    values: bytes


@dataclass(frozen=True, slots=True)
class Score:
    """A measurement: a value for every column of the signal's spec, and the places in the text it points at.

    `features` are kept beside the documents, not in them: a screening that is read back has none.
    """

    signal: str
    values: Mapping[str, Value]
    spans: tuple[Span, ...] = ()
    detail: Mapping[str, Value] = field(default_factory=dict)
    features: Features | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class BankHit:
    """One bank entry that a frame matches.

    `tier` (see `bank.Tier`) says how surely it was found; `effect` what it does: what its bank asks for, but "review"
    for a blocking bank's match in the review tier. `distance_bits` counts differing bits of PDQ, 0 to 256, of the
    view that matches best: the frame turned by `orientation`, without its border if `trimmed`. `inliers` is how many
    keypoints agree, None where nobody compared them; `opinion` is what was said of the entry then.
    """

    bank: str
    entry_id: str
    effect: str
    distance_bits: int
    entry_quality: int
    frame: int
    note: str = ""
    tier: str = "automatic"
    orientation: str = "upright"
    inliers: int | None = None
    opinion: str = "positive_class"
    trimmed: bool = False


@dataclass(frozen=True, slots=True)
class PictureHash:
    """The hashes of one frame. They are secrets, as bank contents are: `repr` shows none.

    `pdq` is 64 lower-case hexadecimal characters, `quality` 0 to 100; `trimmed` and `trimmed_quality` are the same of
    the picture without its border, empty and 0 where it has none. `phash` and `dhash` are 16 characters each, empty in
    documents from before version 3.
    """

    frame: int
    pdq: str = field(repr=False)
    quality: int
    phash: str = field(default="", repr=False)
    dhash: str = field(default="", repr=False)
    trimmed: str = field(default="", repr=False)
    trimmed_quality: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """What the banks said; no hit is an empty `hits`, never the absence of a result.

    `checkpoint` names the exact bank contents that were searched, and `at` the time by which entries had begun and
    expired (None in documents from before version 3). Hits are ordered strictest effect first, then the surest tier,
    then nearest; `capped`: there were more than these, and the first ones are kept (False in documents from before
    version 4). `hashes` are what was searched for, one of each frame in order; empty in documents of version 1.
    """

    signal: str
    values: Mapping[str, Value]
    hits: tuple[BankHit, ...]
    checkpoint: str
    hashes: tuple[PictureHash, ...] = ()
    at: datetime | None = None
    capped: bool = False


@dataclass(frozen=True, slots=True)
class SignalFailure:
    """There is no measurement, and why. Every column of the signal reads NULL."""

    signal: str
    reason: FailureReason
    detail: str = ""


SignalResult: TypeAlias = Score | Match | SignalFailure


def values_of(result: SignalResult, spec: SignalSpec) -> dict[str, Value]:
    """The result's value for every column of `spec`, in the spec's order; NULL (None) for a failure."""
    if isinstance(result, SignalFailure):
        return {column.name: None for column in spec.columns}
    return {column.name: result.values[column.name] for column in spec.columns}
