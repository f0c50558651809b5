"""What a telephone opens when it reads a code: more than pages, it calls, pays, joins networks and starts programs."""

import re

from moderation.signals.links import Link, links_in

HIDING = frozenset({"javascript", "vbscript", "data", "blob", "file", "intent"})
"""Schemes that carry what they run, or that name a program and leave the page to it."""
WALLET, PAYMENT = "wallet", "payment"
"""Stand for a host where the whole payload is the address of a wallet, or a bank's or shop's order to pay."""

_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]{1,30}):(?=\S)", re.IGNORECASE)
"""RFC 3986, section 3.1; of one letter are drives of a computer, and after a blank it is a sentence."""
_HOST = re.compile(r"(?P<host>(?:[^\W_][\w-]{0,62}\.){1,9}[^\W\d_]{2,63})(?:[/?#:]\S*)?")
"""Readers of codes take a name with dots for a page whatever its last part is, unlike readers of captions."""
_WALLET = re.compile(
    r"0x[0-9a-f]{40}|(?:bc|tb|ltc|addr)1[02-9ac-hj-np-z]{25,110}|(?-i:[1-9A-HJ-NP-Za-km-z]{26,108})", re.IGNORECASE
)
"""Hexadecimal (EIP-55), Bech32 (BIP 173) and Base58 addresses."""
_PAYMENT = re.compile(r"BCD 00[12]\b|000201\d\d")
"""A transfer by the European Payments Council's guideline (EPC069-12), and a shop's code by EMVCo's."""


def opened_by(payload: str) -> list[Link]:
    """Every link in the payload of a code, and the payload as a whole where a telephone does something with it."""
    links = links_in(payload)
    if any(link.start == 0 for link in links):
        return links
    whole = _whole(payload)
    return links if whole is None else [whole, *links]


def _whole(payload: str) -> Link | None:
    scheme = _SCHEME.match(payload)
    if scheme is not None:
        name = scheme["scheme"].lower()
        return Link(name, disguised=name in HIDING, start=0, end=len(payload))
    host = _HOST.fullmatch(payload)
    if host is not None:
        return Link(host["host"].lower(), disguised=not payload.isascii(), start=0, end=len(payload))
    if _WALLET.fullmatch(payload) is not None and any(map(str.isdigit, payload)):
        return Link(WALLET, disguised=False, start=0, end=len(payload))
    if _PAYMENT.match(payload) is not None:
        return Link(PAYMENT, disguised=False, start=0, end=len(payload))
    return None
