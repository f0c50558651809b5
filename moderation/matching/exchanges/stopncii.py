"""StopNCII's hash API: JSON pages of cases that people opened themselves, with what platforms found of each.

Nobody has looked at a case when it is opened: its hash is a seed, which never acts automatically, until a platform
says that it blocked the picture.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from moderation.domain.bank import Opinion
from moderation.domain.exchange import (
    ExchangeRefusedError,
    Feedback,
    Item,
    MalformedExchangeError,
    Outcome,
    OwnerOpinion,
    Page,
    Position,
    Skipped,
)
from moderation.matching.exchanges import reading
from moderation.matching.exchanges.source import KindSpec, Opening, Option
from moderation.matching.exchanges.wire import Wire

PAGE_SIZE = 800
MAX_PAGE = 10_000
START = 10
"""The API's own beginning of time."""
STALE_SECONDS = 30 * 86_400
TOKEN_SECONDS = 3_600
"""A page token is not valid for long: an older one is not used, and the pages since the start are told again."""
SUPPORTED = "ImagePDQ"
KINDS = frozenset({"Unknown", "ImagePDQ", "VideoMD5", "VideoTMK", "Text", "URL"})
GONE = frozenset({"Withdrawn", "Deleted"})
CASES = "cases"
"""The owner of what the people themselves say."""

VALUES: Mapping[Outcome, str] = {
    Outcome.SEEN: "PendingReview",
    Outcome.CONFIRMED: "Blocked",
    Outcome.DISPUTED: "NotBlocked",
}
SPEC = KindSpec(
    title="StopNCII.org's hash API",
    address="https://api.stopncii.org/v1",
    address_help="base address of the API",
    credentials=(
        Option("subscription_key", "the subscription's key", required=True),
        Option("fetch_key", "function key of FetchHashes", required=True),
        Option("feedback_key", "function key of SubmitFeedback, for write-back"),
    ),
    outcomes=frozenset(VALUES),
)


class StopNcii:
    """One subscription."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._secrets = opening.secrets
        self._wire = Wire(opening.address, headers={"ocp-apim-subscription-key": opening.secrets["subscription_key"]})

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def fetch(self, position: Position) -> Iterator[Page]:
        """See `Source.fetch`."""
        now = self._opening.epoch()
        start, fetched = int(str(position.get("start", START))), int(str(position.get("fetched", 0)))
        full, begins = bool(position.get("full", False)), False
        if not position or now - fetched > STALE_SECONDS:
            full, begins, start, fetched = True, True, START, now
        token = str(position.get("token", "")) if now - int(str(position.get("token_at", 0))) < TOKEN_SECONDS else ""
        token = "" if begins else token
        while True:
            answer = self._page(start, token)
            items, skipped = _items(answer)
            following = self._following(answer, token)
            if following is None:
                checkpoint = reading.a_number(answer.get("nextSetTimestamp"), "nextSetTimestamp")
                after: dict[str, Any] = {"start": max(start, min(checkpoint, now)), "fetched": now, "full": False}
            else:
                after = {"start": start, "fetched": fetched, "full": full, "token": following, "token_at": now}
            yield Page(items, after, complete=following is None, full=full, begins=begins, skipped=skipped)
            if following is None:
                return
            token, begins, now = following, False, self._opening.epoch()

    def tell(self, feedback: Feedback) -> None:
        """Set our value for the hash; the newest counts."""
        value = {"tags": [], "feedbackValue": VALUES[feedback.outcome], "hashValue": feedback.item.pdq}
        if "feedback_key" not in self._secrets:
            raise ExchangeRefusedError("The credential feedback_key is not named; nothing is told without it.")
        headers = {"x-functions-key": self._secrets["feedback_key"]}
        self._wire.post_json("SubmitFeedback", {"count": 1, "hashFeedbacks": [value]}, headers=headers)

    def _page(self, start: int, token: str) -> reading.JsonObject:
        params = {"startTimestamp": str(start), "pageSize": str(PAGE_SIZE)}
        headers = {"x-functions-key": self._secrets["fetch_key"]}
        body = self._wire.get("FetchHashes", params | ({"nextPageToken": token} if token else {}), headers=headers)
        return reading.json_object(body)

    def _following(self, answer: reading.JsonObject, token: str) -> str | None:
        if not reading.a_truth(answer.get("hasMoreRecords"), "hasMoreRecords"):
            return None
        following = reading.a_text(answer.get("nextPageToken"), "nextPageToken", most=4_000)
        if following == token:
            raise MalformedExchangeError("The next page is said to be this one.")
        return following


def _items(answer: reading.JsonObject) -> tuple[tuple[Item, ...], Skipped]:
    """The last of each hash. Records stand for themselves: a malformed one is counted, the others are used."""
    items: dict[str, Item] = {}
    unsupported: dict[str, int] = {}
    malformed = 0
    for place, raw in enumerate(reading.a_list(answer.get("hashRecords"), "hashRecords", most=MAX_PAGE)):
        try:
            record = reading.an_object(raw, "the record", f"number {place}")
            kind = reading.one_of(record.get("signalType"), KINDS, "signalType", f"number {place}")
            if kind != SUPPORTED:
                unsupported[kind] = unsupported.get(kind, 0) + 1
                continue
            item = _item(record, f"number {place}")
        except MalformedExchangeError:
            malformed += 1
            continue
        items.pop(item.id, None)
        items[item.id] = item
    return tuple(items.values()), Skipped(unsupported, malformed)


def _item(record: reading.JsonObject, place: str) -> Item:
    pdq = reading.pdq_of(record.get("hashValue"))
    if pdq is None:
        raise MalformedExchangeError("The hash is not a PDQ hash.", item=place)
    key = reading.hidden_id("pdq", pdq)
    if reading.a_text(record.get("hashStatus"), "hashStatus", key) in GONE:
        return Item(key, deleted=True)
    opinions = {CASES: OwnerOpinion(CASES, Opinion.SEED)}
    feedbacks = record.get("CSPFeedbacks") or []
    for number, raw in enumerate(reading.a_list(feedbacks, "CSPFeedbacks", key, most=1_000)):
        said = reading.an_object(raw, "the feedback", key)
        value = reading.a_text(said.get("feedbackValue"), "feedbackValue", key)
        owner = f"csp:{said['source']}" if isinstance(said.get("source"), str) else f"csp:{number}"
        tags = reading.tags_of(said.get("tags"), "the tags", key)
        opinion = {"Blocked": Opinion.POSITIVE, "NotBlocked": Opinion.NEGATIVE}.get(value, Opinion.SEED)
        if value not in GONE:
            opinions[f"{owner}#{number}"] = OwnerOpinion(reading.a_text(owner, "the source", key), opinion, tags)
    return Item(key, pdq, reading.quality_of(pdq), tuple(opinions.values()))
