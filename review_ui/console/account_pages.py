"""Accounts for administrators: who there is, what they may do, and getting them in again. Nobody changes their own."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.errors import ForbiddenError, InvalidInputError, ModerationError
from moderation.domain.ids import AccountId
from moderation.domain.people import CAPABILITIES, Capability, Person, Role
from moderation.review.passwords import given_password
from moderation.storage.accounts.people import Account, NewAccount
from review_ui.console.access import needs
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.entrance import Entrance, TheEntrance
from review_ui.console.forms import Form, TheForm
from review_ui.console.profile import ROLE_WORDS
from review_ui.console.shell import render

ACCOUNTS = "/console/accounts"

router = APIRouter()

Admin = Annotated[Person, needs(Capability.ACCOUNTS)]


@dataclass(frozen=True, slots=True)
class QueueChoice:
    """A queue that can be granted. `known` is False for one that only grants still name."""

    name: str
    title: str
    restricted: bool
    known: bool = True


@router.get(ACCOUNTS)
async def accounts_page(request: Request, person: Admin, entrance: TheEntrance, desk: TheDesk) -> Response:
    """Everybody, and the form for somebody new."""
    return await run_in_threadpool(_list, request, person, entrance, desk)


@router.post(ACCOUNTS)
async def create(request: Request, person: Admin, entrance: TheEntrance, desk: TheDesk, form: TheForm) -> Response:
    """A new account; its first password is shown on the page that answers, and never again."""
    try:
        made, password = await run_in_threadpool(_create, entrance, desk, person, form)
    except ModerationError as error:
        return await run_in_threadpool(_list, request, person, entrance, desk, form, error)
    return await run_in_threadpool(_detail, request, person, entrance, desk, made.id, password)


@router.get(f"{ACCOUNTS}/{{account_id}}")
async def account_page(
    account_id: str, request: Request, person: Admin, entrance: TheEntrance, desk: TheDesk
) -> Response:
    """One account."""
    return await run_in_threadpool(_detail, request, person, entrance, desk, AccountId(account_id))


@router.post(f"{ACCOUNTS}/{{account_id}}/role")
async def set_role(account_id: str, person: Admin, entrance: TheEntrance, form: TheForm) -> Response:
    """Another role, in force with the person's next request."""

    def act(account: Account) -> None:
        role = _role(form.get("role", ""))
        entrance.people.set_role(account.person.id, role, actor=person.actor, now=entrance.clock())

    return await _act(entrance, person, account_id, act)


@router.post(f"{ACCOUNTS}/{{account_id}}/queues")
async def set_queues(account_id: str, person: Admin, entrance: TheEntrance, desk: TheDesk, form: TheForm) -> Response:
    """Exactly the ticked queues; a restricted one only with its own tick beside it."""

    def act(account: Account) -> None:
        wanted = frozenset(form.all("queue"))
        _check_restricted(desk, wanted - account.person.queues, confirmed=form.get("restricted", "") == "yes")
        entrance.people.set_queues(account.person.id, wanted, actor=person.actor, now=entrance.clock())

    return await _act(entrance, person, account_id, act)


@router.post(f"{ACCOUNTS}/{{account_id}}/describe")
async def describe(account_id: str, person: Admin, entrance: TheEntrance, form: TheForm) -> Response:
    """Display name, languages, skills."""

    def act(account: Account) -> None:
        entrance.people.describe(
            account.person.id,
            display_name=form.get("display_name", "").strip(),
            languages=_words(form.get("languages", "")),
            skills=_words(form.get("skills", "")),
            actor=person.actor,
            now=entrance.clock(),
        )

    return await _act(entrance, person, account_id, act)


@router.post(f"{ACCOUNTS}/{{account_id}}/disable")
async def disable(account_id: str, person: Admin, entrance: TheEntrance) -> Response:
    """Let the person in no more, from this moment."""

    def act(account: Account) -> None:
        entrance.people.disable(account.person.id, actor=person.actor, now=entrance.clock())

    return await _act(entrance, person, account_id, act)


@router.post(f"{ACCOUNTS}/{{account_id}}/enable")
async def enable(account_id: str, person: Admin, entrance: TheEntrance) -> Response:
    """Let a disabled person in again."""

    def act(account: Account) -> None:
        entrance.people.enable(account.person.id, actor=person.actor, now=entrance.clock())

    return await _act(entrance, person, account_id, act)


@router.post(f"{ACCOUNTS}/{{account_id}}/reset-password")
async def reset_password(
    account_id: str, request: Request, person: Admin, entrance: TheEntrance, desk: TheDesk
) -> Response:
    """A new first password, shown once; the person's sessions end."""
    password = given_password()

    def act() -> AccountId:
        account = _others(entrance, person, account_id)
        hashed = entrance.sign_in.hash(password)
        entrance.credentials.set_password(
            account.person, hashed, must_change=True, actor=person.actor, now=entrance.clock()
        )
        return account.person.id

    changed = await run_in_threadpool(act)
    return await run_in_threadpool(_detail, request, person, entrance, desk, changed, password)


@router.post(f"{ACCOUNTS}/{{account_id}}/reset-totp")
async def reset_totp(account_id: str, person: Admin, entrance: TheEntrance) -> Response:
    """Forget the second factor of somebody who lost theirs; their sessions end."""

    def act(account: Account) -> None:
        entrance.credentials.remove_totp(account.person, actor=person.actor, now=entrance.clock(), end=True)

    return await _act(entrance, person, account_id, act)


@router.post(f"{ACCOUNTS}/{{account_id}}/connect")
async def connect(account_id: str, person: Admin, entrance: TheEntrance, form: TheForm) -> Response:
    """Let an identity of the configured provider in as this account, or none any more."""

    def act(account: Account) -> None:
        subject = form.get("subject", "").strip()
        issuer = entrance.settings.oidc_issuer
        if subject and not issuer:
            raise InvalidInputError("No identity provider is configured.")
        entrance.people.connect(
            account.person.id,
            issuer=issuer if subject else "",
            subject=subject,
            actor=person.actor,
            now=entrance.clock(),
        )

    return await _act(entrance, person, account_id, act)


@router.post(f"{ACCOUNTS}/{{account_id}}/sign-out")
async def sign_out(account_id: str, person: Admin, entrance: TheEntrance) -> Response:
    """End every session of the person."""

    def act(account: Account) -> None:
        entrance.sessions.end_all(account.person, actor=person.actor, now=entrance.clock())

    return await _act(entrance, person, account_id, act)


async def _act(entrance: Entrance, person: Person, account_id: str, act: Callable[[Account], None]) -> Response:
    """Do it to somebody else's account and show the account."""
    await run_in_threadpool(lambda: act(_others(entrance, person, account_id)))
    return RedirectResponse(f"{ACCOUNTS}/{account_id}?done=1", HTTPStatus.SEE_OTHER)


def _others(entrance: Entrance, person: Person, account_id: str) -> Account:
    """The account. Raises `ForbiddenError` for one's own: more power needs a second person."""
    if account_id == person.id:
        raise ForbiddenError("Nobody changes their own account here.", hint="Another administrator can.")
    return entrance.people.account(AccountId(account_id))


def _create(entrance: Entrance, desk: Desk, person: Person, form: Form) -> tuple[Person, str]:
    password = "" if form.get("subject", "").strip() else given_password()
    queues = frozenset(form.all("queue"))
    _check_restricted(desk, queues, confirmed=form.get("restricted", "") == "yes")
    subject = form.get("subject", "").strip()
    if subject and not entrance.settings.oidc_issuer:
        raise InvalidInputError("No identity provider is configured.")
    new = NewAccount(
        name=form.get("name", "").strip().lower(),
        role=_role(form.get("role", "")),
        display_name=form.get("display_name", "").strip(),
        queues=queues,
        password_hash=entrance.sign_in.hash(password) if password else None,
        must_change=bool(password),
        issuer=entrance.settings.oidc_issuer if subject else "",
        subject=subject,
    )
    return entrance.people.create(new, actor=person.actor, now=entrance.clock()), password


def _list(
    request: Request,
    person: Person,
    entrance: Entrance,
    desk: Desk,
    form: Form | None = None,
    error: ModerationError | None = None,
) -> Response:
    values = {
        "section": "accounts",
        "accounts": entrance.people.everybody(),
        "plan": desk.plan(),
        "restricted": desk.plan().restricted_queues,
        "choices": _choices(desk, frozenset()),
        "roles": _roles(),
        "single_sign_on": bool(entrance.settings.oidc_issuer),
        "form": form or Form([]),
        "ticked": frozenset(form.all("queue")) if form else frozenset(),
        "error": error,
    }
    status = error.status if error else HTTPStatus.OK
    return render(request, "console/accounts.html", person, values, status=status)


def _detail(
    request: Request, person: Person, entrance: Entrance, desk: Desk, account_id: AccountId, password: str = ""
) -> Response:
    account = entrance.people.account(account_id)
    values = {
        "section": "accounts",
        "account": account,
        "plan": desk.plan(),
        "restricted": desk.plan().restricted_queues,
        "sessions": entrance.sessions.of(account_id, now=entrance.clock()),
        "choices": _choices(desk, account.person.queues),
        "roles": _roles(),
        "capabilities": sorted(CAPABILITIES[account.person.role]),
        "single_sign_on": entrance.settings.oidc_issuer,
        "own": account_id == person.id,
        "password": password,
        "done": request.query_params.get("done") == "1",
    }
    return render(request, "console/account.html", person, values)


def _choices(desk: Desk, granted: frozenset[str]) -> list[QueueChoice]:
    """The plan's queues in its order, then those that only grants still name."""
    plan = desk.plan()
    known = [QueueChoice(queue.name, queue.title, queue.restricted) for queue in plan.queues.values()]
    gone = [QueueChoice(name, name, restricted=False, known=False) for name in sorted(granted - set(plan.queues))]
    return known + gone


def _roles() -> list[tuple[str, str]]:
    return [(role.value, ROLE_WORDS[role.value]) for role in Role]


def _check_restricted(desk: Desk, wanted: frozenset[str], *, confirmed: bool) -> None:
    """A restricted queue is granted by two ticks, never by accident; a queue that the plan lacks not at all."""
    plan = desk.plan()
    if unknown := sorted(wanted - set(plan.queues)):
        raise InvalidInputError(f"The plan has no queue {unknown[0]!r}.")
    if not confirmed and any(plan.queue(name).restricted for name in wanted):
        raise InvalidInputError(
            "A restricted queue holds suspected child sexual abuse.",
            hint="Tick that the person was chosen and prepared for it.",
        )


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise InvalidInputError("There is no such role.") from error


def _words(text: str) -> frozenset[str]:
    return frozenset(text.replace(",", " ").lower().split())
