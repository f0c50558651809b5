"""Webhooks by the Standard Webhooks specification (version 1.0): id, timestamp, HMAC-SHA256, retries, dead letters.

Delivery is at least once: a consumer deduplicates on the `webhook-id` header, which never changes for an event.
"""

import base64
import binascii
import hashlib
import hmac
import random
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Protocol

import httpx
import structlog

from moderation.domain.audit import canonical_json
from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.domain.outbox import Delivery, Message

log = structlog.get_logger(__name__)

RETRY_SECONDS: tuple[float, ...] = (5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 50_400, 72_000)
"""The wait before each retry; after the last one a delivery is a dead letter, about two days on."""
JITTER = 0.2
"""Each wait is lengthened by up to this share, so that an endpoint that comes back is not flooded."""
TIMEOUT_SECONDS = 15.0
LEASE_SECONDS = 60.0
PARALLEL = 4
SECRET_PREFIX = "whsec_"  # noqa: S105 - the specification's prefix, not a secret
MIN_SECRET_BYTES = 24


class Outbox(Protocol):
    """What the courier needs of the outbox."""

    def claim(self, *, worker: str, limit: int, lease_seconds: float, now: datetime) -> list[Delivery]:
        """Deliveries that are due, leased to this worker."""
        ...

    def delivered(self, delivery: Delivery, *, status: int, now: datetime) -> None:
        """The endpoint took it."""
        ...

    def failed(self, delivery: Delivery, *, error: str, retry_at: datetime | None, now: datetime) -> None:
        """It did not; try again at `retry_at`, or never (None): a dead letter."""
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


class Courier:
    """Delivers what is due, a few at a time."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        worker: str,
        clock: Callable[[], datetime],
        client: httpx.Client | None = None,
        poll_seconds: float = 0.5,
    ) -> None:
        self._outbox = outbox
        self._worker = worker
        self._clock = clock
        self._client = client or httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)
        self._poll_seconds = poll_seconds

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set."""
        with ThreadPoolExecutor(PARALLEL, thread_name_prefix="courier") as pool:
            while not stop.is_set():
                try:
                    sent = self.deliver_due(pool.map)
                except UnavailableError as error:
                    log.warning("webhooks_postponed", reason=error.message)
                    sent = 0
                if not sent:
                    stop.wait(self._poll_seconds)
        self._client.close()

    def deliver_due(self, run: Callable[..., object] = map) -> int:
        """Try every delivery that is due now, once; returns how many were tried."""
        now = self._clock()
        due: Sequence[Delivery] = self._outbox.claim(
            worker=self._worker, limit=PARALLEL * 2, lease_seconds=LEASE_SECONDS, now=now
        )
        results = run(self._deliver, due)
        return len(list(results))  # type: ignore[call-overload]  # any map-like callable

    def _deliver(self, delivery: Delivery) -> None:
        message, endpoint = delivery.message, delivery.endpoint
        try:
            body = body_of(message)
            headers = headers_of(message, body, secret=endpoint.secret, now=self._clock())
            with self._client.stream("POST", endpoint.url, content=body, headers=headers) as response:
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, InvalidInputError) as error:
            self._fail(delivery, f"{type(error).__name__}: {error}", permanent=False)
            return
        if httpx.codes.is_success(status):
            self._outbox.delivered(delivery, status=status, now=self._clock())
        else:
            self._fail(delivery, f"HTTP {status}", permanent=status == httpx.codes.GONE)

    def _fail(self, delivery: Delivery, error: str, *, permanent: bool) -> None:
        now = self._clock()
        again = None if permanent else retry_at(delivery.attempt, now)
        level = log.warning if again else log.error
        level(
            "webhook_failed" if again else "webhook_dead",
            message=delivery.message.id,
            endpoint=delivery.endpoint.name,
            attempt=delivery.attempt,
            error=error,
        )
        self._outbox.failed(delivery, error=error, retry_at=again, now=now)
