"""HMA's routes that say what there is: kinds of hashes and of content, exchanges, and which routes."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import ForbiddenError, NotFoundError
from moderation.domain.exchange import ExchangeKind, ExchangeState
from moderation.matching.exchanges.registry import SPECS
from moderation.matching.exchanges.source import Option
from review_ui.api.matching.bodies import json_schema, small_json
from review_ui.api.matching.hma_hash import ONLY_PDQ, PDQ
from review_ui.api.matching.hma_route import ERRORS, HmaRoute
from review_ui.api.matching.service import Matching, TheMatching, actor_of
from review_ui.api.matching.values import unix_time
from review_ui.security import BanksReader, BanksWriter, MatchingReader

router = APIRouter(tags=["HMA"], route_class=HmaRoute, responses=ERRORS)


class SignalTypeView(BaseModel):
    """A kind of hash."""

    name: str = PDQ
    enabled_ratio: float = 1.0


class ContentTypeView(BaseModel):
    """A kind of content."""

    name: str = "photo"
    enabled: bool = True


class IndexedView(BaseModel):
    """How far the index follows the banks; times are numbers of changes."""

    db_size: int
    index_size: int
    index_out_of_date: bool
    newest_db_item: int
    index_built_to: int


class ExchangeUpdate(BaseModel):
    """What changes of an exchange."""

    model_config = ConfigDict(extra="ignore")

    enabled: bool


@router.get("/c/signal_type", name="hma_signal_types", summary="HMA: kinds of hashes")
async def signal_types(_key: MatchingReader) -> list[SignalTypeView]:
    """PDQ."""
    return [SignalTypeView()]


@router.get("/c/signal_type/index", name="hma_signal_index", summary="HMA: how far the index is")
async def signal_index(
    matching: TheMatching, _key: MatchingReader, signal_type: Annotated[str | None, Query(max_length=40)] = None
) -> dict[str, IndexedView]:
    """The index has every change that this answer counts: it is refreshed before the answer."""
    if signal_type not in {None, PDQ}:
        raise NotFoundError(ONLY_PDQ)
    status = await run_in_threadpool(lambda: matching.searcher.fresh().status())
    newest = int(status.checkpoint or 0)
    return {
        PDQ: IndexedView(
            db_size=status.size,
            index_size=status.size,
            index_out_of_date=bool(status.problem),
            newest_db_item=newest,
            index_built_to=newest,
        )
    }


@router.get("/c/content_type", name="hma_content_types", summary="HMA: kinds of content")
async def content_types(_key: MatchingReader) -> list[ContentTypeView]:
    """Photos."""
    return [ContentTypeView()]


@router.get("/c/exchanges", name="hma_exchanges", summary="HMA: names of the exchanges")
async def exchange_names(matching: TheMatching, _key: BanksReader) -> list[str]:
    """Every exchange's name."""
    states = await run_in_threadpool(matching.exchanges.states)
    return [state.exchange.name for state in states]


@router.post("/c/exchanges", name="hma_create_exchange", summary="HMA: create an exchange")
async def create_exchange(_key: BanksWriter) -> None:
    """Refused: an exchange says where this server sends its credentials, which is not for a key of the API to say."""
    raise ForbiddenError("Exchanges are added by an operator.", hint="Use `moderation exchange add`.")


@router.get("/c/exchanges/apis", name="hma_exchange_apis", summary="HMA: kinds of exchanges")
async def exchange_apis(_key: BanksReader) -> list[str]:
    """The protocols that are spoken."""
    return [kind.value for kind in ExchangeKind]


@router.get("/c/exchanges/api/{api}", name="hma_exchange_api", summary="HMA: a kind of exchange")
async def exchange_api(api: str, matching: TheMatching, _key: BanksReader) -> dict[str, bool]:
    """Whether it takes credentials, and whether an exchange names some."""
    kind = _kind(api)
    states = await run_in_threadpool(matching.exchanges.states)
    named = any(state.exchange.credentials for state in states if state.exchange.kind is kind)
    return {"supports_authentification": bool(SPECS[kind].credentials), "has_set_authentification": named}


@router.get("/c/exchanges/api/{api}/schema", name="hma_exchange_schema", summary="HMA: what a kind asks for")
async def exchange_schema(api: str, _key: BanksReader) -> dict[str, Any]:
    """The options and credentials of a kind, as the fields of a form."""
    spec = SPECS[_kind(api)]
    address = Option("address", spec.address_help or "where it is", required=not spec.address)
    credentials = {"fields": [_field(option) for option in spec.credentials]} if spec.credentials else None
    fields = [_field(option) for option in (address, *spec.options)]
    return {"config_schema": {"fields": fields}, "credentials_schema": credentials}


@router.get("/c/exchange/{exchange}", name="hma_exchange", summary="HMA: an exchange")
async def show_exchange(exchange: str, matching: TheMatching, _key: BanksReader) -> dict[str, Any]:
    """One exchange; credentials are known by the names of their variables only, and not even those are told."""
    return _view(await run_in_threadpool(_state, matching, exchange))


@router.get("/c/exchange/{exchange}/status", name="hma_exchange_status", summary="HMA: how an exchange's fetches go")
async def exchange_status(exchange: str, matching: TheMatching, _key: BanksReader) -> dict[str, Any]:
    """Times in seconds since 1970. HMA's two shapes, the documented and the real one, in one."""
    state = await run_in_threadpool(_state, matching, exchange)
    fetched, succeeded = unix_time(state.last_fetch_at), unix_time(state.last_success_at)
    return {
        "last_fetch_time": fetched,
        "checkpoint_time": succeeded,
        "success": state.failures == 0,
        "checkpoint_ts": succeeded or None,
        "running_fetch_start_ts": None,
        "last_fetch_complete_ts": fetched or None,
        "last_fetch_succeeded": state.failures == 0 if fetched else None,
        "up_to_date": bool(succeeded) and state.failures == 0,
        "fetched_items": state.items,
    }


@router.put(
    "/c/exchange/{exchange}",
    name="hma_update_exchange",
    summary="HMA: turn an exchange on or off",
    openapi_extra=json_schema(ExchangeUpdate, {"enabled": False}),
)
async def update_exchange(exchange: str, request: Request, matching: TheMatching, key: BanksWriter) -> dict[str, Any]:
    """Fetch an exchange, or fetch it no more; its entries stay."""
    body = await small_json(request, ExchangeUpdate)

    def update() -> ExchangeState:
        name = _state(matching, exchange).exchange.name
        return matching.exchanges.set_enabled(name, body.enabled, actor=actor_of(key), now=matching.clock())

    return _view(await run_in_threadpool(update))


@router.delete("/c/exchange/{exchange}", name="hma_delete_exchange", summary="HMA: delete an exchange")
async def delete_exchange(exchange: str, matching: TheMatching, _key: BanksWriter) -> None:
    """Refused, as adding one is; it can be turned off."""
    await run_in_threadpool(_state, matching, exchange)
    raise ForbiddenError("Exchanges are removed by an operator.", hint="Use `moderation exchange remove`.")


def _kind(api: str) -> ExchangeKind:
    try:
        return ExchangeKind(api)
    except ValueError as error:
        raise NotFoundError("There is no such kind of exchange.") from error


def _state(matching: Matching, name: str) -> ExchangeState:
    try:
        if name.isprintable():
            return matching.exchanges.state(name)
    except NotFoundError:
        pass
    raise NotFoundError("There is no such exchange.")


def _view(state: ExchangeState) -> dict[str, Any]:
    made = state.exchange
    return {
        "name": made.name,
        "api": made.kind.value,
        "enabled": made.enabled,
        "bank": made.bank,
        "write_back": made.write_back,
        "every_seconds": made.every_seconds,
    }


def _field(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "type": "string",
        "required": option.required,
        "default": None,
        "help": option.help,
        "choices": None,
    }
