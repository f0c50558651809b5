"""Clean routes for hashing and looking up: pictures, up to 256 hashes at once, pairs of hashes, and the index."""

from typing import Annotated

import numpy as np
import structlog
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from moderation.domain.bank import MAX_DISTANCE_BITS, MAX_REVIEW_BITS
from moderation.domain.errors import ModerationError
from review_ui.api.matching.bodies import image_of, json_schema, picture_schema, sent, small_json
from review_ui.api.matching.service import Matching, TheMatching
from review_ui.api.matching.values import PDQ_EXAMPLE, PdqText, Quality, Text, parse_pdq
from review_ui.api.matching.views import (
    HashView,
    LookupsView,
    LookupView,
    MatchView,
    StatusView,
    hash_view,
    lookup_view,
    match_view,
    status_view,
)
from review_ui.api.schema import refusals
from review_ui.security import MatchingReader
from review_ui.site import TheSite

MAX_HASHES = 256
MAX_BITS = 256
MAX_HITS = 100
MAX_BANKS = 100
PICTURE_REFUSALS = refusals(401, 403, 408, 413, 415, 422, 429, 503)
JSON_REFUSALS = PICTURE_REFUSALS

router = APIRouter(prefix="/v1/matching", tags=["matching"])


class HashBody(BaseModel):
    """One hash, and its quality where it is known."""

    model_config = ConfigDict(extra="forbid")

    pdq: PdqText
    quality: Quality | None = None


class LookupBody(BaseModel):
    """Hashes to look up. Without `radius`, each bank's own distances count."""

    model_config = ConfigDict(extra="forbid")

    hashes: Annotated[list[HashBody], Field(min_length=1, max_length=MAX_HASHES)]
    banks: Annotated[list[Text], Field(max_length=MAX_BANKS, description="Banks to search; none named: all.")] = []
    radius: Annotated[int | None, Field(ge=0, le=MAX_REVIEW_BITS, description="Bits that may differ.")] = None
    limit: Annotated[int, Field(ge=1, le=MAX_HITS, description="Hits for each hash.")] = MAX_HITS


class PairBody(BaseModel):
    """Two hashes."""

    model_config = ConfigDict(extra="forbid")

    a: PdqText
    b: PdqText


class CompareBody(BaseModel):
    """Pairs of hashes."""

    model_config = ConfigDict(extra="forbid")

    pairs: Annotated[list[PairBody], Field(min_length=1, max_length=MAX_HASHES)]
    radius: Annotated[int, Field(ge=0, le=MAX_BITS)] = MAX_DISTANCE_BITS


class ComparedView(BaseModel):
    """How far two hashes are apart."""

    distance_bits: int
    match: bool = Field(description="The distance is at most `radius`.")


class ComparisonsView(BaseModel):
    """One result for each pair, in order."""

    results: list[ComparedView]


@router.post(
    "/hash",
    name="matching_hash",
    summary="Hash a picture",
    response_description="The hashes of every frame, with their quality.",
    responses=PICTURE_REFUSALS,
    openapi_extra=picture_schema(),
)
async def hash_picture(request: Request, site: TheSite, matching: TheMatching, _key: MatchingReader) -> HashView:
    """PDQ in eight orientations and without a border, pHash and dHash. Nothing is stored.

    A picture whose hash says nothing is not refused: `usable` is false.
    """
    async with sent(request, site) as found:
        image = await image_of(found, matching)
        return hash_view(await run_in_threadpool(matching.pictures.read, image))


@router.post(
    "/match",
    name="matching_match",
    summary="Match a picture",
    response_description="What it matches in every tier, in every orientation and without its border.",
    responses=PICTURE_REFUSALS,
    openapi_extra=picture_schema(),
)
async def match_picture(request: Request, site: TheSite, matching: TheMatching, _key: MatchingReader) -> MatchView:
    """What a lane would find. Nothing is stored, and no flood is counted."""

    def match(image: bytes) -> MatchView:
        hashed = matching.pictures.read(image)
        (matched,) = matching.searcher.fresh().match([hashed.frames], [hashed.previews])
        return match_view(hashed, matched)

    async with sent(request, site) as found:
        return await run_in_threadpool(match, await image_of(found, matching))


@router.post(
    "/lookup",
    name="matching_lookup",
    summary="Look up hashes",
    response_description="One result for each hash, in order.",
    responses=JSON_REFUSALS | refusals(404),
    openapi_extra=json_schema(LookupBody, {"hashes": [{"pdq": PDQ_EXAMPLE, "quality": 100}]}),
)
async def look_up_hashes(request: Request, matching: TheMatching, _key: MatchingReader) -> LookupsView:
    """Entries near up to 256 PDQ hashes. A hash is searched as it is: orientations are the caller's to send."""
    body = await small_json(request, LookupBody)
    return await run_in_threadpool(_look_up, matching, body)


@router.post(
    "/compare",
    name="matching_compare",
    summary="Compare pairs of hashes",
    response_description="One result for each pair, in order.",
    responses=JSON_REFUSALS,
    openapi_extra=json_schema(CompareBody, {"pairs": [{"a": PDQ_EXAMPLE, "b": PDQ_EXAMPLE}]}),
)
async def compare_hashes(request: Request, _key: MatchingReader) -> ComparisonsView:
    """Differing bits of up to 256 pairs."""
    body = await small_json(request, CompareBody)
    distances = [distance(pair.a, pair.b) for pair in body.pairs]
    return ComparisonsView(results=[ComparedView(distance_bits=bits, match=bits <= body.radius) for bits in distances])


@router.get(
    "/status",
    name="matching_status",
    summary="How the index is",
    response_description="It is searched.",
    responses={503: {"model": StatusView, "description": "It cannot be searched."}, **refusals(401, 403, 429)},
)
async def show_status(response: Response, matching: TheMatching, _key: MatchingReader) -> StatusView:
    """Checkpoint, size and age of what is searched. Looking it up loads what is not loaded yet."""
    try:
        view = status_view(await run_in_threadpool(lambda: matching.searcher.fresh().status()))
    except ModerationError as error:
        structlog.get_logger(__name__).warning("matching_unavailable", reason=error.message)
        view = StatusView(
            ready=False,
            problem="The banks cannot be seen.",
            checkpoint="",
            built_to=0,
            size=0,
            delta=0,
            tombstones=0,
            stale_s=None,
        )
    if not view.ready:
        response.status_code = 503
    return view


def distance(one: str, other: str) -> int:
    """Differing bits of two PDQ hashes (64 hexadecimal characters), 0 to 256. Raises `InvalidInputError`."""
    return int(np.unpackbits(parse_pdq(one) ^ parse_pdq(other)).sum())


def _look_up(matching: Matching, body: LookupBody) -> LookupsView:
    matcher = matching.searcher.fresh()
    results: list[LookupView] = []
    for index, asked in enumerate(body.hashes):
        found = matcher.look_up(
            parse_pdq(asked.pdq), quality=asked.quality, banks=body.banks, radius=body.radius, limit=body.limit
        )
        results.append(lookup_view(index, asked.quality, found))
    return LookupsView(results=results)
