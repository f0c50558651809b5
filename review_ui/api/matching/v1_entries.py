"""Clean routes for the entries of banks."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from moderation.domain.bank import KEEP, Bank, BankEntry, EntryAmendment, EntryDraft, Opinion
from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.domain.ids import EntryId
from moderation.storage.keys import ApiKey
from review_ui.api.matching.banking import SOURCE, add, drafts_of_picture
from review_ui.api.matching.bodies import Sent, form_json, image_of, picture_schema, sent, small_object, validated
from review_ui.api.matching.bodies import json_schema as json_schema_of
from review_ui.api.matching.service import Matching, TheMatching, actor_of
from review_ui.api.matching.values import PDQ_EXAMPLE, Moment, PdqText, Quality, Text, parse_cursor
from review_ui.api.matching.views import EntriesView, EntryView, entry_view
from review_ui.api.posts import POST_ID
from review_ui.api.schema import inlined, refusals
from review_ui.body import JSON
from review_ui.security import BANKS_READ, BanksReader, BanksWriter
from review_ui.site import TheSite

MAX_PAGE = 1_000
DEFAULT_PAGE = 100
WRITE_REFUSALS = refusals(401, 403, 404, 408, 413, 415, 422, 429, 503)

router = APIRouter(prefix="/v1/matching", tags=["banks"])

Word = Annotated[Text, Field(max_length=200)]
Note = Annotated[Text, Field(max_length=2_000)]
Hex64 = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{16})?$", description="16 hexadecimal characters, or empty.")]


class EntryFacts(BaseModel):
    """What is said of a picture that is banked."""

    model_config = ConfigDict(extra="forbid")

    source: Word = SOURCE
    note: Note = ""
    category: Word = ""
    opinion: Annotated[
        Opinion | None, Field(description="Without it positive_class; an entry that is there keeps its own.")
    ] = None
    disable_until: Moment | None = None
    expires_at: Moment | None = None
    provenance: Annotated[dict[Word, Word], Field(max_length=20)] = {}

    def draft(self) -> EntryDraft:
        """The facts, without any hash."""
        return EntryDraft(
            pdq="",
            quality=0,
            source=self.source,
            note=self.note,
            category=self.category,
            opinion=self.opinion or KEEP,
            disable_until=self.disable_until,
            expires_at=self.expires_at,
            provenance=self.provenance,
        )


class EntryBody(EntryFacts):
    """A picture that is banked by its hashes."""

    pdq: PdqText
    quality: Quality
    phash: Hex64 = ""
    dhash: Hex64 = ""

    def draft(self) -> EntryDraft:
        """The facts with the hashes."""
        return replace(super().draft(), pdq=self.pdq, quality=self.quality, phash=self.phash, dhash=self.dhash)


class AmendmentBody(BaseModel):
    """What changes of an entry; what is left out stays, and null clears a time."""

    model_config = ConfigDict(extra="forbid")

    opinion: Opinion | None = None
    disable_until: Moment | None = None
    expires_at: Moment | None = None
    note: Note | None = None
    category: Word | None = None
    demoted: bool | None = None

    def amendment(self) -> EntryAmendment:
        """What the store takes. Raises `InvalidInputError` for a null where nothing can be cleared."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if any(value is None for name, value in given.items() if name not in {"disable_until", "expires_at"}):
            raise InvalidInputError("Only the times of an entry can be cleared with null.")
        return EntryAmendment(**{name: given.get(name, KEEP) for name in type(self).model_fields})


class AddedView(BaseModel):
    """The entries of what was sent: one for a hash, one for each usable frame of a picture."""

    items: list[EntryView]


def _entry_schema() -> dict[str, Any]:
    facts = inlined(EntryFacts.model_json_schema())["properties"]
    described = picture_schema(facts)
    hashes = inlined(EntryBody.model_json_schema())
    content = described["requestBody"]["content"]
    content[JSON] = {
        "schema": {"oneOf": [hashes, content[JSON]["schema"]]},
        "example": {"pdq": PDQ_EXAMPLE, "quality": 100, "category": "example", "note": "Case 4711."},
    }
    return described


@router.get(
    "/banks/{bank}/entries",
    name="list_entries",
    summary="A bank's entries",
    response_description="One page, newest first.",
    responses=refusals(401, 403, 404, 422, 429, 503),
)
async def list_entries(
    bank: str,
    matching: TheMatching,
    _key: BanksReader,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = DEFAULT_PAGE,
) -> EntriesView:
    """Entries with their hashes. Entries that are added meanwhile do not shift the pages."""
    before = parse_cursor(cursor)

    def read() -> list[BankEntry]:
        return matching.banks.entries(matching.bank(bank).name, limit + 1, before=before)

    found, now = await run_in_threadpool(read), matching.clock()
    page = found[:limit]
    following = str(page[-1].number) if len(found) > limit else None
    return EntriesView(items=[entry_view(entry, now, hashes=True) for entry in page], next_cursor=following)


@router.post(
    "/banks/{bank}/entries",
    name="add_entry",
    status_code=status.HTTP_201_CREATED,
    summary="Bank a picture",
    response_description="Its entries.",
    responses={200: {"model": AddedView, "description": "The bank has them already."}, **WRITE_REFUSALS},
    openapi_extra=_entry_schema(),
)
async def add_entry(
    bank: str, request: Request, response: Response, site: TheSite, matching: TheMatching, key: BanksWriter
) -> AddedView:
    """Bank a picture, or a hash. The picture is hashed, not kept: only its hashes and keypoints are stored.

    A hash that the bank has already is not added again: what is said anew is merged into its entry.
    """
    known = await run_in_threadpool(matching.bank, bank)
    async with sent(request, site) as found:
        by_hash = found.image is None and found.url is None
        image = None if by_hash else await image_of(found, matching)

        def store() -> tuple[list[BankEntry], bool]:
            drafts = (
                [validated(EntryBody, found.fields).draft()]
                if image is None
                else _picture_drafts(matching, known, image, found)
            )
            return add(matching, bank, drafts, key=key, now=matching.clock())

        entries, created = await run_in_threadpool(store)
    if not created:
        response.status_code = status.HTTP_200_OK
    return AddedView(items=[_view(entry, matching, key) for entry in entries])


@router.get(
    "/entries/{entry}",
    name="show_entry",
    summary="An entry",
    response_description="The entry.",
    responses=refusals(401, 403, 404, 429, 503),
)
async def show_entry(entry: str, matching: TheMatching, key: BanksReader) -> EntryView:
    """One entry with its hashes."""
    return _view(await run_in_threadpool(_entry, matching, entry), matching, key)


@router.patch(
    "/entries/{entry}",
    name="amend_entry",
    summary="Change what is said of an entry",
    response_description="The entry as it is now.",
    responses=WRITE_REFUSALS,
    openapi_extra=json_schema_of(AmendmentBody, {"opinion": "disputed", "note": "Seen again, harmless."}),
)
async def amend_entry(entry: str, request: Request, matching: TheMatching, key: BanksWriter) -> EntryView:
    """Change an entry's opinion, times, note, category or demotion. Its hashes stay."""
    amendment = validated(AmendmentBody, await small_object(request)).amendment()

    def amend() -> BankEntry:
        known = _entry(matching, entry)
        return matching.banks.amend(known.id, amendment, actor=actor_of(key), now=matching.clock())

    return _view(await run_in_threadpool(amend), matching, key)


@router.delete(
    "/entries/{entry}",
    name="remove_entry",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Take an entry out of its bank",
    response_description="It is gone, and stops matching within a second.",
    responses=refusals(401, 403, 404, 429, 503),
)
async def remove_entry(entry: str, matching: TheMatching, key: BanksWriter) -> None:
    """Remove an entry, its hashes and its keypoints from what is matched."""

    def remove() -> None:
        matching.banks.remove(_entry(matching, entry).id, actor=actor_of(key), now=matching.clock())

    await run_in_threadpool(remove)


def _picture_drafts(matching: Matching, bank: Bank, image: bytes, found: Sent) -> list[EntryDraft]:
    fields = dict(found.fields)
    if "provenance" in fields:
        fields["provenance"] = form_json(fields["provenance"])
    facts = validated(EntryFacts, fields).draft()
    return drafts_of_picture(matching.pictures.read(image), facts, bank=bank)


def _entry(matching: Matching, entry: str) -> BankEntry:
    """The entry. Raises `NotFoundError`, which does not repeat what was asked for."""
    if POST_ID.fullmatch(entry):
        try:
            return matching.banks.entry(EntryId(entry))
        except NotFoundError:
            pass
    raise NotFoundError("There is no such entry.")


def _view(entry: BankEntry, matching: Matching, key: ApiKey) -> EntryView:
    reads = BANKS_READ in key.scopes
    shown = entry if reads else replace(entry, note="", provenance={}, banked_by=())
    return entry_view(shown, matching.clock(), hashes=reads)
