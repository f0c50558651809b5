"""Clean routes for banks."""

from bisect import bisect_right
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from moderation.domain.bank import (
    MAX_DISTANCE_BITS,
    MAX_REVIEW_BITS,
    MIN_QUALITY,
    SECONDARY_BITS,
    Bank,
    BankEffect,
)
from moderation.domain.errors import ConflictError
from moderation.storage.keys import ApiKey
from review_ui.api.matching.bodies import json_schema, small_json
from review_ui.api.matching.service import Matching, TheMatching, actor_of
from review_ui.api.matching.values import Text
from review_ui.api.matching.views import BanksView, BankView, bank_view, sized_bank_view
from review_ui.api.schema import refusals
from review_ui.security import BanksWriter, MatchingReader

MAX_PAGE = 100
EXAMPLE = {"name": "MY_BANK", "effect": "block", "description": "Pictures that were decided against."}
WRITE_REFUSALS = refusals(401, 403, 408, 413, 415, 422, 429, 503)

router = APIRouter(prefix="/v1/matching/banks", tags=["banks"])

Page = Annotated[int, Query(ge=1, le=MAX_PAGE)]
After = Annotated[str | None, Query(max_length=400, description="`next_cursor` of the page before.")]


class BankFacts(BaseModel):
    """What a bank is beside its name."""

    model_config = ConfigDict(extra="forbid")

    effect: BankEffect
    description: Annotated[Text, Field(max_length=2_000)] = ""
    enabled: bool = True
    distance_bits: Annotated[int, Field(ge=0, le=MAX_DISTANCE_BITS)] = MAX_DISTANCE_BITS
    review_bits: Annotated[int, Field(ge=0, le=MAX_REVIEW_BITS)] = MAX_REVIEW_BITS
    secondary_bits: Annotated[int | None, Field(ge=0, le=16)] = SECONDARY_BITS
    min_quality: Annotated[int, Field(ge=0, le=100)] = MIN_QUALITY
    verify: bool = True

    def named(self, name: str) -> Bank:
        """The bank of that name."""
        return Bank(name, **self.model_dump(exclude={"name"}))


class BankBody(BankFacts):
    """A bank."""

    name: Annotated[Text, Field(min_length=1, max_length=100)]


@router.get(
    "",
    name="list_banks",
    summary="Banks",
    response_description="One page, by name.",
    responses=refusals(401, 403, 422, 429, 503),
)
async def list_banks(
    matching: TheMatching, _key: MatchingReader, limit: Page = MAX_PAGE, cursor: After = None
) -> BanksView:
    """Every bank with its size."""
    found = await run_in_threadpool(matching.banks.banks)
    start = 0 if cursor is None else bisect_right([bank.name for bank, _ in found], cursor)
    page = found[start : start + limit]
    following = page[-1][0].name if start + limit < len(found) else None
    return BanksView(items=[sized_bank_view(bank, size) for bank, size in page], next_cursor=following)


@router.post(
    "",
    name="create_bank",
    status_code=status.HTTP_201_CREATED,
    summary="Create a bank",
    response_description="The bank.",
    responses={200: {"model": BankView, "description": "It is there already, and is the same."}}
    | WRITE_REFUSALS
    | refusals(409),
    openapi_extra=json_schema(BankBody, EXAMPLE),
)
async def create_bank(request: Request, response: Response, matching: TheMatching, key: BanksWriter) -> BankView:
    """Create an empty bank. Sent again, it changes nothing; 409 when another bank has the name."""
    body = await small_json(request, BankBody)
    bank, created = await run_in_threadpool(_create, matching, body.named(body.name), key)
    if not created:
        response.status_code = status.HTTP_200_OK
    return bank_view(bank)


@router.get(
    "/{bank}",
    name="show_bank",
    summary="A bank",
    response_description="The bank.",
    responses=refusals(401, 403, 404, 429, 503),
)
async def show_bank(bank: str, matching: TheMatching, _key: MatchingReader) -> BankView:
    """One bank."""
    return bank_view(await run_in_threadpool(matching.bank, bank))


@router.put(
    "/{bank}",
    name="replace_bank",
    summary="Change a bank",
    response_description="The bank as it is now.",
    responses=WRITE_REFUSALS | refusals(404),
    openapi_extra=json_schema(BankFacts, {"effect": "review", "distance_bits": 20}),
)
async def replace_bank(bank: str, request: Request, matching: TheMatching, key: BanksWriter) -> BankView:
    """Replace everything of a bank but its name and its entries; what is left out goes back to its default."""
    body = await small_json(request, BankFacts)

    def replace() -> Bank:
        known = matching.bank(bank)
        return matching.banks.update(body.named(known.name), actor=actor_of(key), now=matching.clock())

    return bank_view(await run_in_threadpool(replace))


@router.delete(
    "/{bank}",
    name="delete_bank",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Delete a bank",
    response_description="It is gone, with its entries.",
    responses=refusals(401, 403, 404, 429, 503),
)
async def delete_bank(bank: str, matching: TheMatching, key: BanksWriter) -> None:
    """Remove a bank and its entries. Verdicts that it led to keep their evidence."""

    def delete() -> None:
        known = matching.bank(bank)
        matching.banks.delete_bank(known.name, actor=actor_of(key), now=matching.clock())

    await run_in_threadpool(delete)


def _create(matching: Matching, bank: Bank, key: ApiKey) -> tuple[Bank, bool]:
    try:
        return matching.banks.create(bank, actor=actor_of(key), now=matching.clock()), True
    except ConflictError as error:
        if matching.bank(bank.name) == bank:
            return bank, False
        raise ConflictError("There is another bank of that name.", hint="Change it with PUT.") from error
