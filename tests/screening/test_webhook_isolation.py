"""One endpoint gives no answer; the other is not delayed by it. Real servers, and the outbox of a real database."""

import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from moderation.screening.webhooks import AT_ONCE, LONGEST_PAUSE_SECONDS, Courier, new_secret
from moderation.storage.deliveries import MAX_SILENCE
from moderation.storage.engine import Database
from moderation.storage.outbox import OutboxStore
from moderation.storage.posts import PostStore
from tests.factories import NOW, accept, judge_all
from tests.fakes import Clock

MESSAGES = 3 * AT_ONCE


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        self.rfile.read(int(self.headers["content-length"]))
        server.got.append(self.headers["webhook-id"])
        if not server.hangs_up and server.answers.wait(60):
            self.send_response(204)
            self.end_headers()

    def log_message(self, *args: object) -> None:
        """Quiet."""


class Server(http.server.ThreadingHTTPServer):
    """Keeps the ids of what it gets, and answers once `answers` is set, or hangs up."""

    daemon_threads = True
    hangs_up = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.got: list[str] = []
        self.answers = threading.Event()

    def handle_error(self, *args: object) -> None:
        """A client that has gone is expected here."""


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.answers.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def silent() -> Iterator[Server]:
    with serving(Server()) as server:
        yield server


@pytest.fixture
def healthy() -> Iterator[Server]:
    with serving(Server()) as server:
        server.answers.set()
        yield server


@pytest.fixture
def outbox(sqlite_database: Database, silent: Server, healthy: Server) -> OutboxStore:
    """Messages that wait for both; the silent endpoint is the first by name."""
    store, posts = OutboxStore(sqlite_database), PostStore(sqlite_database)
    for name, server in (("a-silent", silent), ("healthy", healthy)):
        store.add_endpoint(name, f"http://127.0.0.1:{server.server_address[1]}/", new_secret(), NOW)
    for _ in range(MESSAGES):
        accept(posts, now=NOW)
    judge_all(posts, now=NOW)
    return store


def test_the_healthy_one_has_everything_before_the_silent_one_is_tried_again(
    outbox: OutboxStore, silent: Server, healthy: Server
) -> None:
    stop = threading.Event()
    courier = Courier(outbox, worker="w", clock=Clock(NOW), poll_seconds=0.01)
    thread = threading.Thread(target=courier.run, args=(stop,))
    thread.start()
    while "healthy" in outbox.backlog() and thread.is_alive():
        stop.wait(0.01)
    tried, endpoints = Counter(silent.got), outbox.endpoints()
    stop.set()
    silent.answers.set()
    thread.join()
    assert len(set(healthy.got)) == len(healthy.got) == MESSAGES
    assert len(tried) <= AT_ONCE
    assert set(tried.values()) <= {1}
    assert [endpoint.silent_since for endpoint in endpoints] == [None, None], "its first tries had not ended yet"


def test_a_silent_endpoint_is_tried_with_one_message_after_each_pause(
    outbox: OutboxStore, silent: Server, healthy: Server
) -> None:
    clock = Clock(NOW)
    courier = Courier(outbox, worker="w", clock=clock)
    silent.hangs_up = True
    tried = [courier.deliver_due() for _ in range(MESSAGES // AT_ONCE + 1)]
    assert tried == [2 * AT_ONCE, AT_ONCE, AT_ONCE, 0]
    assert len(healthy.got) == MESSAGES
    for _ in range(3):
        clock.pass_seconds(LONGEST_PAUSE_SECONDS)
        assert [courier.deliver_due(), courier.deliver_due()] == [1, 0]
    silent.hangs_up = False
    silent.answers.set()
    while outbox.backlog():
        clock.pass_seconds(LONGEST_PAUSE_SECONDS)
        assert courier.deliver_due() > 0
    assert outbox.dead() == []
    assert set(silent.got) == set(healthy.got)


def test_what_is_for_an_endpoint_that_never_answers_ends_as_dead_letters(
    outbox: OutboxStore, silent: Server, healthy: Server
) -> None:
    clock = Clock(NOW)
    courier = Courier(outbox, worker="w", clock=clock)
    silent.hangs_up = True
    for _ in range(8):
        clock.pass_seconds(MAX_SILENCE.total_seconds() / 7)
        courier.deliver_due()
    assert outbox.backlog() == {}
    assert {(letter.endpoint.name, letter.message.id) for letter in outbox.dead()} == {
        ("a-silent", message) for message in healthy.got
    }
    assert len(healthy.got) == MESSAGES
