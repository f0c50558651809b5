from dataclasses import replace
from datetime import timedelta

import pytest

from moderation.domain.bank import Opinion
from moderation.domain.exchange import (
    ExchangeKind,
    ExchangeRefusedError,
    Feedback,
    Item,
    MalformedExchangeError,
    Outcome,
    aggregate,
)
from moderation.matching.exchanges import stopncii
from moderation.matching.exchanges.registry import open_source
from tests.factories import NOW
from tests.matching.exchanges.opened import ENVIRONMENT, NOW_EPOCH, a_source, an_exchange, items, pages, pdq
from tests.matching.exchanges.server import ExchangeServer, record

KIND = ExchangeKind.STOPNCII


def opinions(server: ExchangeServer) -> dict[str, Opinion]:
    found = items(pages(KIND, server.url)).values()
    return {item.pdq: aggregate(said.opinion for said in item.opinions) for item in found}


def test_records_come_by_pages_and_withdrawn_ones_are_gone(server: ExchangeServer) -> None:
    server.records = [record(pdq(number), 100 + number) for number in range(4)]
    server.records += [record(pdq(4), 110, "Withdrawn"), record(pdq(0), 111, "Deleted")]
    fetched = pages(KIND, server.url)
    assert [len(page.items) for page in fetched] == [2, 2, 2]
    assert [(page.begins, page.full, page.complete) for page in fetched] == [
        (True, True, False),
        (False, True, False),
        (False, True, True),
    ]
    assert [item.deleted for item in fetched[2].items] == [True, True]
    assert fetched[2].items[1].id == fetched[0].items[0].id
    assert fetched[2].position["start"] == 111


def test_an_identifier_is_not_the_hash(server: ExchangeServer) -> None:
    server.records = [record(pdq(1), 100)]
    (item,) = pages(KIND, server.url)[0].items
    assert item.id not in pdq(1)
    assert pdq(1) not in repr(item)


def test_the_next_fetch_begins_where_the_server_said(server: ExchangeServer) -> None:
    server.records = [record(pdq(1), 100)]
    position = pages(KIND, server.url)[-1].position
    server.records.append(record(pdq(2), 200))
    again = pages(KIND, server.url, position)
    assert "startTimestamp=100" in server.asked[-1]
    assert {item.pdq for item in again[0].items} == {pdq(1), pdq(2)}
    assert not again[0].full
    stale = pages(KIND, server.url, position, at=NOW + timedelta(days=31))
    assert (stale[0].begins, stale[0].full) == (True, True)


def test_a_fetch_that_stopped_goes_on_with_its_token_while_that_is_fresh(server: ExchangeServer) -> None:
    server.records = [record(pdq(number), 100 + number) for number in range(5)]
    first = pages(KIND, server.url)[0]
    rest = pages(KIND, server.url, first.position)
    assert [item.pdq for page in rest for item in page.items] == [pdq(2), pdq(3), pdq(4)]
    late = pages(KIND, server.url, first.position, at=NOW + timedelta(seconds=stopncii.TOKEN_SECONDS + 1))
    assert len(items(late)) == 5


def test_a_case_is_a_seed_until_a_platform_looked(server: ExchangeServer) -> None:
    server.page = 10
    server.records = [
        record(pdq(1), 21),
        record(pdq(2), 22, "Active", ("Ann", "Blocked")),
        record(pdq(3), 23, "Active", ("Ann", "Blocked"), ("Ben", "NotBlocked")),
        record(pdq(4), 24, "Active", ("Ann", "NotBlocked")),
        record(pdq(5), 25, "Active", ("Ann", "PendingReview"), ("Ben", "Withdrawn")),
    ]
    assert opinions(server) == {
        pdq(1): Opinion.SEED,
        pdq(2): Opinion.POSITIVE,
        pdq(3): Opinion.DISPUTED,
        pdq(4): Opinion.DISPUTED,
        pdq(5): Opinion.SEED,
    }


def test_records_stand_for_themselves_so_a_malformed_one_is_counted_and_the_others_used(
    server: ExchangeServer,
) -> None:
    server.page = 20
    good = record(pdq(1), 21)
    bare = {**record(pdq(9), 21), "caseNumbers": [], "CSPFeedbacks": None}
    server.records = [
        good,
        bare,
        record("d41d8cd98f00b204e9800998ecf8427e", 22, kind="VideoMD5"),
        record("https://example.org", 22, kind="URL"),
        record(pdq(2), 23, kind="Hologram"),
        record("zz", 23),
        {**record(pdq(3), 23), "hashValue": 17},
        {**record(pdq(4), 23), "CSPFeedbacks": "none"},
        {**record(pdq(5), 23), "hashStatus": None},
        {**record(pdq(6), 23), "CSPFeedbacks": [{"source": "a", "feedbackValue": 1}]},
    ]
    (page,) = pages(KIND, server.url)
    assert [item.pdq for item in page.items] == [pdq(1), pdq(9)]
    assert page.skipped.unsupported == {"VideoMD5": 1, "URL": 1}
    assert page.skipped.malformed == 6


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"nonsense",
        b'{"hashRecords": {}, "hasMoreRecords": false, "nextSetTimestamp": 1}',
        b'{"hashRecords": [], "hasMoreRecords": "no", "nextSetTimestamp": 1}',
        b'{"hashRecords": [], "hasMoreRecords": false, "nextSetTimestamp": "soon"}',
        b'{"hashRecords": [], "hasMoreRecords": true, "nextPageToken": null}',
        b'{"hashRecords": [], "hasMoreRecords": true, "nextPageToken": "t", "nextSetTimestamp": 1}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_not_the_protocols_is_refused(server: ExchangeServer, body: bytes) -> None:
    server.raw = body
    with pytest.raises(MalformedExchangeError):
        pages(KIND, server.url)


@pytest.mark.parametrize(
    ("outcome", "value"),
    [(Outcome.SEEN, "PendingReview"), (Outcome.CONFIRMED, "Blocked"), (Outcome.DISPUTED, "NotBlocked")],
)
def test_results_are_feedback_on_the_hash(server: ExchangeServer, outcome: Outcome, value: str) -> None:
    server.records = [record(pdq(1), 21)]
    (item,) = pages(KIND, server.url)[0].items
    source = a_source(KIND, server.url)
    source.tell(Feedback(1, "shared", item, outcome, None, 1, NOW))
    source.close()
    assert server.told.feedbacks == [{"hashValue": pdq(1), "feedbackValue": value, "tags": []}]


def test_a_time_to_come_hides_nothing_that_is_told_before_it(server: ExchangeServer) -> None:
    server.records = [record(pdq(1), NOW_EPOCH + 10**9)]
    position = pages(KIND, server.url)[-1].position
    server.records.append(record(pdq(2), NOW_EPOCH + 60))
    assert pdq(2) in {item.pdq for page in pages(KIND, server.url, position) for item in page.items}


def test_nothing_is_told_without_the_key_for_it(server: ExchangeServer) -> None:
    exchange = an_exchange(KIND, server.url)
    named = {what: variable for what, variable in exchange.credentials.items() if what != "feedback_key"}
    source = open_source(replace(exchange, credentials=named), ENVIRONMENT, lambda: NOW)
    with pytest.raises(ExchangeRefusedError, match="feedback_key"):
        source.tell(Feedback(1, "shared", Item("1", pdq(1)), Outcome.SEEN, None, 1, NOW))
    source.close()
    assert not server.asked
