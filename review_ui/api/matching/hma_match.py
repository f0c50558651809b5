"""HMA's routes for matching, with its shapes: distances are texts, and keys are names of banks."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query, Request
from numpy import uint8
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from moderation.domain.bank import MAX_DISTANCE_BITS, MIN_QUALITY, BankEffect, Tier
from moderation.domain.errors import InvalidInputError
from moderation.matching.hits import Hit, IndexStatus
from review_ui.api.matching.bodies import PHOTO, picture_schema, small_object
from review_ui.api.matching.hma_hash import ONLY_PDQ, PDQ, ByUrl, hashed_file, hashed_url
from review_ui.api.matching.hma_route import ERRORS, HmaRoute, answered
from review_ui.api.matching.pictures import Hashed
from review_ui.api.matching.searching import Matches
from review_ui.api.matching.service import Matching, TheMatching, check_usable
from review_ui.api.matching.v1_lookup import distance
from review_ui.api.matching.values import PDQ_EXAMPLE, parse_pdq
from review_ui.body import JSON
from review_ui.security import MatchingReader
from review_ui.site import TheSite

MAX_RAW_HITS = 1_000
MAX_READ_HITS = 20_000
"""Entries that are read for one answer: disputed and demoted ones, which are not listed, may be nearer than others."""
ACTED_ON = frozenset({BankEffect.BLOCK, BankEffect.REVIEW})

COMPARED = {
    "type": "object",
    "properties": {
        PDQ: {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 2,
            "maxItems": 2,
            "description": "Two hashes of 64 hexadecimal characters.",
        }
    },
    "required": [PDQ],
}

router = APIRouter(tags=["HMA"], route_class=HmaRoute, responses=ERRORS)

Signal = Annotated[str | None, Query(max_length=200, description="The hash. It is a secret: prefer POST /v1/matching.")]
SignalType = Annotated[str | None, Query(max_length=40)]
Banks = Annotated[
    str | None,
    Query(max_length=2_000, description="Names of banks, by commas; else all that act."),
]


class HmaMatch(BaseModel):
    """An entry that was matched."""

    bank_content_id: int
    distance: str = Field(examples=["0"])


class RawMatches(BaseModel):
    """Entries that were matched, by number, with their distance if it was asked for."""

    matches: list[int] | list[HmaMatch]


class HmaIndexStatus(BaseModel):
    """The state of one index; `built_to` is a change of the banks, not a time."""

    present: bool
    built_to: int
    size: int


MatchesByBank = dict[str, list[HmaMatch]]


@router.get(
    "/m/lookup",
    name="hma_lookup",
    summary="HMA: look up a hash, or a picture by its URL",
    responses=answered({"BANNED": [{"bank_content_id": 1, "distance": "0"}]}),
)
async def look_up(
    matching: TheMatching,
    _key: MatchingReader,
    asked: ByUrl,
    signal: Signal = None,
    signal_type: SignalType = None,
    banks: Banks = None,
) -> MatchesByBank | dict[str, MatchesByBank]:
    """Automatic matches by bank: the shape is `{bank: […]}` with `signal_type`, else `{"pdq": {bank: […]}}`.

    `seed` and `bypass_coinflip` change nothing: a bank matches, or does not.
    """
    if signal_type is not None and signal_type != PDQ:
        raise InvalidInputError(ONLY_PDQ)
    if asked.url:
        hashed = await hashed_url(matching, asked.url)
        found = await run_in_threadpool(_of_picture, matching, hashed, banks)
    elif signal is not None and signal_type is not None:
        found = await run_in_threadpool(_of_hash, matching, signal, banks)
    else:
        raise InvalidInputError("Either url or both signal and signal_type are required.")
    return found if signal_type is not None else {PDQ: found}


@router.post(
    "/m/lookup",
    name="hma_lookup_file",
    summary="HMA: look up a picture",
    responses=answered({PDQ: {"BANNED": [{"bank_content_id": 1, "distance": "0"}]}}),
    openapi_extra=picture_schema(name=PHOTO, by_json=False),
)
async def look_up_file(
    request: Request,
    site: TheSite,
    matching: TheMatching,
    _key: MatchingReader,
    _asked: ByUrl,
    banks: Banks = None,
) -> dict[str, MatchesByBank]:
    """Automatic matches of the file `photo`; 400 instead of no match when its hash would say nothing."""
    hashed = await hashed_file(request, site, matching)
    return {PDQ: await run_in_threadpool(_of_picture, matching, hashed, banks)}


@router.get(
    "/m/raw_lookup",
    name="hma_raw_lookup",
    summary="HMA: look up a hash, whatever its entries' opinion",
    responses=answered({"matches": [{"bank_content_id": 1, "distance": "0"}]}),
)
async def raw_look_up(
    matching: TheMatching,
    _key: MatchingReader,
    signal: Signal = None,
    signal_type: SignalType = None,
    banks: Banks = None,
    include_distance: bool = False,  # noqa: FBT001, FBT002 - HMA's parameter
) -> RawMatches:
    """Entries within 31 bits, disputed and demoted ones too: their numbers, or numbers and distances."""
    if signal is None or signal_type is None:
        raise InvalidInputError("signal and signal_type are required.")
    if signal_type != PDQ:
        raise InvalidInputError(ONLY_PDQ)
    hits = await run_in_threadpool(_raw, matching, signal, banks)
    if include_distance:
        return RawMatches(matches=[_match(hit) for hit in hits])
    return RawMatches(matches=[hit.entry.number for hit in hits])


@router.post(
    "/m/compare",
    name="hma_compare",
    summary="HMA: compare two hashes",
    responses=answered({PDQ: [True, {"distance": 9}]}),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": COMPARED, "example": {PDQ: [PDQ_EXAMPLE, PDQ_EXAMPLE]}}},
        }
    },
)
async def compare(request: Request, _key: MatchingReader) -> dict[str, tuple[bool, dict[str, int]]]:
    """Whether two hashes are within 31 bits, and how many differ: `{"pdq": [true, {"distance": 9}]}`."""
    asked = await small_object(request)
    if not isinstance(asked, dict):
        raise InvalidInputError("The body is not a JSON object.")
    if set(asked) - {PDQ}:
        raise InvalidInputError(ONLY_PDQ)
    return {name: _compared(pair) for name, pair in asked.items()}


@router.get(
    "/m/index/status",
    name="hma_index_status",
    summary="HMA: the state of the index",
    responses=answered({PDQ: {"present": True, "built_to": 4711, "size": 591}}),
)
async def index_status(
    matching: TheMatching, _key: MatchingReader, signal_type: SignalType = None
) -> dict[str, HmaIndexStatus]:
    """Whether it is loaded, and how many entries it has."""
    if signal_type not in {None, PDQ}:
        raise InvalidInputError(ONLY_PDQ)
    status: IndexStatus = await run_in_threadpool(lambda: matching.searcher.fresh().status())
    checkpoint = int(status.checkpoint) if status.checkpoint.isdecimal() else -1
    return {PDQ: HmaIndexStatus(present=not status.problem, built_to=checkpoint, size=status.size)}


def _of_hash(matching: Matching, signal: str, banks: str | None) -> MatchesByBank:
    return _by_bank(_hits(matching, matching.searcher.fresh(), parse_pdq(signal), banks))


def _of_picture(matching: Matching, hashed: Hashed, banks: str | None) -> MatchesByBank:
    """What any frame matches. Without a match every frame must have been usable, or the answer would be a guess."""
    matcher = matching.searcher.fresh()
    hits: list[Hit] = []
    for frame in hashed.frames:
        if frame.quality >= MIN_QUALITY:
            hits += _hits(matching, matcher, frame.pdq[0], banks, quality=frame.quality)
    answer = _by_bank(hits)
    if not answer:
        check_usable(min(frame.quality for frame in hashed.frames))
    return answer


def _raw(matching: Matching, signal: str, banks: str | None) -> list[Hit]:
    return _hits(matching, matching.searcher.fresh(), parse_pdq(signal), banks)[:MAX_RAW_HITS]


def _hits(
    matching: Matching, matcher: Matches, code: NDArray[uint8], banks: str | None, *, quality: int | None = None
) -> list[Hit]:
    """Entries within 31 bits, nearest first: of the banks that are named, or of all against which one acts.

    What is listed is acted on, so banks of harmless pictures and of own posts are searched only when they are named;
    and they crowd out no other, however many of their entries are near.
    """
    named = tuple(name for name in banks.split(",") if name) if banks else ()
    found = matcher.look_up(code, quality=quality, banks=named, radius=MAX_DISTANCE_BITS, limit=MAX_RAW_HITS)
    if found.capped:
        searched = named or tuple(bank.name for bank in matching.banks.definitions() if bank.effect in ACTED_ON)
        if not searched:
            return []
        found = matcher.look_up(code, quality=quality, banks=searched, radius=MAX_DISTANCE_BITS, limit=MAX_READ_HITS)
    return [hit for hit in found.hits if named or hit.bank.effect in ACTED_ON]


def _by_bank(hits: Iterable[Hit]) -> MatchesByBank:
    """Automatic matches only: HMA's clients act on whatever is listed. An entry is listed once, at its nearest."""
    nearest: dict[int, Hit] = {}
    for hit in hits:
        known = nearest.get(hit.entry.number)
        if hit.tier is Tier.AUTOMATIC and (known is None or hit.distance_bits < known.distance_bits):
            nearest[hit.entry.number] = hit
    found: MatchesByBank = {}
    ordered = sorted(nearest.values(), key=lambda one: (one.distance_bits, one.entry.number))
    for hit in ordered[:MAX_RAW_HITS]:
        found.setdefault(hit.bank.name, []).append(_match(hit))
    return found


def _match(hit: Hit) -> HmaMatch:
    return HmaMatch(bank_content_id=hit.entry.number, distance=str(hit.distance_bits))


def _compared(pair: object) -> tuple[bool, dict[str, int]]:
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):  # noqa: PLR2004
        raise InvalidInputError("Comparison hashes are a list of exactly 2 texts.")
    bits = distance(pair[0], pair[1])
    return bits <= MAX_DISTANCE_BITS, {"distance": bits}
