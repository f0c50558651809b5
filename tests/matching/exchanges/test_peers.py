"""The server of these tests is driven by the field's own clients: it speaks the protocols, and we read them alike."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("threatexchange", reason="the field's clients are in the `bench` extra")

from threatexchange.exchanges.clients.fb_threatexchange.api import ThreatExchangeAPI
from threatexchange.exchanges.clients.ncmec import hash_api
from threatexchange.exchanges.clients.stopncii import api as ncii_api
from threatexchange.exchanges.fetch_state import AggregateSignalOpinionCategory
from threatexchange.exchanges.impl.fb_threatexchange_api import (
    FBThreatExchangeCollabConfig,
    FBThreatExchangeSignalExchangeAPI,
)
from threatexchange.exchanges.impl.file_api import FileCollaborationConfig, LocalFileSignalExchangeAPI
from threatexchange.exchanges.impl.stop_ncii_api import StopNCIISignalExchangeAPI

from moderation.domain.bank import Opinion
from moderation.domain.exchange import ExchangeKind, Feedback, Item, Outcome, aggregate
from tests.factories import NOW
from tests.matching.exchanges import server as s
from tests.matching.exchanges.opened import NOW_EPOCH, a_source, items, pages, pdq
from tests.matching.exchanges.server import ExchangeServer, deleted_image, descriptor, gone, image, record, update

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:threatexchange", "ignore::ResourceWarning")

THEIRS = {
    AggregateSignalOpinionCategory.NEGATIVE_CLASS: Opinion.NEGATIVE,
    AggregateSignalOpinionCategory.INVESTIGATION_SEED: Opinion.SEED,
    AggregateSignalOpinionCategory.POSITIVE_CLASS: Opinion.POSITIVE,
    AggregateSignalOpinionCategory.DISPUTED: Opinion.DISPUTED,
}
_BY_NAME: dict[Opinion, Any] = {opinion: theirs for theirs, opinion in THEIRS.items()}


def ours(found: dict[str, Item]) -> dict[str, Opinion]:
    return {item.pdq: aggregate(said.opinion for said in item.opinions) for item in found.values() if not item.deleted}


def merged(deltas: Iterator[Any]) -> dict[Any, Any]:
    state: dict[Any, Any] = {}
    for delta in deltas:
        state.update(delta.updates)
    return {key: value for key, value in state.items() if value is not None}


@pytest.mark.parametrize("said", [said for size in (1, 2, 3) for said in product(Opinion, repeat=size)])
def test_opinions_are_aggregated_as_theirs_are(said: tuple[Opinion, ...]) -> None:
    theirs = AggregateSignalOpinionCategory.from_opinion_categories([_BY_NAME[opinion] for opinion in said])
    assert aggregate(said) == THEIRS[theirs]


def test_their_threatexchange_client_reads_the_same(server: ExchangeServer) -> None:
    helpful = {"key": "HELPFUL", "value": "7,8"}
    server.updates = [
        update(1, pdq(1), 1),
        update(2, pdq(2), 2, descriptor(20, 1), descriptor(21, 2, "NON_MALICIOUS")),
        update(3, pdq(3), 3, descriptor(30, 1, "NON_MALICIOUS")),
        update(4, pdq(4), 4, descriptor(40, 1, "UNKNOWN", reactions=[helpful])),
        update(5, pdq(5), 5, descriptor(50, 1, "UNKNOWN")),
        gone(1, pdq(1), 6),
    ]
    client: Any = ThreatExchangeAPI(s.TOKEN, endpoint_override=f"{server.url}/te")
    collab = FBThreatExchangeCollabConfig(name="x", privacy_group=int(s.GROUP))
    theirs = merged(FBThreatExchangeSignalExchangeAPI(client, collab).fetch_iter([], None))
    read = {value: THEIRS[said.get_as_aggregate_opinion().category] for (_, value), said in theirs.items()}
    assert ours(items(pages(ExchangeKind.THREATEXCHANGE, server.url))) == read
    assert len(read) == 4
    client.react_matched_threat_descriptor(20)
    assert server.told.reactions == [("20", "SAW_THIS_TOO")]


class _Here:
    def __init__(self, value: str) -> None:
        self.value = value


def test_their_ncmec_client_reads_the_same(server: ExchangeServer) -> None:
    server.entries = [image(f"e{number}", NOW_EPOCH - 900_000 - number, pdq(number)) for number in range(5)]
    server.entries.append(deleted_image("e9", NOW_EPOCH - 900_000))
    here: Any = _Here(f"{server.url}/hashsharing")
    client = hash_api.NCMECHashAPI(s.USER, s.PASSWORD, here)
    theirs = [
        found
        for answer in client.get_entries_iter(start_timestamp=1, end_timestamp=NOW_EPOCH)
        for found in answer.updates
    ]
    mine = items(pages(ExchangeKind.NCMEC, server.url))
    assert {f"{one.member_id}-{one.id}": one.fingerprints.get("pdq", "") for one in theirs} == {
        key: item.pdq for key, item in mine.items()
    }
    assert {f"{one.member_id}-{one.id}" for one in theirs if one.deleted} == {"42-e9"}
    assert len(theirs) == 6
    client.submit_upvote(42, "e1", hash_api.FingerprintType.pdq)
    client.submit_feedback(42, "e1", hash_api.FingerprintType.pdq, hash_api.FeedbackType.downvote)
    theirs_sent = list(server.told.votes)
    server.told.votes.clear()
    source = a_source(ExchangeKind.NCMEC, server.url)
    source.tell(_feedback(mine["42-e1"], Outcome.CONFIRMED))
    source.tell(_feedback(mine["42-e1"], Outcome.DISPUTED))
    source.close()
    assert server.told.votes == theirs_sent


def test_their_stopncii_client_reads_the_same(server: ExchangeServer) -> None:
    server.records = [
        record(pdq(1), 20),
        record(pdq(2), 21, "Active", ("Ann", "Blocked")),
        record(pdq(3), 22, "Active", ("Ann", "NotBlocked")),
    ]
    keys = {ncii_api.StopNCIIEndpoint.SubmitFeedback: s.FEEDBACK_KEY}
    client = ncii_api.StopNCIIAPI(s.SUBSCRIPTION, s.FETCH_KEY, keys, f"{server.url}/ncii")
    collab: Any = None
    theirs = merged(StopNCIISignalExchangeAPI(collab, client).fetch_iter([], None))
    read = {value: THEIRS[said.get_as_aggregate_opinion().category] for (_, value), said in theirs.items()}
    mine = items(pages(ExchangeKind.STOPNCII, server.url))
    assert ours(mine) == read
    assert len(read) == 3
    client.submit_feedback(ncii_api.StopNCIISignalType.ImagePDQ, pdq(1), ncii_api.StopNCIICSPFeedbackValue.Blocked)
    source = a_source(ExchangeKind.STOPNCII, server.url)
    source.tell(_feedback(next(item for item in mine.values() if item.pdq == pdq(1)), Outcome.CONFIRMED))
    source.close()
    assert server.told.feedbacks[0] == server.told.feedbacks[1]


def test_their_file_client_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("".join(f"pdq {pdq(number)}\n" for number in range(3)))
    collab = FileCollaborationConfig(name="x", api="local_file", filename=str(path))
    theirs = merged(LocalFileSignalExchangeAPI.for_collab(collab).fetch_iter([], None))
    assert {value for _, value in theirs} == set(ours(items(pages(ExchangeKind.FILES, str(path)))))


def _feedback(item: Item, outcome: Outcome) -> Feedback:
    return Feedback(1, "shared", item, outcome, None, 1, NOW)
