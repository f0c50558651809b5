"""Search over every post: by words, author, picture, state and time, and by a picture that somebody brings."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from moderation.domain.errors import InvalidInputError, ModerationError, NotFoundError
from moderation.domain.ids import PostId
from moderation.domain.media import Refusal
from moderation.domain.people import Capability, Person
from moderation.domain.post import PostState
from moderation.matching.hashes.pdq import Code, from_hex, to_hex
from moderation.review.near_pictures import RADII, NearPost
from moderation.review.plan import Plan
from moderation.storage.review.cursors import read_cursor, write_cursor
from moderation.storage.review.search import PostQuery
from moderation.storage.review.text_query import parse_text
from review_ui.console.access import needs
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import TheForm
from review_ui.console.media import visible_post
from review_ui.console.post_lines import PostLine, line_of
from review_ui.console.shell import render, words
from review_ui.console.sight import may_see_post
from review_ui.console.zones import day_start, zone_of

PAGE = 40
ROUNDS = 5
"""How often a page is filled up at most, in place of posts that the person is not told of."""
MAX_AUTHOR_CHARS = 400
MAX_FRAMES = 16
"""Frames of a brought animation that are looked for, evenly spaced."""
FILTERS = ("text", "author", "digest", "state", "since", "until", "zone")
WITHIN = {
    15: "The same picture",
    31: "Edited copies too",
    60: "Anything alike",
}
_NEAR = "near"
UNREAD = "The pictures of earlier posts are still being read. Try again in a minute."

router = APIRouter(prefix="/console/search")

Reader = Annotated[Person, needs(Capability.READ_POSTS)]


@dataclass(frozen=True, slots=True)
class Results:
    """A page of lines. `more` has the fields of the request for the next one, none on the last."""

    lines: tuple[PostLine, ...]
    more: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NearSearch:
    """A search by picture: hashes of its frames, or the post whose picture it is, and how near."""

    codes: Sequence[Code]
    radius: int
    like: str = ""
    cursor: str = ""


@router.get("")
async def search_page(request: Request, person: Reader, desk: TheDesk) -> Response:
    """The newest posts for which every filter holds, or those whose picture is near a post's."""
    asked = {name: request.query_params.get(name, "").strip() for name in (*FILTERS, "like", "within", "cursor")}
    if asked["like"]:
        search = await run_in_threadpool(_like, desk, person, asked)
        return await run_in_threadpool(_near_page, request, desk, person, search)
    page = await run_in_threadpool(_filter_page, request, desk, person, asked)
    page.background = BackgroundTask(_warm, desk)
    return page


@router.post("/picture")
async def near_picture(request: Request, person: Reader, desk: TheDesk, form: TheForm) -> Response:
    """Posts whose picture is near the one that is sent, or a further page of them.

    The answer is the page itself, not a redirection: a hash can be turned back into a picture, and has no business in
    an address.
    """
    data = await _file(request)
    radius = _radius(form.get("within", ""))
    if form.get("codes"):
        codes = [from_hex(one) for one in form["codes"].split(",")[:MAX_FRAMES]]
        search = NearSearch(codes, radius, cursor=form.get("cursor", ""))
        return await run_in_threadpool(_near_page, request, desk, person, search)
    hashes = await run_in_threadpool(desk.pictures.hashes, data)
    problem = _problem(hashes)
    if problem or isinstance(hashes, Refusal):
        return _page(request, desk, person, {}, None, problem=problem, status=422)
    return await run_in_threadpool(_near_page, request, desk, person, NearSearch(_spread(hashes), radius))


async def _file(request: Request) -> bytes:
    """The bytes of the file in the form, none without one; the form's files are then gone."""
    sent = (await request.form()).get("picture")
    try:
        return await sent.read() if isinstance(sent, UploadFile) else b""
    finally:
        await request.close()


def _filter_page(request: Request, desk: Desk, person: Person, asked: Mapping[str, str]) -> Response:
    try:
        query = _query(asked)
        lines, cursor = _lines(desk, person, query, asked["cursor"])
    except InvalidInputError as error:
        return _page(request, desk, person, asked, None, problem=f"{error.message} {error.hint}", status=422)
    more = {name: asked[name] for name in FILTERS if asked[name]} | {"cursor": cursor}
    return _page(request, desk, person, asked, Results(lines, more if cursor else {}))


def _lines(desk: Desk, person: Person, query: PostQuery, cursor: str) -> tuple[tuple[PostLine, ...], str]:
    """A page of lines, and where the next one begins ("": nowhere).

    Whether a filter holds for a post tells something of it. So whoever looks for a text or an author is not told of
    posts that they may not see, not even that there is one more; nor, by looking for a state, what others decided about
    a post that they are to look at blind. What waits altogether may be listed.
    """
    plan, lines = desk.plan(), tuple[PostLine, ...]()
    looked_for = parse_text(query.text) if query.text else None
    asks = query != PostQuery(since=query.since, until=query.until)
    waiting = PostQuery(state=PostState.HELD, since=query.since, until=query.until)
    tells = query.state is None or query == waiting
    for _ in range(ROUNDS):
        found = desk.search.page(query, cursor=cursor or None, limit=PAGE - len(lines))
        blind = desk.blind.among([item.post.id for item in found.items], person)
        told = [item for item in found.items if tells or item.post.id not in blind]
        made = [line_of(item, person, plan, blind=blind, query=looked_for) for item in told]
        lines += tuple(line for line in made if line.visible or not asks)
        cursor = found.next_cursor or ""
        if not cursor or len(lines) == PAGE:
            break
    return lines, cursor


def _near_page(request: Request, desk: Desk, person: Person, search: NearSearch) -> Response:
    start = max(0, int(read_cursor(search.cursor, _NEAR, int)[0])) if search.cursor else 0
    found = desk.near_at_hand.search(search.codes, radius=search.radius)
    if found is None:
        return _page(request, desk, person, {}, None, problem=UNREAD, status=HTTPStatus.SERVICE_UNAVAILABLE)
    plan = desk.plan()
    standings = desk.standings.of([one.post_id for one in found])
    near = [one for one in found if one.post_id != search.like and may_see_post(person, standings[one.post_id], plan)]
    lines = _near_lines(desk, person, plan, near[start : start + PAGE])
    more: dict[str, str] = {}
    if start + PAGE < len(near):
        more = {"within": str(search.radius), "cursor": write_cursor(_NEAR, start + PAGE)}
        more |= {"like": search.like} if search.like else {"codes": ",".join(to_hex(code) for code in search.codes)}
    return _page(request, desk, person, {}, Results(lines, more), near=search)


def _near_lines(desk: Desk, person: Person, plan: Plan, near: Sequence[NearPost]) -> tuple[PostLine, ...]:
    bits = {one.post_id: one.distance_bits for one in near}
    found, blind = desk.search.named(list(bits)), desk.blind.among(list(bits), person)
    return tuple(line_of(item, person, plan, blind=blind, distance_bits=bits[item.post.id]) for item in found)


def _like(desk: Desk, person: Person, asked: Mapping[str, str]) -> NearSearch:
    post, _ = visible_post(desk, person, PostId(asked["like"]))
    codes = desk.near.codes_of(post.id)
    if not codes:
        raise NotFoundError("This post's picture has no hash that could be compared.")
    return NearSearch(codes, _radius(asked["within"]), like=post.id, cursor=asked["cursor"])


def _query(asked: Mapping[str, str]) -> PostQuery:
    zone = zone_of(asked["zone"])
    if asked["state"] and asked["state"] not in set(PostState):
        raise InvalidInputError("There is no such state.", hint="Choose one of the list.")
    if len(asked["author"]) > MAX_AUTHOR_CHARS or "\0" in "".join(asked.values()):
        raise InvalidInputError("There is no such author.", hint="Copy the id from a post's page.")
    query = PostQuery(
        text=asked["text"],
        author=asked["author"],
        digest=asked["digest"],
        state=PostState(asked["state"]) if asked["state"] else None,
        since=day_start(asked["since"], zone),
        until=day_start(asked["until"], zone, days=1),
    )
    if query.text:
        parse_text(query.text)
    return query


def _page(  # noqa: PLR0913 - everything that the one page shows
    request: Request,
    desk: Desk,
    person: Person,
    asked: Mapping[str, str],
    results: Results | None,
    *,
    near: NearSearch | None = None,
    problem: str = "",
    status: int = 200,
) -> Response:
    shown = {name: asked.get(name, "") for name in FILTERS}
    values = {
        "asked": shown,
        "filtered": any(value for name, value in shown.items() if name != "zone"),
        "first_page": not asked.get("cursor") and not (near and near.cursor),
        "results": results,
        "near": near,
        "within": WITHIN,
        "states": [(state.value, words(state.value).capitalize()) for state in PostState],
        "problem": problem.strip(),
        "next_href": f"/console/search?{urlencode(results.more)}" if results and results.more else "",
        "max_mb": desk.settings.max_image_bytes // 2**20,
    }
    return render(request, "console/search.html", person, values, status=status)


def _warm(desk: Desk) -> None:
    """Read new hashes while the person still looks for a file. Whoever searches then gets to know what is wrong."""
    with suppress(ModerationError):
        desk.near_at_hand.warm()


def _radius(typed: str) -> int:
    return int(typed) if typed in {str(radius) for radius in RADII} else RADII[1]


def _problem(hashes: Sequence[Code] | Refusal) -> str:
    if isinstance(hashes, Refusal):
        return f"The picture cannot be read: {words(hashes.reason.value)}. {hashes.detail}"
    return "" if hashes else "The picture is too flat or too small to be compared: no search by likeness is possible."


def _spread(codes: Sequence[Code]) -> list[Code]:
    """At most `MAX_FRAMES` of them, evenly spaced."""
    step = -(-len(codes) // MAX_FRAMES)
    return list(codes[::step])
