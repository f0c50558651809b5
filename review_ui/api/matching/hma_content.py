"""HMA's routes for what is in banks."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.concurrency import run_in_threadpool

from moderation.domain.bank import KEEP, Bank, BankEntry, EntryAmendment, EntryDraft
from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.storage.bank_checks import MAX_WORD_CHARS
from moderation.storage.keys import ApiKey
from review_ui.api.matching.banking import SOURCE, add, drafts_of_picture
from review_ui.api.matching.bodies import (
    PHOTO,
    form_json,
    json_schema,
    picture_schema,
    sent_file,
    small_json,
    validated,
)
from review_ui.api.matching.hma_banks import bank_shown
from review_ui.api.matching.hma_hash import ByUrl, hashed_url
from review_ui.api.matching.hma_route import ERRORS, HmaRoute
from review_ui.api.matching.service import TheMatching, actor_of
from review_ui.api.matching.values import MAX_NUMBER, NEVER, PDQ_EXAMPLE, PdqText, Quality, Text, unix_time
from review_ui.body import JSON
from review_ui.errors import UnsupportedMediaTypeError
from review_ui.security import BANKS_READ, BanksWriter, MatchingReader
from review_ui.site import TheSite

ENABLED, DISABLED = 1, 0
"""HMA's words for an entry that matches, and for one that never will."""
FIVE_YEARS_S = 5 * 365 * 86_400
MAX_NOTE_CHARS = 255
QUALITY_OF_SIGNALS = 100
"""A hash that comes alone counts as good: HMA's clients never send a quality."""

router = APIRouter(prefix="/c", tags=["HMA"], route_class=HmaRoute, responses=ERRORS)

ContentId = Annotated[int, Path(ge=1, le=MAX_NUMBER)]


class Metadata(BaseModel):
    """What a client knows of a picture; kept as the entry's provenance."""

    model_config = ConfigDict(extra="forbid")

    content_id: Annotated[Text | None, Field(max_length=MAX_WORD_CHARS)] = None
    content_uri: Annotated[Text | None, Field(max_length=MAX_WORD_CHARS)] = None
    own: Annotated[dict[str, Any] | None, Field(alias="json", description="Whatever else the client knows.")] = None

    @field_validator("own")
    @classmethod
    def _short(cls, own: dict[str, Any] | None) -> dict[str, Any] | None:
        if own is not None and len(as_words(own)) > MAX_WORD_CHARS:
            raise ValueError(f"at most {MAX_WORD_CHARS} characters of JSON are kept")
        return own

    def provenance(self) -> dict[str, str]:
        """What is given, as an entry keeps it."""
        given = {"content_id": self.content_id, "content_uri": self.content_uri}
        if self.own is not None:
            given["json"] = as_words(self.own)
        return {name: said for name, said in given.items() if said is not None}


class ContentBody(BaseModel):
    """What is said beside a picture."""

    model_config = ConfigDict(extra="ignore")

    metadata: Metadata | None = None
    note: Annotated[Text | None, Field(max_length=MAX_NOTE_CHARS)] = None

    def draft(self) -> EntryDraft:
        """The facts, without any hash."""
        said = self.metadata.provenance() if self.metadata else {}
        return EntryDraft(pdq="", quality=0, source=SOURCE, note=self.note or "", opinion=KEEP, provenance=said)


class SignalBody(BaseModel):
    """A hash to be banked; `quality` is ours."""

    model_config = ConfigDict(extra="forbid")

    pdq: PdqText
    quality: Quality = QUALITY_OF_SIGNALS


class ContentUpdate(BaseModel):
    """When an entry matches: 1 now, 0 never, else from that time (seconds since 1970) on."""

    model_config = ConfigDict(extra="ignore")

    disable_until_ts: Annotated[int | None, Field(ge=0)] = None
    note: Annotated[Text | None, Field(max_length=MAX_NOTE_CHARS)] = None


class AddedContent(BaseModel):
    """The new entry's number and hashes."""

    id: int
    signals: dict[str, str] = Field(examples=[{"pdq": PDQ_EXAMPLE}])


class Deleted(BaseModel):
    """How many entries were removed."""

    deleted: int


@router.post(
    "/bank/{bank}/content",
    name="hma_add_content",
    summary="HMA: bank a picture",
    openapi_extra=picture_schema({"note": {"type": "string"}}, name=PHOTO, by_json=False, required=False),
)
async def add_content(
    bank: str,
    request: Request,
    site: TheSite,
    matching: TheMatching,
    key: BanksWriter,
    asked: ByUrl,
) -> AddedContent:
    """Bank the file `photo` of a form, or the picture at `url`. Of an animation every usable frame is banked."""
    known = await run_in_threadpool(matching.bank, bank)
    if asked.url:
        said = await _json_beside(request)
        hashed = await hashed_url(matching, asked.url)
    else:
        async with sent_file(request, site) as found:
            given = dict(found.fields)
            if "metadata" in given:
                given["metadata"] = form_json(given["metadata"])
            said = validated(ContentBody, given)
            hashed = await run_in_threadpool(matching.pictures.read, found.image or b"")

    def store() -> BankEntry:
        drafts = drafts_of_picture(hashed, said.draft(), bank=known)
        entries, _ = add(matching, bank, drafts, key=key, now=matching.clock())
        return entries[0]

    entry = await run_in_threadpool(store)
    return AddedContent(id=entry.number, signals={"pdq": entry.pdq})


@router.post(
    "/bank/{bank}/signal",
    name="hma_add_signal",
    summary="HMA: bank a hash",
    openapi_extra=json_schema(SignalBody, {"pdq": PDQ_EXAMPLE}),
)
async def add_signal(bank: str, request: Request, matching: TheMatching, key: BanksWriter) -> AddedContent:
    """Bank a hash. One that the bank has already keeps its number."""
    body = await small_json(request, SignalBody)
    draft = EntryDraft(body.pdq, body.quality, source=SOURCE, opinion=KEEP)
    (entry, *_), _new = await run_in_threadpool(lambda: add(matching, bank, [draft], key=key, now=matching.clock()))
    return AddedContent(id=entry.number, signals={"pdq": entry.pdq})


@router.get("/bank/{bank}/content/{content_id}", name="hma_content", summary="HMA: an entry")
async def show_content(
    bank: str,
    content_id: ContentId,
    matching: TheMatching,
    key: MatchingReader,
    include_signals: Annotated[bool, Query(description="Needs the scope `banks:read`.")] = False,  # noqa: FBT002
) -> dict[str, Any]:
    """An entry; its hash, its note and where it came from only for keys that may read those."""

    def read() -> tuple[Bank, BankEntry]:
        known = matching.bank(bank)
        return known, matching.entry(known.name, content_id)

    known, entry = await run_in_threadpool(read)
    return _content(known, entry, key, signals=include_signals)


@router.put(
    "/bank/{bank}/content/{content_id}",
    name="hma_update_content",
    summary="HMA: turn an entry on or off",
    openapi_extra=json_schema(ContentUpdate, {"disable_until_ts": 0}),
)
async def update_content(
    bank: str, content_id: ContentId, request: Request, matching: TheMatching, key: BanksWriter
) -> dict[str, Any]:
    """Change when an entry matches, or its note."""
    body = await small_json(request, ContentUpdate)
    amendment = EntryAmendment()
    if body.disable_until_ts is not None:
        amendment = replace(amendment, disable_until=begins_at(body.disable_until_ts, matching.clock()))
    if body.note is not None:
        amendment = replace(amendment, note=body.note)

    def amend() -> tuple[Bank, BankEntry]:
        known = matching.bank(bank)
        entry = matching.entry(known.name, content_id)
        return known, matching.banks.amend(entry.id, amendment, actor=actor_of(key), now=matching.clock())

    known, entry = await run_in_threadpool(amend)
    return _content(known, entry, key, signals=False)


@router.delete("/bank/{bank}/content/{content_id}", name="hma_delete_content", summary="HMA: remove an entry")
async def delete_content(bank: str, content_id: ContentId, matching: TheMatching, key: BanksWriter) -> Deleted:
    """Take an entry out of its bank; 0 when it is not there."""

    def delete() -> int:
        known = matching.bank(bank)
        try:
            matching.banks.remove(matching.entry(known.name, content_id).id, actor=actor_of(key), now=matching.clock())
        except NotFoundError:
            return 0
        return 1

    return Deleted(deleted=await run_in_threadpool(delete))


async def _json_beside(request: Request) -> ContentBody:
    """What is said beside a URL, in a body that may be missing."""
    try:
        return await small_json(request, ContentBody)
    except UnsupportedMediaTypeError:
        if request.headers.get("content-type", "").startswith(JSON):
            raise
        return ContentBody()


def as_words(own: dict[str, Any]) -> str:
    """A JSON object as one line of ASCII. Raises `ValueError` for what is not JSON, such as a number without end."""
    try:
        return json.dumps(own, allow_nan=False, separators=(",", ":"), sort_keys=True)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _metadata(provenance: Mapping[str, str]) -> dict[str, Any] | None:
    """Where an entry came from in HMA's words: what its client said, and which exchange told it under which name."""
    known: dict[str, Any] = {name: provenance[name] for name in ("content_id", "content_uri") if name in provenance}
    if "json" in provenance:
        known["json"] = json.loads(provenance["json"])
    if "exchange" in provenance:
        known["collab"] = {provenance["exchange"]: [provenance[name] for name in ("id",) if name in provenance]}
    return known or None


def begins_at(timestamp: int, now: datetime) -> datetime | None:
    """Raises `InvalidInputError` for a time more than five years ahead, as HMA does."""
    if timestamp in {ENABLED, DISABLED}:
        return None if timestamp == ENABLED else NEVER
    if timestamp > unix_time(now) + FIVE_YEARS_S:
        raise InvalidInputError("disable_until_ts must be less than 5 years in the future.")
    return datetime.fromtimestamp(timestamp, UTC)


def _content(bank: Bank, entry: BankEntry, key: ApiKey, *, signals: bool) -> dict[str, Any]:
    """The entry in HMA's words; its hash, its note and where it came from only for keys that may read those."""
    reads = BANKS_READ in key.scopes
    entry = entry if reads else replace(entry, note="", provenance={})
    begins = entry.disable_until
    return {
        "id": entry.number,
        "disable_until_ts": ENABLED if begins is None else DISABLED if begins >= NEVER else unix_time(begins),
        "original_media_uri": entry.provenance.get("content_uri"),
        "bank": bank_shown(bank).model_dump(),
        "metadata": _metadata(entry.provenance),
        "note": entry.note or None,
        **({"signals": {"pdq": entry.pdq}} if signals and reads else {}),
    }
