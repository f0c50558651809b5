import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import MessageId, PostId
from moderation.domain.outbox import Delivery, Endpoint, Message
from moderation.screening.webhooks import (
    AT_ONCE,
    JITTER,
    RETRY_SECONDS,
    Courier,
    body_of,
    headers_of,
    new_secret,
    pause_until,
    retry_at,
    signing_key,
)
from moderation.storage.deliveries import MAX_SILENCE
from tests.fakes import START, Clock


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers with the status that its server holds, and keeps what it got."""

    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, ReceivingServer)
        body = self.rfile.read(int(self.headers["content-length"]))
        server.got.append((dict(self.headers.items()), body))
        self.send_response(server.status)
        if server.status == 302:
            self.send_header("location", "/elsewhere")
        if server.cookie:
            self.send_header("set-cookie", server.cookie)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Quiet."""


class ReceivingServer(http.server.ThreadingHTTPServer):
    status = 200
    cookie = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.got: list[tuple[dict[str, str], bytes]] = []


@pytest.fixture
def receiver() -> Iterator[ReceivingServer]:
    with ReceivingServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class MemoryOutbox:
    def __init__(self, *due: Delivery) -> None:
        self.due = list(due)
        self.done: list[int] = []
        self.failures: list[tuple[str, datetime | None]] = []
        self.pauses: list[datetime | None] = []

    def claim(
        self, *, worker: str, limit: int, busy: Sequence[str], lease_seconds: float, now: datetime
    ) -> list[Delivery]:
        taken, self.due = self.due[:limit], self.due[limit:]
        return taken

    def delivered(self, delivery: Delivery, *, status: int, now: datetime) -> None:
        self.done.append(status)

    def failed(
        self,
        delivery: Delivery,
        *,
        error: str,
        retry_at: datetime | None,
        paused_until: datetime | None,
        now: datetime,
    ) -> None:
        self.failures.append((error, retry_at))
        self.pauses.append(paused_until)


MESSAGE = Message(MessageId("msg-1"), "post.published", PostId("post-1"), {"state": "published"}, START)


def delivery(url: str, *, attempt: int = 1, secret: str = "") -> Delivery:
    return Delivery(MESSAGE, Endpoint("feed", url, secret or new_secret()), attempt)


def address(server: ReceivingServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/hook"


def send(outbox: MemoryOutbox, clock: Clock | None = None) -> int:
    return Courier(outbox, worker="w", clock=clock or Clock()).deliver_due()


def test_the_reference_library_verifies_what_is_delivered(receiver: ReceivingServer) -> None:
    secret = new_secret()
    outbox = MemoryOutbox(delivery(address(receiver), secret=secret))
    assert send(outbox, Clock(datetime.now(UTC))) == 1
    assert outbox.done == [200]
    [(headers, body)] = receiver.got
    payload = Webhook(secret).verify(body, headers)
    assert payload == {
        "type": "post.published",
        "timestamp": "2026-01-02T03:04:05.000Z",
        "data": {"id": "post-1", "state": "published"},
    }
    assert headers["webhook-id"] == "msg-1"


def test_a_changed_body_is_not_verified() -> None:
    secret = new_secret()
    body = body_of(MESSAGE)
    headers = headers_of(MESSAGE, body, secret=secret, now=datetime.now(UTC))
    Webhook(secret).verify(body, headers)
    with pytest.raises(Exception, match="No matching signature"):
        Webhook(secret).verify(body.replace(b"published", b"withdrawn"), headers)


def test_every_try_sends_the_same_bytes() -> None:
    assert body_of(MESSAGE) == body_of(MESSAGE)
    assert json.loads(body_of(MESSAGE))["type"] == "post.published"


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_anything_but_success_is_tried_again(receiver: ReceivingServer, status: int) -> None:
    receiver.status = status
    outbox = MemoryOutbox(delivery(address(receiver)))
    send(outbox)
    [(error, again)] = outbox.failures
    assert error == f"HTTP {status}"
    assert again is not None
    assert START + timedelta(seconds=5) <= again <= START + timedelta(seconds=6)
    assert outbox.pauses == [None]
    assert len(receiver.got) == 1


def test_gone_is_never_tried_again(receiver: ReceivingServer) -> None:
    receiver.status = 410
    outbox = MemoryOutbox(delivery(address(receiver)))
    send(outbox)
    assert outbox.failures == [("HTTP 410", None)]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/closed", "http://[not-a-url", "gopher://127.0.0.1/"])
def test_an_endpoint_that_cannot_be_reached_is_tried_again(url: str) -> None:
    outbox = MemoryOutbox(delivery(url))
    send(outbox)
    [(_, again)] = outbox.failures
    assert again is not None
    assert outbox.pauses == [START + timedelta(seconds=5)]


def test_silence_gives_nothing_up_before_its_retries_would() -> None:
    assert timedelta(seconds=sum(RETRY_SECONDS) * (1 + JITTER)) < MAX_SILENCE


def test_a_pause_is_as_long_as_the_silence_within_bounds() -> None:
    def seconds(silent: float | None) -> float:
        since = None if silent is None else START - timedelta(seconds=silent)
        return (pause_until(Endpoint("feed", "", "", since), START) - START).total_seconds()

    silences = (None, -100, 0, 20, 300, 100_000)
    assert [seconds(silent) for silent in silences] == [5, 5, 5, 20, 300, 600]


def test_a_cookie_that_cannot_be_sent_back_ends_nothing(receiver: ReceivingServer) -> None:
    receiver.cookie = "\xf2=1"
    outbox, stop = MemoryOutbox(*(delivery(address(receiver)) for _ in range(AT_ONCE + 1))), threading.Event()
    courier = Courier(outbox, worker="w", clock=Clock(), poll_seconds=0.01)
    thread = threading.Thread(target=courier.run, args=(stop,))
    thread.start()
    while len(outbox.done) + len(outbox.failures) <= AT_ONCE and thread.is_alive():
        stop.wait(0.01)
    stop.set()
    thread.join()
    assert outbox.done == [200] * (AT_ONCE + 1)


def test_an_endpoint_that_answers_a_byte_at_a_time_is_cut_off() -> None:
    over = threading.Event()

    def drip() -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
            while not over.wait(0.05):
                connection.sendall(b"a")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip)
        thread.start()
        outbox = MemoryOutbox(delivery(f"http://127.0.0.1:{server.getsockname()[1]}/"))
        Courier(outbox, worker="w", clock=Clock(), timeout_seconds=0.3).deliver_due()
        over.set()
        thread.join()
    assert [error for error, _ in outbox.failures] == ["no answer within 0.3 s"]


def test_after_the_last_retry_a_delivery_is_dead() -> None:
    waits = [retry_at(attempt, START) for attempt in range(1, len(RETRY_SECONDS) + 2)]
    assert waits[-1] is None
    times = [wait for wait in waits if wait is not None]
    assert len(times) == len(RETRY_SECONDS)
    assert times == sorted(times)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!", "bm9wcmVmaXhub3ByZWZpeG5vcHJlZml4"])
def test_a_weak_or_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(InvalidInputError):
        signing_key(secret)
