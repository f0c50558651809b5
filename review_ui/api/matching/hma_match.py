"""HMA's routes for hashing and matching, with its shapes: distances are texts, and keys are names of banks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from moderation.domain.bank import MAX_DISTANCE_BITS, MIN_QUALITY, Tier
from moderation.domain.errors import InvalidInputError
from moderation.matching.hits import Hit, IndexStatus
from moderation.matching.pdq import to_hex
from review_ui.api.matching.bodies import PHOTO, picture_schema, sent_file, small_object
from review_ui.api.matching.hma_route import ERRORS, HmaRoute, answered
from review_ui.api.matching.pictures import Hashed
from review_ui.api.matching.service import Matching, TheMatching, best_frame, check_usable
from review_ui.api.matching.v1_lookup import distance
from review_ui.api.matching.values import PDQ_EXAMPLE, parse_pdq
from review_ui.body import JSON
from review_ui.security import MatchingReader
from review_ui.site import TheSite

PDQ = "pdq"
MAX_RAW_HITS = 1_000
ONLY_PDQ = f"No such SignalType; there is only {PDQ!r}."

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

Url = Annotated[str | None, Query(max_length=2_048, description="Where to fetch the picture, if its host is allowed.")]
Signal = Annotated[str | None, Query(max_length=200, description="The hash. It is a secret: prefer POST /v1/matching.")]
SignalType = Annotated[str | None, Query(max_length=40)]
Banks = Annotated[str | None, Query(max_length=2_000, description="Names of banks, by commas; all without it.")]
Types = Annotated[str | None, Query(max_length=200, description="Names of hashes, by commas; `pdq` is the only one.")]
ContentType = Annotated[str | None, Query(max_length=40, description="`photo` is the only one.")]


class Signals(BaseModel):
    """A picture's hashes by name."""

    pdq: str = Field(examples=[PDQ_EXAMPLE])


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What HMA's routes take in the query to name a picture; another kind than a photo by PDQ is refused."""

    url: Url = None
    content_type: ContentType = None
    types: Types = None

    def __post_init__(self) -> None:
        """Raise `InvalidInputError` for another kind."""
        if self.content_type not in {None, "", PHOTO}:
            raise InvalidInputError(f"No such content_type; there is only {PHOTO!r}.")
        if self.types is not None and {name.strip() for name in self.types.split(",") if name.strip()} != {PDQ}:
            raise InvalidInputError(ONLY_PDQ)


ByUrl = Annotated[Asked, Depends()]


@router.get("/h/hash", name="hma_hash_url", summary="HMA: hash a picture by its URL")
async def hash_url(matching: TheMatching, _key: MatchingReader, asked: ByUrl) -> Signals:
    """Fetch a picture and hash it; 400 when its host is not allowed or its hash would say nothing."""
    hashed = await hashed_url(matching, asked.url)
    return Signals(pdq=to_hex(hashed.frames[best_frame(hashed)].pdq[0]))


@router.post(
    "/h/hash",
    name="hma_hash",
    summary="HMA: hash a picture",
    openapi_extra=picture_schema(name=PHOTO, by_json=False),
)
async def hash_file(
    request: Request, site: TheSite, matching: TheMatching, _key: MatchingReader, _asked: ByUrl
) -> Signals:
    """Hash the file `photo` of a form; 400 when its hash would say nothing."""
    hashed = await hashed_file(request, site, matching)
    return Signals(pdq=to_hex(hashed.frames[best_frame(hashed)].pdq[0]))


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
    """Entries of enabled banks within 31 bits, disputed and demoted ones too; numbers, or numbers and distances."""
    if signal is None or signal_type is None:
        raise InvalidInputError("signal and signal_type are required.")
    if signal_type != PDQ:
        raise InvalidInputError(ONLY_PDQ)
    hits = await run_in_threadpool(_hits, matching, signal, banks)
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


async def hashed_file(request: Request, site: TheSite, matching: Matching) -> Hashed:
    """The hashes of the file `photo`. Raises what reading and decoding raise."""
    async with sent_file(request, site) as found:
        return await run_in_threadpool(matching.pictures.read, found.image or b"")


async def hashed_url(matching: Matching, url: str | None) -> Hashed:
    """The hashes of the picture at a URL. Raises what fetching and decoding raise."""
    if not url:
        raise InvalidInputError("url is required.")
    return await run_in_threadpool(matching.pictures.read, await matching.fetcher.fetch(url))


def _named(banks: str | None) -> tuple[str, ...]:
    return tuple(name for name in banks.split(",") if name) if banks else ()


def _of_hash(matching: Matching, signal: str, banks: str | None) -> MatchesByBank:
    found = matching.searcher.fresh().look_up(
        parse_pdq(signal), banks=_named(banks), radius=MAX_DISTANCE_BITS, limit=MAX_RAW_HITS
    )
    return _by_bank(found.hits)


def _of_picture(matching: Matching, hashed: Hashed, banks: str | None) -> MatchesByBank:
    """What any frame matches. Without a match every frame must have been usable, or the answer would be a guess."""
    matcher = matching.searcher.fresh()
    hits: list[Hit] = []
    for frame in hashed.frames:
        if frame.quality >= MIN_QUALITY:
            code, radius = frame.pdq[0], MAX_DISTANCE_BITS
            found = matcher.look_up(code, quality=frame.quality, banks=_named(banks), radius=radius, limit=MAX_RAW_HITS)
            hits += found.hits
    answer = _by_bank(hits)
    if not answer:
        check_usable(min(frame.quality for frame in hashed.frames))
    return answer


def _hits(matching: Matching, signal: str, banks: str | None) -> tuple[Hit, ...]:
    matcher = matching.searcher.fresh()
    return matcher.look_up(parse_pdq(signal), banks=_named(banks), radius=MAX_DISTANCE_BITS, limit=MAX_RAW_HITS).hits


def _by_bank(hits: Iterable[Hit]) -> MatchesByBank:
    """Automatic matches only: HMA's clients act on whatever is listed. An entry is listed once, at its nearest."""
    nearest: dict[int, Hit] = {}
    for hit in hits:
        known = nearest.get(hit.entry.number)
        if hit.tier is Tier.AUTOMATIC and (known is None or hit.distance_bits < known.distance_bits):
            nearest[hit.entry.number] = hit
    found: MatchesByBank = {}
    for hit in sorted(nearest.values(), key=lambda one: (one.distance_bits, one.entry.number)):
        found.setdefault(hit.bank.name, []).append(_match(hit))
    return found


def _match(hit: Hit) -> HmaMatch:
    return HmaMatch(bank_content_id=hit.entry.number, distance=str(hit.distance_bits))


def _compared(pair: object) -> tuple[bool, dict[str, int]]:
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):  # noqa: PLR2004
        raise InvalidInputError("Comparison hashes are a list of exactly 2 texts.")
    bits = distance(pair[0], pair[1])
    return bits <= MAX_DISTANCE_BITS, {"distance": bits}
