"""ThreatExchange and servers like it: `threat_updates`, a stream of what was changed, oldest first, in JSON pages.

https://developers.facebook.com/docs/threat-exchange/reference/apis/threat-updates/
"""

from collections.abc import Iterator, Mapping
from typing import Any

from moderation.domain.bank import Opinion
from moderation.domain.exchange import (
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
from moderation.matching.exchanges.wire import Wire, next_query

PAGE_SIZE = 500
MAX_PAGE = 5_000
STALE_SECONDS = 85 * 86_400
"""Deletions are told for 90 days: after a longer silence everything is fetched anew."""
CURSOR_SECONDS = 6 * 3600
"""A cursor that is older is not used: the stream is taken up again at the newest time seen."""
SUPPORTED = "HASH_PDQ"
FIELDS = "id,indicator,type,last_updated,should_delete,descriptors{id,reactions,owner{id},tags,status}"
SECRET_PARAMETERS = frozenset({"access_token", "appsecret_proof", "appsecret_time"})
MAX_DESCRIPTORS = 10_000
MAX_TOLD = 100
"""Descriptors of one item that are reacted to: each is a request."""

REACTIONS: Mapping[Outcome, str] = {
    Outcome.SEEN: "SAW_THIS_TOO",
    Outcome.CONFIRMED: "HELPFUL",
    Outcome.DISPUTED: "DISAGREE_WITH_TAGS",
}
SPEC = KindSpec(
    title="ThreatExchange's threat_updates, or a server that speaks it",
    address="https://graph.facebook.com/v26.0",
    address_help="base address of the API",
    options=(Option("privacy_group", "number of the privacy group to follow", required=True),),
    credentials=(Option("token", "the app's access token", required=True),),
    outcomes=frozenset(REACTIONS),
)

_STATUS: Mapping[str, Opinion] = {"MALICIOUS": Opinion.POSITIVE, "NON_MALICIOUS": Opinion.NEGATIVE}


class ThreatExchange:
    """One privacy group. The token goes in a header: addresses are logged by whoever they pass."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._wire = Wire(opening.address, headers={"authorization": f"Bearer {opening.secrets['token']}"})
        self._path = f"{reading.an_id(opening.option('privacy_group'), 'the privacy group')}/threat_updates/"

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def fetch(self, position: Position) -> Iterator[Page]:
        """See `Source.fetch`."""
        now = self._opening.epoch()
        fetched, newest = int(str(position.get("fetched", 0))), int(str(position.get("newest", 0)))
        full, begins = bool(position.get("full", False)), False
        if not position or (fetched and now - fetched > STALE_SECONDS):
            full, begins, newest, fetched = True, True, 0, now
        cursor = position.get("cursor") if now - int(str(position.get("cursor_at", 0))) < CURSOR_SECONDS else None
        query = {str(k): str(v) for k, v in cursor.items()} if isinstance(cursor, dict) and not begins else None
        while True:
            answer = reading.json_object(self._wire.get(self._path, query or self._first(newest)))
            items, skipped, told = self._items(answer, newest)
            newest = max(newest, min(told, now))  # a time to come would hide what is told before it
            following = self._following(answer, query)
            after: dict[str, Any] = {"newest": newest, "full": full and following is not None, "fetched": fetched}
            if following is None:
                after["fetched"] = now
            else:
                after |= {"cursor": following, "cursor_at": now}
            yield Page(items, after, complete=following is None, full=full, begins=begins, skipped=skipped)
            if following is None:
                return
            query, begins, now = following, False, self._opening.epoch()

    def tell(self, feedback: Feedback) -> None:
        """React to every descriptor of the item: a reaction that was given before stays one."""
        for descriptor in feedback.item.feedback.get("descriptors", "").split(","):
            if descriptor:
                self._wire.post_form(f"{descriptor}/", {"reactions": REACTIONS[feedback.outcome]})

    def _first(self, newest: int) -> dict[str, str]:
        query = {"limit": str(PAGE_SIZE), "fields": FIELDS}
        return query | ({"start_time": str(newest)} if newest else {})

    def _following(self, answer: reading.JsonObject, query: dict[str, str] | None) -> dict[str, str] | None:
        following = reading.an_object(answer.get("paging", {}), "the paging").get("next")
        if following is None:
            return None
        parsed = next_query(self._wire.base, self._path, reading.a_text(following, "the next page", most=8_000),
                            secret_names=SECRET_PARAMETERS)  # fmt: skip
        if parsed == query:
            raise MalformedExchangeError("The next page is said to be this one.")
        return parsed

    def _items(self, answer: reading.JsonObject, newest: int) -> tuple[tuple[Item, ...], Skipped, int]:
        """The last of each identifier, what cannot be used, and the newest time so far."""
        items: dict[str, Item] = {}
        unsupported: dict[str, int] = {}
        malformed = 0
        for place, raw in enumerate(reading.a_list(answer.get("data"), "the data", most=MAX_PAGE)):
            update = reading.an_object(raw, "the update", f"number {place}")
            key = reading.an_id(update.get("id"), "the id", f"number {place}")
            newest = max(newest, reading.a_number(update.get("last_updated"), "last_updated", key))
            kind = reading.a_text(update.get("type"), "the type", key)
            items.pop(key, None)
            if reading.a_truth(update.get("should_delete"), "should_delete", key) or "descriptors" not in update:
                items[key] = Item(key, deleted=True)
            elif kind != SUPPORTED:
                unsupported[kind] = unsupported.get(kind, 0) + 1
            elif (pdq := reading.pdq_of(update.get("indicator"))) is None:
                malformed += 1
            else:
                items[key] = _item(key, pdq, update["descriptors"])
        return tuple(items.values()), Skipped(unsupported, malformed), newest


def _item(key: str, pdq: str, descriptors: object) -> Item:
    """An item with the opinion of each owner: a descriptor's status says it, else its reactions do."""
    said: dict[str, OwnerOpinion] = {}
    reacted: dict[str, Opinion] = {}
    ids: list[str] = []
    data = reading.an_object(descriptors, "the descriptors", key).get("data")
    for raw in reading.a_list(data, "the descriptors", key, most=MAX_DESCRIPTORS):
        descriptor = reading.an_object(raw, "a descriptor", key)
        if "owner" not in descriptor:  # known to happen: a descriptor that is shown without its owner says nothing
            continue
        ids.append(reading.an_id(descriptor.get("id"), "a descriptor's id", key))
        owner = reading.an_id(reading.an_object(descriptor["owner"], "the owner", key).get("id"), "the owner", key)
        status = reading.a_text(descriptor.get("status"), "the status", key)
        said[owner] = OwnerOpinion(owner, _STATUS.get(status, Opinion.SEED), _tags(descriptor.get("tags"), key))
        _react(reacted, descriptor.get("reactions") or [], key)
    opinions = {owner: OwnerOpinion(owner, opinion) for owner, opinion in reacted.items()} | said
    ordered = tuple(opinions[owner] for owner in sorted(opinions))
    return Item(key, pdq, reading.quality_of(pdq), ordered, feedback={"descriptors": ",".join(ids[:MAX_TOLD])})


def _react(reacted: dict[str, Opinion], reactions: object, key: str) -> None:
    for raw in reading.a_list(reactions, "the reactions", key, most=1_000):
        reaction = reading.an_object(raw, "a reaction", key)
        kind = reading.a_text(reaction.get("key"), "a reaction", key)
        owners = reading.a_text(reaction.get("value"), "the owners of a reaction", key, most=200_000).split(",")
        for owner in (reading.an_id(name.strip(), "the owner of a reaction", key) for name in owners):
            if kind == "HELPFUL":
                reacted[owner] = Opinion.DISPUTED if reacted.get(owner) == Opinion.NEGATIVE else Opinion.POSITIVE
            elif kind == "DISAGREE_WITH_TAGS":
                reacted[owner] = Opinion.DISPUTED if reacted.get(owner) == Opinion.POSITIVE else Opinion.NEGATIVE


def _tags(value: object, key: str) -> tuple[str, ...]:
    """Tags come as a list of texts or as `{"data": [{"text": …}]}`."""
    if isinstance(value, dict):
        listed = reading.a_list(value.get("data"), "the tags", key, most=reading.MAX_TAGS)
        value = [reading.an_object(tag, "a tag", key).get("text") for tag in listed]
    return reading.tags_of(value, "the tags", key)
