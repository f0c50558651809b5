"""NCMEC's hash sharing API, version 2: XML pages of entries changed in a range of time, basic authentication.

https://report.cybertip.org/hashsharing/v2/documentation.pdf. Entries of a range come in no order, so a range counts
only as a whole: the page address that the server gives is kept between its pages, and the range's end afterwards.
"""

from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

import httpx

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
from moderation.matching.exchanges.wire import Wire, next_query

ENTRIES = "v2/entries"
REASONS = "v2/feedback/PDQ/reasons"
NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"
MAX_PAGE = 10_000
MAX_ID_CHARS = 150
SETTLE_SECONDS = 5
"""The range ends this long ago, so that entries of one second are not told by halves."""
NEXT_SECONDS = 6 * 3600
"""A page address that is older is not used: the range is begun again."""
MAX_RANGE_ENTRIES = 400_000
"""A range that holds more is halved before it is begun: the server makes a list of all of it."""
IMAGES: Mapping[str, bool] = {"image": False, "deletedImage": True}
VIDEOS: Mapping[str, bool] = {"video": False, "deletedVideo": True}

SPEC = KindSpec(
    title="NCMEC's hash sharing API, version 2",
    address="https://report.cybertip.org/hashsharing",
    address_help="environment, e.g. https://exttest.cybertip.org/hashsharing for tests",
    options=(
        Option("members", "take entries of these members only: numbers, separated by commas"),
        Option("negative_reason", "id (GUID) of the reason told with a dispute, where there are several"),
    ),
    credentials=(Option("user", "user name", required=True), Option("password", "password", required=True)),
    outcomes=frozenset({Outcome.CONFIRMED, Outcome.DISPUTED}),
)


class Ncmec:
    """One environment of the hash sharing API."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        secrets = opening.secrets
        self._wire = Wire(opening.address, auth=httpx.BasicAuth(secrets["user"], secrets["password"]))
        members = (member.strip() for member in opening.option("members").split(","))
        self._members = frozenset(reading.an_id(member, "a member") for member in members if member)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def fetch(self, position: Position) -> Iterator[Page]:
        """See `Source.fetch`. Deleted entries are told of for ever, so no pass has to tell everything again."""
        start, until = int(str(position.get("from", 0))), self._opening.epoch() - SETTLE_SECONDS
        kept = position.get("next")
        if isinstance(kept, dict) and self._opening.epoch() - int(str(position.get("next_at", 0))) < NEXT_SECONDS:
            query, end = {str(k): str(v) for k, v in kept.items()}, int(str(position["to"]))
            start = yield from self._range(start, end, query, last=end >= until)
        elif start >= until:
            yield Page((), {"from": start}, complete=True)
        while start < until:
            end = self._sized(start, until)
            start = yield from self._range(start, end, _between(start, end), last=end >= until)

    def tell(self, feedback: Feedback) -> None:
        """Vote on the entry's PDQ fingerprint; the newest vote of a member counts."""
        told = feedback.item.feedback
        root = Element("feedbackSubmission", {"xmlns": NAMESPACE})
        if feedback.outcome is Outcome.CONFIRMED:
            SubElement(root, "affirmative")
        else:
            reasons = SubElement(SubElement(root, "negative"), "reasonIds")
            SubElement(reasons, "guid").text = self._opening.option("negative_reason") or self._only_reason()
        self._wire.put_xml(f"{ENTRIES}/{told['member']}/{told['entry']}/PDQ/feedback", tostring(root))

    def _only_reason(self) -> str:
        root = reading.xml_root(self._wire.get(REASONS))
        guids = [element.get("guid", "") for element in root.iter("reason")]
        if not guids:
            guids = [element.get("guid", "") for element in root.iter() if element.get("guid")]
        if len(guids) != 1:
            raise ExchangeRefusedError(
                f"NCMEC offers {len(guids)} reasons for a dispute.",
                hint="Set the option negative_reason to one of them.",
            )
        return reading.a_text(guids[0], "the reason")

    def _range(self, start: int, end: int, query: dict[str, str], *, last: bool) -> Generator[Page, None, int]:
        """The pages of a range; returns its end. Only the last page of the `last` range is complete."""
        while True:
            root = reading.xml_root(self._wire.get(ENTRIES, query))
            items, skipped = self._items(root)
            following = self._following(root, query)
            if following is None:
                yield Page(items, {"from": end}, complete=last, skipped=skipped)
                return end
            kept = {"from": start, "to": end, "next": dict(following), "next_at": self._opening.epoch()}
            yield Page(items, kept, skipped=skipped)  # type: ignore[arg-type]
            query = following

    def _sized(self, start: int, until: int) -> int:
        """The end of a range from `start` on that holds few enough entries, by what its first page says of the rest."""
        end = until
        while end - start > 1:
            root = reading.xml_root(self._wire.get(ENTRIES, _between(start, end)))
            following = self._following(root, {}) or {}
            first, most = following.get("start", ""), following.get("max", "")
            if not (first.isdigit() and most.isdigit()) or int(most) - int(first) <= MAX_RANGE_ENTRIES:
                break
            end = start + (end - start) // 2
        return end

    def _following(self, root: Element, query: dict[str, str]) -> dict[str, str] | None:
        text = (root.findtext("paging/next") or "").strip()
        if not text:
            return None
        following = next_query(self._wire.base, ENTRIES, text)
        if following == query:
            raise MalformedExchangeError("The next page is said to be this one.")
        return following

    def _items(self, root: Element) -> tuple[tuple[Item, ...], Skipped]:
        if root.tag != "queryResult":
            raise MalformedExchangeError("The answer is not a result of the hash sharing API.")
        items: dict[str, Item] = {}
        unsupported: dict[str, int] = {}
        malformed = 0
        entries = [*root.findall("images/*"), *root.findall("videos/*")]
        if len(entries) > MAX_PAGE:
            raise MalformedExchangeError(f"A page has over {MAX_PAGE} entries.")
        for place, entry in enumerate(entries):
            key, member = _key(entry, f"number {place}")
            prints = {print_.tag: (print_.text or "").strip() for print_ in entry.findall("fingerprints/*")}
            if self._members and member not in self._members:
                continue
            if IMAGES.get(entry.tag, False):
                items[key] = Item(key, deleted=True)
                continue
            if entry.tag not in IMAGES:
                unsupported |= {f"video_{name}": unsupported.get(f"video_{name}", 0) + 1 for name in prints}
                continue
            named = {name.casefold(): value for name, value in prints.items() if value}
            unsupported |= {name: unsupported.get(name, 0) + 1 for name in named if name != "pdq"}
            pdq = reading.pdq_of(named.get("pdq"))
            malformed += "pdq" in named and pdq is None
            items[key] = Item(key, deleted=True) if "pdq" not in named else _item(entry, key, member, pdq or "")
            if "pdq" in named and pdq is None:
                del items[key]
        return tuple(items.values()), Skipped(unsupported, malformed)


def _key(entry: Element, place: str) -> tuple[str, str]:
    """The key `member-entry` that is unique in the database, and the member."""
    if entry.tag not in IMAGES and entry.tag not in VIDEOS:
        raise MalformedExchangeError("The entry is neither an image nor a video.", item=place)
    member = entry.find("member")
    if member is None:
        raise MalformedExchangeError("The entry has no member.", item=place)
    number = reading.an_id(member.get("id"), "the member", place)
    name = reading.a_text((entry.findtext("id") or "").strip(), "the id", place, most=MAX_ID_CHARS)
    if not set(name) <= _ID_CHARACTERS:
        raise MalformedExchangeError("The id has other characters than letters, digits, - and _.", item=place)
    return f"{number}-{name}", number


def _item(entry: Element, key: str, member: str, pdq: str) -> Item:
    """The uploader is positive, and so is everybody who voted for its PDQ; who voted against is negative."""
    category = (entry.findtext("classification") or "").strip()
    tags = (reading.a_text(category, "the classification", key),) if category else ()
    opinions = [OwnerOpinion(member, Opinion.POSITIVE, tags)]
    for votes in entry.findall("feedback/*"):
        if votes.get("type", "").casefold() != "pdq":
            continue
        if votes.tag not in _VOTES:
            raise MalformedExchangeError("The feedback is neither affirmative nor negative.", item=key)
        for voter in votes.iter("member"):
            owner = reading.an_id(voter.get("id"), "the member of a feedback", key)
            opinions.append(OwnerOpinion(owner, _VOTES[votes.tag]))
    told = {"member": member, "entry": key.removeprefix(f"{member}-")}
    return Item(key, pdq, reading.quality_of(pdq), tuple(opinions), feedback=told) if pdq else Item(key)


def _between(start: int, end: int) -> dict[str, str]:
    return {"from": _date(start), "to": _date(end)}


def _date(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_VOTES: Mapping[str, Opinion] = {"affirmativeFeedback": Opinion.POSITIVE, "negativeFeedback": Opinion.NEGATIVE}
_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
