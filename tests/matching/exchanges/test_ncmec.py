from datetime import timedelta

import pytest

from moderation.domain.bank import Opinion
from moderation.domain.exchange import (
    ExchangeKind,
    ExchangeRefusedError,
    Feedback,
    MalformedExchangeError,
    Outcome,
    aggregate,
)
from moderation.matching.exchanges import ncmec
from tests.factories import NOW
from tests.matching.exchanges.opened import NOW_EPOCH, a_source, items, pages, pdq
from tests.matching.exchanges.server import NAMESPACE, ExchangeServer, deleted_image, image

KIND = ExchangeKind.NCMEC
PAST = NOW_EPOCH - 10_000
FOR = (
    '<feedback><affirmativeFeedback type="PDQ" lastUpdateTimestamp="x"><members><member id="7">A</member></members>'
    "</affirmativeFeedback></feedback>"
)
AGAINST = (
    '<feedback><negativeFeedback type="PDQ" lastUpdateTimestamp="x"><reasons><reason guid="g" name="no"/>'
    '<members><member id="8">B</member></members></reasons></negativeFeedback></feedback>'
)


def test_a_range_comes_by_pages_and_counts_as_a_whole(server: ExchangeServer) -> None:
    server.entries = [image(f"e{number}", PAST - number, pdq(number)) for number in range(5)]
    fetched = pages(KIND, server.url)
    assert [len(page.items) for page in fetched] == [2, 2, 1]
    assert [page.complete for page in fetched] == [False, False, True]
    assert fetched[-1].position == {"from": NOW_EPOCH - ncmec.SETTLE_SECONDS}
    assert fetched[0].position["from"] == 0
    found = items(fetched)
    assert (found["42-e3"].pdq, found["42-e3"].feedback) == (pdq(3), {"member": "42", "entry": "e3"})
    assert found["42-e3"].opinions[0].tags == ("A1",)


def test_the_next_fetch_asks_for_the_time_since(server: ExchangeServer) -> None:
    server.entries = [image("old", PAST, pdq(1))]
    position = pages(KIND, server.url)[-1].position
    server.entries += [image("new", NOW_EPOCH + 60, pdq(2)), deleted_image("old", NOW_EPOCH + 61)]
    later = pages(KIND, server.url, position, at=NOW + timedelta(seconds=120))
    assert set(items(later)) == {"42-new", "42-old"}
    assert items(later)["42-old"].deleted


def test_nothing_new_is_one_empty_complete_page(server: ExchangeServer) -> None:
    position = pages(KIND, server.url)[-1].position
    asked = len(server.asked)
    again = pages(KIND, server.url, position)
    assert [(page.items, page.complete) for page in again] == [((), True)]
    assert len(server.asked) == asked


def test_a_fetch_that_stopped_goes_on_at_the_next_page_of_its_own_range(server: ExchangeServer) -> None:
    server.entries = [image(f"e{number}", PAST - number, pdq(number)) for number in range(6)]
    first = pages(KIND, server.url)[0]
    later = NOW + timedelta(hours=1)
    rest = pages(KIND, server.url, first.position, at=later)
    assert [list(items([page])) for page in rest if page.items] == [["42-e2", "42-e3"], ["42-e4", "42-e5"]]
    assert rest[-1].complete
    assert rest[-1].position == {"from": int(later.timestamp()) - ncmec.SETTLE_SECONDS}
    much_later = pages(KIND, server.url, first.position, at=NOW + timedelta(days=1))
    assert len(items(much_later)) == 6, "an old page address is not used; the range is begun again"


def test_votes_on_the_pdq_are_opinions_and_others_are_not(server: ExchangeServer) -> None:
    server.page = 10
    server.entries = [
        image("plain", PAST, pdq(1)),
        image("voted", PAST, pdq(2), feedback=FOR),
        image("disputed", PAST, pdq(3), feedback=AGAINST),
        image("other", PAST, pdq(4), feedback=AGAINST.replace("PDQ", "MD5")),
    ]
    found = items(pages(KIND, server.url))
    assert {key: aggregate(said.opinion for said in item.opinions) for key, item in found.items()} == {
        "42-plain": Opinion.POSITIVE,
        "42-voted": Opinion.POSITIVE,
        "42-disputed": Opinion.DISPUTED,
        "42-other": Opinion.POSITIVE,
    }
    assert [said.owner for said in found["42-voted"].opinions] == ["42", "7"]


def test_what_is_not_a_pdq_of_an_image_is_counted(server: ExchangeServer) -> None:
    server.page = 10
    video = image("v1", PAST, others="<md5>abc</md5><tmk_pdqf>x</tmk_pdqf>")
    video["xml"] = video["xml"].replace("image>", "video>")
    server.entries = [
        image("both", PAST, pdq(1), others="<md5>abc</md5><pdna>1,2</pdna><sha1/>"),
        image("none", PAST, others="<md5>abc</md5>"),
        image("wrong", PAST, "zz"),
        video,
    ]
    page = pages(KIND, server.url)[0]
    assert page.skipped.unsupported == {"md5": 2, "pdna": 1, "video_md5": 1, "video_tmk_pdqf": 1}
    assert page.skipped.malformed == 1
    assert {item.id: item.deleted for item in page.items} == {"42-both": False, "42-none": True}


def test_only_chosen_members_are_taken(server: ExchangeServer) -> None:
    server.entries = [image("a", PAST, pdq(1), member=42), image("a", PAST, pdq(2), member=43)]
    source = a_source(KIND, server.url, members="43, 44")
    assert set(items(list(source.fetch({})))) == {"43-a"}
    source.close()


def test_a_range_that_holds_too_much_is_halved(server: ExchangeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ncmec, "MAX_RANGE_ENTRIES", 3)
    server.entries = [image(f"e{number}", NOW_EPOCH - 1_000 * number, pdq(number)) for number in range(1, 30)]
    fetched = pages(KIND, server.url, {"from": NOW_EPOCH - 40_000})
    assert len(items(fetched)) == 29
    assert [page.complete for page in fetched] == [False] * (len(fetched) - 1) + [True]
    assert len({str(page.position["from"]) for page in fetched}) > 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<queryResult>",
        b"<other/>",
        b'<!DOCTYPE q [<!ENTITY a "b">]><queryResult>&a;</queryResult>',
        '<?xml version="1.0" encoding="utf-16"?><queryResult/>'.encode("utf-16"),
        b"<queryResult><images><picture/></images></queryResult>",
        b'<queryResult><images><image><id>a</id><member id="x"/></image></images></queryResult>',
        b"<queryResult><images><image><id>a</id></image></images></queryResult>",
        b'<queryResult><images><image><id>../x</id><member id="1"/></image></images></queryResult>',
        b'<queryResult><images><image><member id="1"/></image></images></queryResult>',
        b"<queryResult><paging><next>https://evil.example/v2/entries?start=1</next></paging></queryResult>",
        b"<queryResult><paging><next>/v2/status?start=1</next></paging></queryResult>",
        b"<queryResult><paging><next>@evil.example/v2/entries?start=1</next></paging></queryResult>",
        b"<queryResult><paging><next>//evil.example/v2/entries?start=1</next></paging></queryResult>",
    ],
)
def test_an_answer_that_is_not_the_protocols_is_refused(server: ExchangeServer, body: bytes) -> None:
    server.raw = body
    with pytest.raises(MalformedExchangeError):
        pages(KIND, server.url)


def test_votes_are_told_with_the_only_reason_there_is(server: ExchangeServer) -> None:
    server.entries = [image("e1", PAST, pdq(1))]
    item = items(pages(KIND, server.url))["42-e1"]
    source = a_source(KIND, server.url)
    source.tell(Feedback(1, "shared", item, Outcome.CONFIRMED, None, 1, NOW))
    source.tell(Feedback(2, "shared", item, Outcome.DISPUTED, None, 1, NOW))
    up, down = (f'<feedbackSubmission xmlns="{NAMESPACE}">' + inner for inner in ("<affirmative />", "<negative>"))
    assert [(key, kind) for key, kind, _ in server.told.votes] == [("42-e1", "PDQ"), ("42-e1", "PDQ")]
    assert server.told.votes[0][2] == f"{up}</feedbackSubmission>"
    assert server.told.votes[1][2].startswith(f"{down}<reasonIds><guid>guid-1</guid></reasonIds>")
    server.reasons["guid-2"] = "Another"
    with pytest.raises(ExchangeRefusedError, match="2 reasons"):
        source.tell(Feedback(2, "shared", item, Outcome.DISPUTED, None, 1, NOW))
    source.close()
