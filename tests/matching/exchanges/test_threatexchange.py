import json
from datetime import timedelta

import pytest

from moderation.domain.bank import Opinion
from moderation.domain.exchange import ExchangeKind, Feedback, MalformedExchangeError, Outcome, aggregate
from moderation.matching.exchanges.threatexchange import MAX_TOLD, STALE_SECONDS
from tests.factories import NOW
from tests.matching.exchanges.opened import NOW_EPOCH, a_source, items, pages, pdq
from tests.matching.exchanges.server import ExchangeServer, descriptor, gone, update

KIND = ExchangeKind.THREATEXCHANGE


def said(server: ExchangeServer) -> dict[str, Opinion]:
    found = items(pages(KIND, server.url))
    return {key: aggregate(one.opinion for one in item.opinions) for key, item in found.items()}


def test_updates_come_by_pages_in_order_and_deletions_as_deletions(server: ExchangeServer) -> None:
    server.updates = [update(number, pdq(number), 100 + number) for number in range(1, 6)]
    server.updates.append(gone(9, pdq(9), 200))
    fetched = pages(KIND, server.url)
    assert [len(page.items) for page in fetched] == [2, 2, 2]
    assert [page.complete for page in fetched] == [False, False, True]
    assert [(page.begins, page.full) for page in fetched] == [(True, True), (False, True), (False, True)]
    found = items(fetched)
    assert found["3"].pdq == pdq(3)
    assert found["9"].deleted
    assert (found["3"].quality, found["3"].feedback) == (100, {"descriptors": "30"})


def test_the_next_fetch_begins_at_the_newest_time_and_tells_only_what_is_new(server: ExchangeServer) -> None:
    server.updates = [update(number, pdq(number), 100 + number) for number in range(1, 6)]
    position = pages(KIND, server.url)[-1].position
    server.updates.append(update(7, pdq(7), 300))
    again = pages(KIND, server.url, position)
    assert set(items(again)) == {"5", "7"}
    assert not any(page.full or page.begins for page in again)


def test_a_fetch_that_stopped_goes_on_after_the_last_page(server: ExchangeServer) -> None:
    server.updates = [update(number, pdq(number), 100 + number) for number in range(1, 8)]
    first = pages(KIND, server.url)[1]
    rest = pages(KIND, server.url, first.position)
    assert list(items(rest)) == ["5", "6", "7"]
    assert all(page.full and not page.begins for page in rest)
    late = pages(KIND, server.url, first.position, at=NOW + timedelta(days=2))
    assert list(items(late)) == ["4", "5", "6", "7"], "an old cursor is not used; the newest time seen is"


def test_after_too_long_a_silence_everything_is_told_again(server: ExchangeServer) -> None:
    server.updates = [update(1, pdq(1), 100)]
    position = pages(KIND, server.url)[-1].position
    again = pages(KIND, server.url, position, at=NOW + timedelta(seconds=STALE_SECONDS + 1))
    assert [(page.begins, page.full, page.complete) for page in again] == [(True, True, True)]


def test_each_owner_has_one_opinion_and_a_status_counts_before_a_reaction(server: ExchangeServer) -> None:
    helpful = {"key": "HELPFUL", "value": "7,8"}
    against = {"key": "DISAGREE_WITH_TAGS", "value": "9"}
    server.page = 10
    server.updates = [
        update(1, pdq(1), 1, descriptor(10, 1)),
        update(2, pdq(2), 2, descriptor(20, 1), descriptor(21, 2, "NON_MALICIOUS")),
        update(3, pdq(3), 3, descriptor(30, 1, "NON_MALICIOUS")),
        update(4, pdq(4), 4, descriptor(40, 1, "UNKNOWN")),
        update(5, pdq(5), 5, descriptor(50, 1, "UNKNOWN", reactions=[helpful])),
        update(6, pdq(6), 6, descriptor(60, 1, reactions=[helpful, against])),
        update(7, pdq(7), 7, descriptor(70, 1, "NON_MALICIOUS", reactions=[{"key": "HELPFUL", "value": "1"}])),
    ]
    assert said(server) == {
        "1": Opinion.POSITIVE,
        "2": Opinion.DISPUTED,
        "3": Opinion.NEGATIVE,
        "4": Opinion.SEED,
        "5": Opinion.POSITIVE,
        "6": Opinion.DISPUTED,
        "7": Opinion.NEGATIVE,
    }


def test_a_descriptor_without_an_owner_says_nothing_and_nobody_saying_anything_is_a_seed(
    server: ExchangeServer,
) -> None:
    shown = descriptor(10, 1)
    del shown["owner"]
    server.updates = [update(1, pdq(1), 1, shown)]
    assert said(server) == {"1": Opinion.SEED}


def test_types_that_are_not_supported_and_malformed_hashes_are_counted(server: ExchangeServer) -> None:
    server.page = 10
    server.updates = [
        update(1, pdq(1), 1),
        update(2, "d41d8cd98f00b204e9800998ecf8427e", 2, kind="HASH_MD5"),
        update(3, "x", 3, kind="HASH_MD5"),
        update(4, "A photo DNA", 4, kind="HASH_PHOTODNA"),
        update(5, "not a hash", 5),
        update(6, "0" * 64, 6),
    ]
    fetched = pages(KIND, server.url)
    assert fetched[0].skipped.unsupported == {"HASH_MD5": 2, "HASH_PHOTODNA": 1}
    assert fetched[0].skipped.malformed == 1
    assert {key: item.quality for key, item in items(fetched).items()} == {"1": 100, "6": 0}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"id": "x"}, "number 1"),
        ({"last_updated": "soon"}, "2"),
        ({"should_delete": "no"}, "2"),
        ({"should_delete": None}, "2"),
        ({"type": 7}, "2"),
        ({"descriptors": []}, "2"),
        ({"descriptors": {"data": "all"}}, "2"),
        ({"descriptors": {"data": [{"id": "1", "owner": {"id": "x"}, "status": "MALICIOUS"}]}}, "2"),
        ({"descriptors": {"data": [{"id": "1", "owner": "me", "status": "MALICIOUS"}]}}, "2"),
        ({"descriptors": {"data": [{"id": "1", "owner": {"id": "1"}, "status": None}]}}, "2"),
        ({"descriptors": {"data": [descriptor(1, 1, reactions=[{"key": "HELPFUL", "value": 1}])]}}, "2"),
        ({"descriptors": {"data": [descriptor(1, 1, tags=[1])]}}, "2"),
    ],
)
def test_a_page_with_a_wrong_type_is_refused_and_names_the_item(
    server: ExchangeServer, wrong: dict[str, object], named: str
) -> None:
    server.raw = json.dumps({"data": [update(1, pdq(1), 1), {**update(2, pdq(2), 2), **wrong}]}).encode()
    with pytest.raises(MalformedExchangeError) as caught:
        pages(KIND, server.url)
    assert caught.value.item == named
    assert pdq(2) not in caught.value.message


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/te/{path}?after=2",
        "http://127.0.0.1:1/te/{path}?after=2",
        "{url}/te/other/threat_updates/?after=2",
        "{url}/te/{path}/../../x?after=2",
        "//evil.example/te/{path}?after=2",
        "file:///etc/passwd?after=2",
        "{url}\n/te/{path}?after=2",
        "?after=2",
    ],
)
def test_a_next_page_elsewhere_is_not_followed(server: ExchangeServer, elsewhere: str) -> None:
    target = elsewhere.format(url=server.url, path="303636684709969/threat_updates/")
    server.raw = b'{"data": [], "paging": {"next": ' + f'"{target}"'.replace("\n", "\\n").encode() + b"}}"
    with pytest.raises(MalformedExchangeError):
        pages(KIND, server.url)
    assert len(server.asked) == 1


def test_a_next_page_that_is_this_page_is_refused(server: ExchangeServer) -> None:
    following = f"{server.url}/te/303636684709969/threat_updates/?after=2"
    server.raw = f'{{"data": [], "paging": {{"next": "{following}"}}}}'.encode()
    with pytest.raises(MalformedExchangeError, match="this one"):
        pages(KIND, server.url)
    assert len(server.asked) == 2


def test_the_token_is_in_no_address_and_in_no_position(server: ExchangeServer) -> None:
    server.updates = [update(number, pdq(number), number) for number in range(1, 6)]
    fetched = pages(KIND, server.url)
    for text in (*server.asked, *(str(page.position) for page in fetched)):
        assert "access_token" not in text
        assert "abcdefghijklmnopqrstuvwxyz" not in text


@pytest.mark.parametrize(
    ("outcome", "reaction"),
    [(Outcome.SEEN, "SAW_THIS_TOO"), (Outcome.CONFIRMED, "HELPFUL"), (Outcome.DISPUTED, "DISAGREE_WITH_TAGS")],
)
def test_results_are_reactions_to_every_descriptor(server: ExchangeServer, outcome: Outcome, reaction: str) -> None:
    server.updates = [update(1, pdq(1), 1, descriptor(10, 1), descriptor(11, 2))]
    item = items(pages(KIND, server.url))["1"]
    source = a_source(KIND, server.url)
    source.tell(Feedback(1, "shared", item, outcome, None, 1, NOW))
    source.close()
    assert server.told.reactions == [("10", reaction), ("11", reaction)]


def test_a_time_to_come_hides_nothing_that_is_told_before_it(server: ExchangeServer) -> None:
    server.updates = [update(1, pdq(1), NOW_EPOCH + 10**9)]
    position = pages(KIND, server.url)[-1].position
    server.updates.append(update(2, pdq(2), NOW_EPOCH + 60))
    assert "2" in items(pages(KIND, server.url, position))


def test_an_item_of_very_many_descriptors_makes_us_send_no_more_than_some_requests(server: ExchangeServer) -> None:
    server.updates = [update(1, pdq(1), 1, *(descriptor(10 + owner, owner) for owner in range(1, MAX_TOLD + 50)))]
    item = items(pages(KIND, server.url))["1"]
    assert len(item.opinions) == MAX_TOLD + 49
    assert len(item.feedback["descriptors"].split(",")) == MAX_TOLD
