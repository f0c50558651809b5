"""Whole fetches from a server on this machine into the banks of both databases."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from moderation.domain.bank import BankEffect, Opinion
from moderation.domain.errors import UnavailableError
from moderation.domain.exchange import Applied, Exchange, ExchangeKind, MalformedExchangeError, Outcome
from moderation.matching.exchanges.registry import SPECS, open_source
from moderation.matching.exchanges.source import Source
from moderation.screening.exchanges import TELL_SECONDS, Fetch, FetchLimits, FetchReport, tell
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.exchange_feedback import FeedbackStore
from moderation.storage.exchanges import ExchangeStore
from tests.factories import NOW, after
from tests.matching.exchanges import server as s
from tests.matching.exchanges.opened import ENVIRONMENT, NOW_EPOCH, PATHS, an_exchange, pdq
from tests.matching.exchanges.server import ExchangeServer, Fault, gone, image, record, running, update
from tests.storage.tampering import count

REMOTE = tuple(PATHS)
TOLD = {kind: spec.outcomes for kind, spec in SPECS.items()}
QUICK = FetchLimits(first_wait_seconds=0.0)


@pytest.fixture
def server() -> Iterator[ExchangeServer]:
    with running() as service:
        yield service


def added(database: Database, exchange: Exchange) -> ExchangeStore:
    store = ExchangeStore(database)
    store.add(exchange, actor="test", now=NOW, new_bank=BankEffect.BLOCK)
    return store


def fetch(database: Database, *, allow: bool = False, limits: FetchLimits = QUICK, name: str = "shared") -> FetchReport:
    opening = partial(open_source, environment=ENVIRONMENT, clock=lambda: NOW)
    run = Fetch(ExchangeStore(database), opening, lambda: NOW, limits=limits, sleep=lambda _: None)
    return run.run(name, allow_removals=allow)


def opinions(database: Database) -> dict[str, Opinion]:
    return {entry.pdq: entry.opinion for entry in BankStore(database).entries("SHARED", 10_000)}


def fill(server: ExchangeServer, size: int) -> None:
    server.updates = [update(number, pdq(number), 100 + number) for number in range(1, size + 1)]
    server.entries = [image(f"e{number}", NOW_EPOCH - 9_000, pdq(number)) for number in range(1, size + 1)]
    server.records = [record(pdq(number), 100 + number, "Active", ("A", "Blocked")) for number in range(1, size + 1)]


@pytest.mark.parametrize("kind", REMOTE)
def test_everything_comes_into_the_bank_and_nothing_twice(
    server: ExchangeServer, database: Database, kind: ExchangeKind
) -> None:
    fill(server, 7)
    store = added(database, an_exchange(kind, server.url))
    report = fetch(database)
    assert (report.pages, report.items, report.applied, report.complete) == (4, 7, Applied(added=7), True)
    assert opinions(database) == {pdq(number): Opinion.POSITIVE for number in range(1, 8)}
    state = store.state("shared")
    assert (state.items, state.failures, state.last_success_at, state.last_error) == (7, 0, NOW, "")
    changes = count(database, "bank_changes")
    assert fetch(database).applied.added == 0
    assert count(database, "bank_changes") == changes


def test_removals_and_disputes_upstream_reach_the_bank(server: ExchangeServer, database: Database) -> None:
    fill(server, 3)
    added(database, an_exchange(ExchangeKind.THREATEXCHANGE, server.url))
    fetch(database)
    server.updates += [
        gone(1, pdq(1), 200),
        update(2, pdq(2), 201, s.descriptor(20, 1), s.descriptor(21, 2, "NON_MALICIOUS")),
    ]
    report = fetch(database)
    assert report.applied == Applied(amended=1, removed=1, unchanged=1)
    assert opinions(database) == {pdq(2): Opinion.DISPUTED, pdq(3): Opinion.POSITIVE}


@pytest.mark.parametrize("kind", REMOTE)
def test_a_failure_in_the_middle_loses_nothing_and_repeats_nothing(
    server: ExchangeServer, database: Database, kind: ExchangeKind
) -> None:
    fill(server, 9)
    store = added(database, an_exchange(kind, server.url))
    server.fault = Fault(status=503, skip=3)
    with pytest.raises(UnavailableError):
        fetch(database)
    begun = store.state("shared")
    assert (begun.failures, begun.last_success_at) == (1, None)
    assert 0 < begun.items < 9
    server.fault = None
    server.asked.clear()
    report = fetch(database)
    assert report.items == 9 - begun.items
    assert len(opinions(database)) == 9
    assert count(database, "bank_changes") == 9 + 1


def test_a_page_that_does_not_come_is_asked_for_again(server: ExchangeServer, database: Database) -> None:
    fill(server, 5)
    added(database, an_exchange(ExchangeKind.STOPNCII, server.url))
    server.fault = Fault(status=500, skip=1, times=3)
    assert fetch(database).complete
    assert len(opinions(database)) == 5


@pytest.mark.parametrize("kind", REMOTE)
def test_a_malformed_page_leaves_what_came_before_and_is_told(
    server: ExchangeServer, database: Database, kind: ExchangeKind
) -> None:
    fill(server, 5)
    store = added(database, an_exchange(kind, server.url))
    server.fault = Fault(body=b'{"data": [{"id": []}]}', skip=2)
    with pytest.raises(MalformedExchangeError):
        fetch(database)
    state = store.state("shared")
    assert state.items == len(opinions(database)) > 0
    assert state.last_error
    assert not any(secret in state.last_error for secret in (*s.SECRETS, pdq(1)))


def test_a_missing_credential_is_recorded_by_the_name_of_its_variable(database: Database) -> None:
    store = added(database, an_exchange(ExchangeKind.NCMEC, "http://127.0.0.1:9"))
    run = Fetch(store, partial(open_source, environment={}, clock=lambda: NOW), lambda: NOW, sleep=lambda _: None)
    with pytest.raises(UnavailableError):
        run.run("shared")
    assert "EXCHANGE_USER" in store.state("shared").last_error


def test_pages_and_time_are_limited_and_the_next_fetch_goes_on(server: ExchangeServer, database: Database) -> None:
    fill(server, 9)
    store = added(database, an_exchange(ExchangeKind.THREATEXCHANGE, server.url))
    limits = FetchLimits(max_pages=2)
    reports = [fetch(database, limits=limits) for _ in range(3)]
    assert [report.complete for report in reports] == [False, False, True]
    assert [report.items for report in reports] == [4, 4, 1]
    assert len(opinions(database)) == 9
    assert store.state("shared").items == 9


def test_a_server_that_pages_for_ever_is_stopped(server: ExchangeServer, database: Database) -> None:
    class Endless(ExchangeServer):
        def answer(self, method: str, target: str, headers: object, body: bytes) -> tuple[int, bytes]:
            following = f"{server.url}/te/{s.GROUP}/threat_updates/?after={len(self.asked)}"
            return 200, f'{{"data": [], "paging": {{"next": "{following}"}}}}'.encode()

    server.answer = Endless().answer  # type: ignore[method-assign]
    added(database, an_exchange(ExchangeKind.THREATEXCHANGE, server.url))
    with pytest.raises(MalformedExchangeError):
        fetch(database, limits=FetchLimits(max_pages=20))


def test_files_that_shrink_take_entries_away_and_a_file_that_nearly_vanished_does_not(
    tmp_path: Path, database: Database
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("pdq\n" + "".join(f"{pdq(number)}\n" for number in range(300)))
    store = added(database, an_exchange(ExchangeKind.FILES, str(path)))
    assert fetch(database).applied == Applied(added=300)
    path.write_text("pdq\n" + "".join(f"{pdq(number)}\n" for number in range(270)))
    assert fetch(database).applied == Applied(removed=30, unchanged=270)
    path.write_text(f"pdq\n{pdq(1)}\n")
    report = fetch(database)
    assert (report.withheld, report.applied.removed, len(opinions(database))) == (269, 0, 270)
    assert "withheld" in store.state("shared").last_error
    assert store.state("shared").removals_due == 269
    assert fetch(database, allow=True).applied.removed == 269
    assert set(opinions(database)) == {pdq(1)}


def test_what_cannot_be_used_is_counted_and_reported(server: ExchangeServer, database: Database) -> None:
    server.page = 10
    server.records = [record(pdq(1), 20), record("abc", 21, kind="VideoMD5"), record("zz", 22)]
    store = added(database, an_exchange(ExchangeKind.STOPNCII, server.url))
    report = fetch(database)
    assert (dict(report.unsupported), report.malformed) == ({"VideoMD5": 1}, 1)
    state = store.state("shared")
    assert (dict(state.unsupported), state.malformed) == ({"VideoMD5": 1}, 1)
    assert opinions(database) == {pdq(1): Opinion.SEED}


@pytest.mark.parametrize("kind", REMOTE)
def test_results_are_told_once_and_what_fails_is_tried_again(
    server: ExchangeServer, database: Database, kind: ExchangeKind
) -> None:
    fill(server, 2)
    store = added(database, an_exchange(kind, server.url, write_back=True))
    fetch(database)
    feedback = FeedbackStore(database)
    (entry,) = BankStore(database).find(pdq(1))
    assert feedback.review(entry.id, Outcome.CONFIRMED, told=TOLD, actor="ann", now=NOW) == 1
    opening = partial(open_source, environment=ENVIRONMENT, clock=lambda: NOW)
    server.fault = Fault(status=503)
    assert tell(feedback, lambda name: store.state(name).exchange, opening, lambda: NOW) == (0, 1)
    server.fault = None
    assert tell(feedback, lambda name: store.state(name).exchange, opening, lambda: after(70)) == (1, 0)
    assert tell(feedback, lambda name: store.state(name).exchange, opening, lambda: after(90_000)) == (0, 0)
    assert len(server.told.reactions) + len(server.told.votes) + len(server.told.feedbacks) == 1
    assert feedback.counts() == {"shared": {"sent": 1}}


def test_a_fetch_that_was_killed_goes_on_where_it_stopped(
    server: ExchangeServer, database_url: str, tmp_path: Path
) -> None:
    fill(server, 40)
    database = Database.open(database_url)
    store = added(database, an_exchange(ExchangeKind.THREATEXCHANGE, server.url))
    server.fault = Fault(seconds=0.1)
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "MODERATION_HOME": str(tmp_path / "home"),
        "MODERATION_DATABASE_URL": database_url,
    }
    command = [sys.executable, "-m", "moderation", "exchange", "fetch", "shared", "--json"]
    killed = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while store.state("shared").items < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    stopped = store.state("shared")
    assert 6 <= stopped.items < 40
    assert len(opinions(database)) == stopped.items == stopped.revision * server.page
    server.fault = None
    server.asked.clear()
    report = fetch(database)
    assert report.items == 40 - stopped.items
    assert len(opinions(database)) == 40
    assert count(database, "bank_changes") == 40 + 1, "nothing was added twice"
    database.close()


def test_a_fetch_that_breaks_off_unforeseen_is_recorded_and_waits(server: ExchangeServer, database: Database) -> None:
    store = added(database, an_exchange(ExchangeKind.THREATEXCHANGE, server.url))

    def broken(_: Exchange) -> Source:
        raise KeyError("secret")

    with pytest.raises(KeyError):
        Fetch(store, broken, lambda: NOW, limits=QUICK).run("shared")
    state = store.state("shared")
    assert (state.failures, state.last_error, store.due(NOW)) == (1, "The fetch broke off: KeyError.", [])


def test_an_exchange_that_is_away_is_asked_once_and_telling_ends(server: ExchangeServer, database: Database) -> None:
    fill(server, 5)
    store = added(database, an_exchange(ExchangeKind.STOPNCII, server.url, write_back=True))
    fetch(database)
    feedback = FeedbackStore(database)
    for entry in BankStore(database).entries("SHARED"):
        feedback.review(entry.id, Outcome.CONFIRMED, told=TOLD, actor="ann", now=NOW)
    opening = partial(open_source, environment=ENVIRONMENT, clock=lambda: NOW)
    server.asked.clear()
    server.fault = Fault(status=503)
    assert tell(feedback, lambda name: store.state(name).exchange, opening, lambda: NOW) == (0, 5)
    assert len(server.asked) == 1
    server.fault = None
    seconds = iter([0.0, 0.0, 0.0, 0.0, TELL_SECONDS, TELL_SECONDS])
    reached = partial(tell, feedback, lambda name: store.state(name).exchange, opening)
    assert reached(lambda: after(70), monotonic=lambda: next(seconds)) == (2, 0)
    assert reached(lambda: after(70 + 301)) == (3, 0), "what was left is told when its lease ended"
