"""`caption_links`: addresses and contacts in the caption, also those written so that a filter misses them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from moderation.domain.signal import Column, ColumnKind, Score, SignalResult, SignalSpec, Span, Surface
from moderation.media.subject import Subject
from moderation.media.text import Normalised, fold

CAPTION_LINKS = SignalSpec(
    name="caption_links",
    version="1",
    surface=Surface.CAPTION,
    description="Links, link shorteners, disguised links and contact details in the caption.",
    columns=(
        Column(
            "caption_links",
            ColumnKind.INTEGER,
            "How many links, those without http among them",
            low=0,
            recommended={"high recall": 1, "balanced": 1, "high precision": 4},
        ),
        Column("caption_link_domains", ColumnKind.INTEGER, "How many different domains they name", low=0),
        Column("caption_link_shortener", ColumnKind.BOOLEAN, "Whether one goes through a link shortener"),
        Column(
            "caption_link_disguised",
            ColumnKind.BOOLEAN,
            "Whether one hides where it goes: 'dot' spelled out, hxxp, a bare address, user@host, look-alike letters",
        ),
        Column(
            "caption_contacts", ColumnKind.INTEGER, "E-mail addresses, telephone numbers and messenger names", low=0
        ),
    ),
    cost_ms=0.05,
    time_limit_s=10.0,
    known_failures=(
        "Addresses without http and with a last part that is no listed one (.photography, .zip) or not Latin.",
        "'dot' is known in English only; links told in words, or over several posts of an author.",
        "A shortener that is not listed; where a link leads is never looked up.",
    ),
)

MAX_SPANS = 50
"""Enough to show a moderator."""

_TLDS = (
    "com|net|org|info|biz|xyz|online|shop|store|site|club|live|top|vip|app|dev|io|ai|gg|tv|cc|ly|ru|cn|de|fr|uk|nl|pl|br|jp"
    "|eu|gl|link|click|icu|buzz|fun|website|space|pro|cam|porn|xxx|sex|adult|dating|bet|casino|crypto|gd|gy|ee|at"
)
_WORDLIKE_TLDS = "me|it|is|so|in|to|be|art|us|am|my|no|by|id|co"
"""Also words: "love.me" is a missing space, "t.me/name" is a link."""

_NAME = r"[a-z0-9](?:[a-z0-9-]{0,62})"
_LINK = re.compile(
    rf"(?P<scheme>\b(?:https?|hxxps?|ftp)://)(?P<rest>[^\s<>\"']{{1,2000}})"
    rf"|(?<![a-z0-9@._/-])(?P<bare>(?:{_NAME}\.){{1,5}}(?:(?:{_TLDS})(?![a-z0-9@-])(?:/[^\s<>\"']{{0,2000}})?"
    rf"|(?:{_WORDLIKE_TLDS})/[^\s<>\"']{{1,2000}}))"
    rf"|(?<![a-z0-9._-])(?P<spelled>{_NAME} ?(?:[\[({{] ?(?:dot|\.) ?[\])}}]| dot ) ?"
    rf"(?:{_TLDS}|{_WORDLIKE_TLDS}))(?![a-z0-9-])"
)
_SPELLED_DOT = re.compile(r"[\[({] ?(?:dot|\.) ?[\])}]| dot ")
_HOST = re.compile(r"(?:(?P<user>[^/?#@]*)@)?(?P<host>[^/?#:]*)")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|\d{8,10}|0x[0-9a-f]+|\[[0-9a-f:.]*")
_SHORTENERS = frozenset(
    {
        *(
            "bit.ly",
            "tinyurl.com",
            "t.co",
            "goo.gl",
            "ow.ly",
            "is.gd",
            "buff.ly",
            "rebrand.ly",
            "cutt.ly",
            "shorturl.at",
        ),
        *(
            "rb.gy",
            "tiny.cc",
            "t.ly",
            "s.id",
            "adf.ly",
            "v.gd",
            "lnkd.in",
            "soo.gd",
            "bl.ink",
            "shorte.st",
            "shorturl.com",
        ),
    }
)
_CONTACT = re.compile(
    r"(?<![a-z0-9._%+-])[a-z0-9._%+-]{1,64} ?(?:@|[\[(] ?at ?[\])]) ?[a-z0-9-]{1,63}"
    r"(?: ?(?:\.|[\[(] ?dot ?[\])]) ?[a-z0-9-]{2,63}){1,4}"
    r"|(?<![a-z0-9.])(?:\+\d[\d ().-]{7,16}\d|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})(?![a-z0-9])"
    r"|\b(?:telegram|whatsapp|kik|snap|snapchat|wechat|discord|viber|insta|instagram|onlyfans|tg|dm)\b"
    r" ?(?:me|id|is)? ?[:@] ?@?[a-z0-9_.]{3,32}"
    r"|\b(?:t\.me|wa\.me|discord\.gg|join\.skype\.com|m\.me)/[a-z0-9_+./-]{1,64}"
)


class CaptionLinks:
    """Finds links and contacts by bounded patterns over the folded caption."""

    @property
    def spec(self) -> SignalSpec:
        """See `CAPTION_LINKS`."""
        return CAPTION_LINKS

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        """One score per post; it needs no picture."""
        return [_score(subject.post.caption) for subject in batch]


@dataclass(frozen=True, slots=True)
class Link:
    """A link's host in lower case without `www.`, whether it was disguised, and where it stands in the text."""

    host: str
    disguised: bool
    start: int
    end: int

    @property
    def shortener(self) -> bool:
        """Whether it goes through a link shortener, so that nobody sees where it leads."""
        return self.host in _SHORTENERS


def links_in(text: str) -> list[Link]:
    """Every link in `text`, in order, also those without a scheme and those written so that a filter misses them."""
    return _links(fold(text), text)


def _score(caption: str) -> Score:
    folded = fold(caption)
    links = _links(folded, caption)
    contacts = [folded.span(*match.span()) for match in _CONTACT.finditer(folded.text)]
    spans = [Span(Surface.CAPTION, link.start, link.end, "link", link.host[:100]) for link in links]
    spans += [Span(Surface.CAPTION, start, end, "contact", "") for start, end in contacts]
    return Score(
        CAPTION_LINKS.name,
        {
            "caption_links": len(links),
            "caption_link_domains": len({link.host for link in links}),
            "caption_link_shortener": any(link.shortener for link in links),
            "caption_link_disguised": any(link.disguised for link in links),
            "caption_contacts": len(contacts),
        },
        tuple(sorted(spans, key=lambda span: span.start)[:MAX_SPANS]),
    )


def _links(folded: Normalised, text: str) -> list[Link]:
    return [_link(match, folded, text) for match in _LINK.finditer(folded.text)]


def _link(match: re.Match[str], folded: Normalised, text: str) -> Link:
    start, end = folded.span(*match.span())
    spelled = match["spelled"]
    if spelled is not None:
        return Link(_SPELLED_DOT.sub(".", spelled).replace(" ", ""), disguised=True, start=start, end=end)
    found = _HOST.match(match["rest"] or match["bare"])
    user, host = (found["user"], found["host"]) if found else (None, "")
    typed = text[start:end].split("://", 1)[-1].split("/", 1)[0]
    disguised = (
        bool(user)
        or (match["scheme"] or "").startswith("hxxp")
        or "xn--" in host
        or not typed.isascii()
        or _ADDRESS.fullmatch(host) is not None
    )
    return Link(host.removeprefix("www."), disguised, start, end)
