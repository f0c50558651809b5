"""One's own second factor: set up with a QR code, replaced, removed; recovery codes are shown once."""

import io
from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse

from moderation.domain.errors import ConflictError, ModerationError, NotFoundError
from moderation.domain.people import Person
from moderation.review.codes import address_of as otpauth_address
from moderation.storage.accounts.sessions import SignedIn
from review_ui.console.access import AnySession, Needs, Stage, ThePerson, stage_of
from review_ui.console.entrance import Entrance, TheEntrance
from review_ui.console.forms import TheForm
from review_ui.console.login import address_of, confirm_session
from review_ui.console.profile import PROFILE, signed_in_of, status_of
from review_ui.console.shell import render

TOTP = f"{PROFILE}/totp"
GROUP_CHARS = 4
QR_SCALE = 5
QR_BORDER = 3

router = APIRouter()

MayEnrol = Annotated[Person, Depends(Needs(stages=frozenset({Stage.READY, Stage.ENROL})))]


@router.get(TOTP)
async def totp_page(request: Request, person: MayEnrol, found: AnySession, entrance: TheEntrance) -> Response:
    """Where the second factor stands; while one is being set up, its QR code."""
    return await run_in_threadpool(_page, request, person, signed_in_of(found), entrance)


@router.post(f"{TOTP}/begin")
async def begin(
    request: Request, person: MayEnrol, found: AnySession, entrance: TheEntrance, form: TheForm
) -> Response:
    """Offer a new secret. Whoever has one shows a code of it first; everybody shows their password."""
    signed_in = signed_in_of(found)
    try:
        await run_in_threadpool(_confirm, request, entrance, signed_in, form.get("password", ""), form.get("code", ""))
    except ModerationError as error:
        return await run_in_threadpool(_page, request, person, signed_in, entrance, error)
    await run_in_threadpool(entrance.sign_in.offer_totp, person, now=entrance.clock())
    return RedirectResponse(TOTP, HTTPStatus.SEE_OTHER)


@router.get(f"{TOTP}.svg")
async def qr_code(person: MayEnrol, entrance: TheEntrance) -> Response:
    """The offered secret as a QR code, dark on light, with a quiet zone."""
    offered = await run_in_threadpool(entrance.sign_in.offered_totp, person, now=entrance.clock())
    if offered is None:
        raise NotFoundError("No code is being set up.")
    picture = io.BytesIO()
    segno.make(otpauth_address(offered, person.name), micro=False).save(
        picture, kind="svg", scale=QR_SCALE, border=QR_BORDER, light="#ffffff", dark="#000000", title="QR code"
    )
    return Response(picture.getvalue(), media_type="image/svg+xml")


@router.post(TOTP)
async def accept(
    request: Request, person: MayEnrol, found: AnySession, entrance: TheEntrance, form: TheForm
) -> Response:
    """Require codes from now on, and show the recovery codes, once. The session goes on under a new secret."""
    signed_in = signed_in_of(found)
    try:
        codes = await run_in_threadpool(
            entrance.sign_in.accept_totp,
            person,
            form.get("code", ""),
            address=address_of(request),
            now=entrance.clock(),
        )
    except ModerationError as error:
        return await run_in_threadpool(_page, request, person, signed_in, entrance, error)
    return await _codes_page(request, person, signed_in, entrance, codes)


@router.post(f"{TOTP}/recovery")
async def new_recovery_codes(
    request: Request, person: ThePerson, found: AnySession, entrance: TheEntrance, form: TheForm
) -> Response:
    """Other recovery codes, after a code; the old ones are worthless."""
    signed_in = signed_in_of(found)
    try:
        if not signed_in.locks.totp:
            raise ConflictError("There is no second factor.", hint="Set one up first.")
        await run_in_threadpool(_confirm, request, entrance, signed_in, form.get("password", ""), form.get("code", ""))
    except ModerationError as error:
        return await run_in_threadpool(_page, request, person, signed_in, entrance, error)
    codes = await run_in_threadpool(entrance.sign_in.replace_recovery, person, now=entrance.clock())
    return await _codes_page(request, person, signed_in, entrance, codes)


@router.post(f"{TOTP}/remove")
async def remove(
    request: Request, person: ThePerson, found: AnySession, entrance: TheEntrance, form: TheForm
) -> Response:
    """Ask for no codes any more, after password and code; refused where everybody needs them."""
    signed_in = signed_in_of(found)
    try:
        if entrance.settings.console_require_totp:
            raise ConflictError("Everybody needs a second factor here.")
        await run_in_threadpool(_confirm, request, entrance, signed_in, form.get("password", ""), form.get("code", ""))
    except ModerationError as error:
        return await run_in_threadpool(_page, request, person, signed_in, entrance, error)
    await run_in_threadpool(
        entrance.credentials.remove_totp, person, actor=person.actor, now=entrance.clock(), end=False
    )
    return RedirectResponse(f"{PROFILE}?done=totp-removed", HTTPStatus.SEE_OTHER)


def _confirm(request: Request, entrance: Entrance, signed_in: SignedIn, password: str, code: str) -> None:
    """Whoever found an open browser must not get to change its locks."""
    person, where, now = signed_in.person, address_of(request), entrance.clock()
    if stage_of(signed_in) is Stage.READY and signed_in.locks.password:
        entrance.sign_in.confirm_password(person, password, address=where, now=now)
    if signed_in.locks.totp:
        entrance.sign_in.by_code(person, code, address=where, now=now)


def _page(
    request: Request,
    person: Person,
    signed_in: SignedIn,
    entrance: Entrance,
    error: ModerationError | None = None,
) -> Response:
    offered = entrance.sign_in.offered_totp(person, now=entrance.clock())
    must = stage_of(signed_in) is Stage.ENROL
    values = {
        "must": must,
        "locks": signed_in.locks,
        "offered": _grouped(offered) if offered else "",
        "require_totp": entrance.settings.console_require_totp,
        "error": error,
    }
    return render(request, "console/totp.html", None if must else person, values, status=status_of(error))


async def _codes_page(
    request: Request, person: Person, signed_in: SignedIn, entrance: Entrance, codes: list[str]
) -> Response:
    """The recovery codes, under a new session secret: what was open before the change stays outside."""
    shown = Response()
    session = await confirm_session(request, shown, entrance, signed_in)
    request.state.csrf = session.csrf
    page = render(request, "console/totp_codes.html", person, {"codes": codes})
    page.raw_headers.extend(header for header in shown.raw_headers if header[0] == b"set-cookie")
    return page


def _grouped(secret: str) -> str:
    return " ".join(secret[start : start + GROUP_CHARS] for start in range(0, len(secret), GROUP_CHARS))
