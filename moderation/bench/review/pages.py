"""Every page of the console, fetched from a real server by people whose role opens it."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx

from moderation.bench.review.fill import Filled
from moderation.domain.people import Person
from moderation.settings import Settings
from moderation.storage.accounts.sessions import Client, SessionStore
from moderation.storage.engine import Database

COOKIE = "session"
PATIENCE_SECONDS = 60.0
WARM_UP_SECONDS = 120.0

PAGES: tuple[tuple[str, str], ...] = (
    ("senior", "/console/search?like={held_post}"),
    ("senior", "/console"),
    ("senior", "/console/jobs/{job}"),
    ("senior", "/console/jobs/{cluster}"),
    ("senior", "/console/jobs/{cluster}/cluster"),
    ("senior", "/console/mine"),
    ("senior", "/console/queues"),
    ("senior", "/console/queues/{queue}"),
    ("senior", "/console/queues/{queue}/grid"),
    ("senior", "/console/search"),
    ("senior", "/console/search?text=frozen+orchard"),
    ("senior", "/console/search?text=lake"),
    ("senior", "/console/search?author={author}"),
    ("senior", "/console/search?state=held"),
    ("senior", "/console/search?image={image}"),
    ("senior", "/console/posts/{held_post}"),
    ("senior", "/console/posts/{decided_post}"),
    ("senior", "/console/compare/{held_post}/{decided_post}"),
    ("senior", "/console/restricted"),
    ("senior", "/console/restricted/posts/{restricted_post}"),
    ("senior", "/console/quality"),
    ("senior", "/console/quality/team"),
    ("senior", "/console/quality/gold"),
    ("moderator", "/console/quality"),
    ("moderator", "/console/wellbeing"),
    ("resting", "/console/break"),
    ("senior", "/console/dashboard"),
    ("policy", "/console/plan"),
    ("admin", "/console/accounts"),
    ("admin", "/console/accounts/{account}"),
    ("moderator", "/console/profile"),
    ("moderator", "/console/profile/password"),
    ("moderator", "/console/profile/totp"),
    ("policy", "/console/banks"),
    ("policy", "/console/banks/{bank}"),
    ("policy", "/console/banks/{bank}?state=active&source=bench"),
    ("policy", "/console/banks/{bank}/entries/{entry}"),
    ("policy", "/console/exchanges"),
    ("policy", "/console/exchanges/{exchange}"),
    ("policy", "/console/sweeps"),
    ("policy", "/console/sweeps/new"),
    ("policy", "/console/sweeps/{sweep}"),
    ("senior", "/console/posts/{decided_post}/bank"),
    ("auditor", "/console/audit"),
    ("auditor", "/console/audit?kind=decision.made"),
    ("auditor", "/console/audit?actor=account:moderator-01"),
    ("auditor", "/console/audit?subject=post:{held_post}"),
    ("nobody", "/console/login"),
)
"""Whose eyes, and the address; names in braces are of `addresses`. The first one brings all hashes into memory."""

UNMEASURED: Mapping[str, str] = {
    "/console/": "redirects to /console",
    "/console/events": "never ends",
    "/console/jobs/{job}/bank": "leads to the post's",
    "/console/login/code": "only between password and code",
    "/console/media/{post}/concealed": "a picture",
    "/console/media/{post}/frames/{number}": "a picture",
    "/console/oidc/start": "leads to another service",
    "/console/sweeps/preview/{trial}": "there for minutes, to whoever previewed",
    "/console/oidc/callback": "leads to another service",
    "/console/profile/totp.svg": "a picture",
    "/console/restricted/posts/{post}/{name}": "a file, once a report was written",
}
"""What a GET route of the console has and is not measured, with the reason."""


@dataclass(frozen=True, slots=True)
class PageTime:
    """Milliseconds that the server took: at first, in the middle, at worst. `status` is not 200 where it failed."""

    page: str
    who: str
    status: int
    first_ms: float
    p50_ms: float
    max_ms: float


def addresses(filled: Filled) -> dict[str, str]:
    """What stands for the names in `PAGES`."""
    return {
        "job": filled.job,
        "cluster": filled.cluster,
        "queue": "adult" if "adult" in filled.queues else filled.queues[0],
        "author": filled.author,
        "image": filled.image,
        "held_post": filled.held_post,
        "decided_post": filled.decided_post,
        "restricted_post": filled.restricted_post,
        "bank": filled.bank,
        "exchange": filled.exchange,
        "sweep": filled.sweep,
        "entry": filled.entry,
        "account": filled.team.moderators[0].id,
    }


@contextmanager
def visitors(
    settings: Settings, database: Database, filled: Filled, address: str, now: datetime
) -> Iterator[Mapping[str, httpx.Client]]:
    """A browser for every role, signed in, and one in which nobody is."""
    people: dict[str, Person | None] = {**filled.team.by_name(), "nobody": None}
    sessions = SessionStore(database, lifetime_s=settings.console_session_seconds, idle_s=settings.console_idle_seconds)
    clients = {
        name: httpx.Client(
            base_url=address,
            cookies={} if person is None else {COOKIE: signed_in(sessions, person, now)},
            headers={"accept": "text/html"},
            timeout=PATIENCE_SECONDS,
            trust_env=False,
        )
        for name, person in people.items()
    }
    try:
        yield clients
    finally:
        for client in clients.values():
            client.close()


def signed_in(sessions: SessionStore, person: Person, now: datetime) -> str:
    """The secret of a new session, as after a password."""
    client = Client("127.0.0.1", "bench")
    return sessions.start(person, method="password", confirmed=True, client=client, now=now)[0]


def page_times(
    clients: Mapping[str, httpx.Client], names: Mapping[str, str], *, rounds: int, tell: Callable[[str], None]
) -> list[PageTime]:
    """Each page once to warm up, then `rounds` times, one request at a time; the slowest first."""
    _warm_up(clients["senior"], PAGES[0][1].format(**names))
    found = [_measured(clients[who], who, page.format(**names), page, rounds) for who, page in PAGES]
    found.sort(key=lambda one: one.max_ms, reverse=True)
    for one in found:
        status = "" if one.status == httpx.codes.OK else f"  status {one.status}"
        tell(f"{one.max_ms:7.1f} ms at worst, p50 {one.p50_ms:6.1f}, first {one.first_ms:6.1f}  {one.page}{status}")
    return found


def _warm_up(client: httpx.Client, path: str) -> None:
    """Wait until the server has what it keeps in memory: before, it says that it is not ready."""
    end = time.monotonic() + WARM_UP_SECONDS
    while client.get(path).status_code == httpx.codes.SERVICE_UNAVAILABLE and time.monotonic() < end:
        time.sleep(0.5)


def _measured(client: httpx.Client, who: str, path: str, page: str, rounds: int) -> PageTime:
    status, first_ms = _fetched(client, path)
    times: list[float] = []
    for _ in range(rounds):
        again, milliseconds = _fetched(client, path)
        times.append(milliseconds)
        status = again if again != httpx.codes.OK else status
    return PageTime(page, who, status, first_ms, statistics.median(times), max(times))


def _fetched(client: httpx.Client, path: str) -> tuple[int, float]:
    begin = time.perf_counter()
    status = client.get(path).status_code
    return status, (time.perf_counter() - begin) * 1000


def unmeasured(paths: Sequence[str]) -> list[str]:
    """Of the console's GET paths (as routes write them), those that neither `PAGES` nor `UNMEASURED` has."""
    known = {_shape(page) for _, page in PAGES} | {_shape(path) for path in UNMEASURED}
    return [path for path in paths if _shape(path) not in known]


def _shape(path: str) -> str:
    """The path with every name in braces alike."""
    return "/".join("{}" if part.startswith("{") else part for part in path.partition("?")[0].split("/"))
