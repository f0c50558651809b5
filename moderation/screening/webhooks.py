"""Webhooks by the Standard Webhooks specification (version 1.0): id, timestamp, HMAC-SHA256, retries, dead letters.

Delivery is at least once: a consumer deduplicates on the `webhook-id` header, which never changes for an event.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import random
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol, TypeAlias, TypeVar

import httpx
import structlog

from moderation.domain.audit import canonical_json
from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.domain.outbox import Delivery, Endpoint, Message

log = structlog.get_logger(__name__)

T = TypeVar("T")

RETRY_SECONDS: tuple[float, ...] = (5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 50_400, 72_000)
"""The wait before each retry; after the last one a delivery is a dead letter, about two days on."""
JITTER = 0.2
"""Each wait is lengthened by up to this share, so that an endpoint that comes back is not flooded."""
TIMEOUT_SECONDS = 15.0
"""For a whole try: an endpoint that sends a byte now and then keeps no read waiting for long."""
SHORTEST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 600.0
LEASE_SECONDS = 60.0
AT_ONCE = 8
"""Tries of one courier that run at the same time, for each endpoint: none waits for another."""
MAX_LOGGED_CHARS = 500
SECRET_PREFIX = "whsec_"  # noqa: S105 - the specification's prefix, not a secret
MIN_SECRET_BYTES = 24


Tries: TypeAlias = dict[asyncio.Task[int | str], Delivery]


class Outbox(Protocol):
    """What the courier needs of the outbox."""

    def claim(
        self, *, worker: str, limit: int, busy: Sequence[str], lease_seconds: float, now: datetime
    ) -> list[Delivery]:
        """Deliveries that are due, leased to this worker: up to `limit` per endpoint, with those `busy` names."""
        ...

    def delivered(self, delivery: Delivery, *, status: int, now: datetime) -> None:
        """The endpoint took it."""
        ...

    def failed(
        self,
        delivery: Delivery,
        *,
        error: str,
        retry_at: datetime | None,
        paused_until: datetime | None,
        now: datetime,
    ) -> None:
        """It did not; try again at `retry_at`, or never (None): a dead letter. A silent endpoint is paused."""
        ...


def new_secret() -> str:
    """A fresh signing secret: 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signing_key(secret: str) -> bytes:
    """The key bytes of a "whsec_…" secret. Raises `InvalidInputError` for a malformed or short one."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError("The webhook secret is not base64.", hint="Use `whsec_` and base64.") from error
    if not secret.startswith(SECRET_PREFIX) or len(key) < MIN_SECRET_BYTES:
        raise InvalidInputError(f"A webhook secret is `whsec_` and at least {MIN_SECRET_BYTES} bytes in base64.")
    return key


def body_of(message: Message) -> bytes:
    """The request body: type, time of the event and data, as canonical JSON (the same bytes at every try)."""
    return canonical_json(
        {
            "type": message.type,
            "timestamp": message.created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "data": {"id": message.post_id, **message.payload},
        }
    ).encode()


def headers_of(message: Message, body: bytes, *, secret: str, now: datetime) -> dict[str, str]:
    """The three webhook headers; the signature covers id, timestamp (whole seconds) and body."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join((message.id.encode(), timestamp.encode(), body))
    digest = hmac.new(signing_key(secret), signed, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": message.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def retry_at(attempt: int, now: datetime) -> datetime | None:
    """When a delivery whose try number `attempt` (from 1) failed is tried again; None when it is given up."""
    if attempt > len(RETRY_SECONDS):
        return None
    wait = RETRY_SECONDS[attempt - 1] * (1 + random.uniform(0, JITTER))  # noqa: S311 - spreading load, not a secret
    return now + timedelta(seconds=wait)


def pause_until(endpoint: Endpoint, now: datetime) -> datetime:
    """Until when an endpoint that gave no answer is left alone: for as long as it has been silent, within bounds."""
    silent = 0.0 if endpoint.silent_since is None else (now - endpoint.silent_since).total_seconds()
    return now + timedelta(seconds=min(max(silent, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))


class Courier:
    """Delivers what is due, a few at a time to each endpoint.

    Nothing that an endpoint answers, or fails to, ends it, or delays what is for others.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        worker: str,
        clock: Callable[[], datetime],
        poll_seconds: float = 0.5,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._worker = worker
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._timeout_seconds = timeout_seconds
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="courier")

    async def _call(self, call: Callable[[], T]) -> T:
        """A database call off the event loop, on a thread that name look-ups cannot use up."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set."""
        asyncio.run(self._run(stop))

    async def _run(self, stop: threading.Event) -> None:
        async with _client() as client:
            tries: Tries = {}
            while not stop.is_set():
                try:
                    await self._start(client, tries)
                    await self._finish(tries, asyncio.FIRST_COMPLETED, self._poll_seconds)
                except UnavailableError as error:
                    log.warning("webhooks_postponed", reason=error.message)
                    await asyncio.sleep(self._poll_seconds)
            with suppress(UnavailableError):
                while tries:
                    await self._finish(tries, asyncio.FIRST_COMPLETED)

    def deliver_due(self) -> int:
        """Try what is due now, `AT_ONCE` deliveries per endpoint, each once; returns how many were tried."""

        async def once() -> int:
            tries: Tries = {}
            async with _client() as client:
                started = await self._start(client, tries)
                await self._finish(tries, asyncio.ALL_COMPLETED)
                return started

        return asyncio.run(once())

    async def _start(self, client: httpx.AsyncClient, tries: Tries) -> int:
        busy = [delivery.endpoint.name for delivery in tries.values()]
        claim = partial(
            self._outbox.claim,
            worker=self._worker,
            limit=AT_ONCE,
            busy=busy,
            lease_seconds=LEASE_SECONDS,
            now=self._clock(),
        )
        due = await self._call(claim)
        tries.update({asyncio.create_task(self._post(client, delivery)): delivery for delivery in due})
        return len(due)

    async def _finish(self, tries: Tries, wanted: str, seconds: float | None = None) -> None:
        """Wait for tries and write their results. One that cannot be written stays, to be written later."""
        if not tries:
            await asyncio.sleep(seconds or 0)
            return
        done, _ = await asyncio.wait(tries, timeout=seconds, return_when=wanted)
        for task in done:
            await self._call(partial(self._settle, tries[task], task.result()))
            del tries[task]

    async def _post(self, client: httpx.AsyncClient, delivery: Delivery) -> int | str:
        """The status of the endpoint's answer, or why there is none."""
        message, endpoint = delivery.message, delivery.endpoint
        try:
            body = body_of(message)
            headers = headers_of(message, body, secret=endpoint.secret, now=self._clock())
            async with (
                asyncio.timeout(self._timeout_seconds),
                client.stream("POST", endpoint.url, content=body, headers=headers) as response,
            ):
                return response.status_code
        except TimeoutError:
            return f"no answer within {self._timeout_seconds:g} s"
        except Exception as error:  # noqa: BLE001 - whatever an endpoint does is its own failure, never the lane's
            return f"{type(error).__name__}: {error}"

    def _settle(self, delivery: Delivery, answer: int | str) -> None:
        if isinstance(answer, str):
            self._fail(delivery, answer, answered=False)
        elif httpx.codes.is_success(answer):
            self._outbox.delivered(delivery, status=answer, now=self._clock())
        else:
            self._fail(delivery, f"HTTP {answer}", permanent=answer == httpx.codes.GONE)

    def _fail(self, delivery: Delivery, error: str, *, permanent: bool = False, answered: bool = True) -> None:
        now = self._clock()
        again = None if permanent else retry_at(delivery.attempt, now)
        level = log.warning if again else log.error
        level(
            "webhook_failed" if again else "webhook_dead",
            message=delivery.message.id,
            endpoint=delivery.endpoint.name,
            attempt=delivery.attempt,
            error=error[:MAX_LOGGED_CHARS],
        )
        pause = None if answered else pause_until(delivery.endpoint, now)
        self._outbox.failed(delivery, error=error, retry_at=again, paused_until=pause, now=now)


def _client() -> httpx.AsyncClient:
    """A client that follows nothing and remembers nothing: a cookie that cannot be sent back breaks every request.

    It has no limit of connections, for which one endpoint would wait for another.
    """
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=AT_ONCE)
    return httpx.AsyncClient(
        timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False, cookies=no_cookies, limits=limits
    )
