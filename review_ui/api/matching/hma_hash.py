"""HMA's routes for hashing, and how its clients name a picture: the file `photo`, or a URL."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import InvalidInputError
from moderation.matching.hashes.pdq import to_hex
from review_ui.api.matching.bodies import PHOTO, picture_schema, sent_file
from review_ui.api.matching.hma_route import ERRORS, HmaRoute
from review_ui.api.matching.pictures import Hashed
from review_ui.api.matching.service import Matching, TheMatching, best_frame
from review_ui.api.matching.values import PDQ_EXAMPLE
from review_ui.security import MatchingReader
from review_ui.site import TheSite

PDQ = "pdq"
ONLY_PDQ = f"No such SignalType; there is only {PDQ!r}."

router = APIRouter(tags=["HMA"], route_class=HmaRoute, responses=ERRORS)

Url = Annotated[str | None, Query(max_length=2_048, description="Where to fetch the picture, if its host is allowed.")]
Types = Annotated[str | None, Query(max_length=200, description="Names of hashes, by commas; `pdq` is the only one.")]
ContentType = Annotated[str | None, Query(max_length=40, description="`photo` is the only one.")]


class Signals(BaseModel):
    """A picture's hashes by name."""

    pdq: str = Field(examples=[PDQ_EXAMPLE])


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


async def hashed_file(request: Request, site: TheSite, matching: Matching) -> Hashed:
    """The hashes of the file `photo`. Raises what reading and decoding raise."""
    async with sent_file(request, site) as found:
        return await run_in_threadpool(matching.pictures.read, found.image or b"")


async def hashed_url(matching: Matching, url: str | None) -> Hashed:
    """The hashes of the picture at a URL. Raises what fetching and decoding raise."""
    if not url:
        raise InvalidInputError("url is required.")
    return await run_in_threadpool(matching.pictures.read, await matching.fetcher.fetch(url))
