"""HMA's routes for banks."""

import re
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from moderation.domain.bank import Bank, BankEffect
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from review_ui.api.matching.bodies import (
    json_schema,
    small_json,
)
from review_ui.api.matching.hma_route import ERRORS, HmaRoute, TakenError
from review_ui.api.matching.service import TheMatching, actor_of
from review_ui.security import BanksWriter, MatchingReader

NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
"""HMA's names of banks; those that were made elsewhere may have others."""
router = APIRouter(prefix="/c", tags=["HMA"], route_class=HmaRoute, responses=ERRORS)


class HmaBank(BaseModel):
    """A bank; the ratio is 1 when it matches and 0 when it does not."""

    name: str
    matching_enabled_ratio: float


class BankCreate(BaseModel):
    """A new bank. `effect` is ours: HMA's banks have none, so a match asks for a person unless this says otherwise."""

    model_config = ConfigDict(extra="ignore")

    name: Annotated[str, Field(max_length=100)]
    enabled_ratio: float | None = None
    enabled: bool | None = None
    effect: BankEffect = BankEffect.REVIEW


class BankUpdate(BaseModel):
    """What changes of a bank."""

    model_config = ConfigDict(extra="ignore")

    name: str | None = None
    enabled_ratio: float | None = None
    enabled: bool | None = None


class Message(BaseModel):
    """That it was done."""

    message: str


@router.get("/banks", name="hma_banks", summary="HMA: banks")
async def list_banks(matching: TheMatching, _key: MatchingReader) -> list[HmaBank]:
    """Every bank, by name."""
    return [bank_shown(bank) for bank, _ in await run_in_threadpool(matching.banks.banks)]


@router.post(
    "/banks",
    name="hma_create_bank",
    summary="HMA: create a bank",
    status_code=201,
    openapi_extra=json_schema(BankCreate, {"name": "MY_BANK", "enabled": True, "effect": "block"}),
)
async def create_bank(request: Request, matching: TheMatching, key: BanksWriter) -> HmaBank:
    """Create an empty bank; 403 when the name is taken."""
    body = await small_json(request, BankCreate)
    if not NAME.fullmatch(body.name):
        raise InvalidInputError("A bank's name is of A-Z, 0-9 and _, and does not begin with a digit.")
    enabled = _enabled(body.enabled_ratio, body.enabled)
    bank = Bank(body.name, body.effect, enabled=True if enabled is None else enabled)
    try:
        made = await run_in_threadpool(matching.banks.create, bank, actor=actor_of(key), now=matching.clock())
    except ConflictError as error:
        raise TakenError("Bank already exists.") from error
    return bank_shown(made)


@router.get("/bank/{bank}", name="hma_bank", summary="HMA: a bank")
async def show_bank(bank: str, matching: TheMatching, _key: MatchingReader) -> HmaBank:
    """One bank."""
    return bank_shown(await run_in_threadpool(matching.bank, bank))


@router.put(
    "/bank/{bank}",
    name="hma_update_bank",
    summary="HMA: turn a bank on or off",
    openapi_extra=json_schema(BankUpdate, {"enabled": False}),
)
async def update_bank(bank: str, request: Request, matching: TheMatching, key: BanksWriter) -> HmaBank:
    """Let a bank match, or not. Banks keep their name: verdicts name them."""
    body = await small_json(request, BankUpdate)
    enabled = _enabled(body.enabled_ratio, body.enabled)

    def update() -> Bank:
        known = matching.bank(bank)
        if body.name not in {None, known.name}:
            raise InvalidInputError("A bank keeps its name: verdicts name it.")
        if enabled is None:
            return known
        turned = bool(enabled)
        return matching.banks.revise(
            known.name, lambda one: replace(one, enabled=turned), actor=actor_of(key), now=matching.clock()
        )

    return bank_shown(await run_in_threadpool(update))


@router.delete("/bank/{bank}", name="hma_delete_bank", summary="HMA: delete a bank")
async def delete_bank(bank: str, matching: TheMatching, key: BanksWriter) -> Message:
    """Remove a bank and its entries. One that is not there is no error."""

    def delete() -> None:
        try:
            known = matching.bank(bank)
            matching.banks.delete_bank(known.name, actor=actor_of(key), now=matching.clock())
        except NotFoundError:
            pass

    await run_in_threadpool(delete)
    return Message(message="Done")


def bank_shown(bank: Bank) -> HmaBank:
    """The bank in HMA's words."""
    return HmaBank(name=bank.name, matching_enabled_ratio=1.0 if bank.enabled else 0.0)


def _enabled(ratio: float | None, enabled: bool | None) -> bool | None:  # noqa: FBT001
    """Raises `InvalidInputError` for a ratio in between: a picture that is banned is not banned for some."""
    if ratio is None:
        return enabled
    if ratio not in {0.0, 1.0}:
        raise InvalidInputError("A bank matches or does not: the ratio is 0 or 1.")
    return ratio == 1.0
