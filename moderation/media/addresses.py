"""Which hosts and addresses of the network a server may ask on somebody else's word.

A fetch by URL makes the server a client of whatever the URL names: its own services, its neighbours, the cloud's
metadata. So a host must be one that the operator allowed, and every address behind its name one of the public internet.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

ANY_NAME = "*"
"""In a list of allowed hosts: every host that is named, not numbered, on its scheme's own port."""
WILDCARD = "*."
MAX_HOST_CHARS = 253
DEFAULT_PORTS = {"http": 80, "https": 443}

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is handed out; unique local, link local, multicast, mapped and translated addresses lie outside."""
_TUNNELS = (IPv6Network("2001::/23"), IPv6Network("2002::/16"))
"""Inside it, but special: Teredo, ORCHID, benchmarking (RFC 2928), and 6to4, which wraps any IPv4 address."""
_SPECIAL = tuple(
    IPv4Network(text)
    for text in (
        "168.63.129.16/32",  # a cloud's metadata on an address that looks public
        "192.0.0.0/24",  # protocol assignments; another cloud's metadata
        "192.88.99.0/24",  # 6to4 relays
    )
)


@dataclass(frozen=True, slots=True)
class AllowedHost:
    """One entry of the list: a name, `*.name` for everything below it, or `*`; `port` only if it is not the usual."""

    pattern: str
    port: int | None = None

    def admits(self, host: str, scheme: str, port: int) -> bool:
        """Whether the entry covers a host (lower case) on that port."""
        if port != (DEFAULT_PORTS[scheme] if self.port is None else self.port):
            return False
        if self.pattern == ANY_NAME:
            return not is_numeric(host)
        if self.pattern.startswith(WILDCARD):
            return host.endswith(self.pattern[1:]) and not is_numeric(host)
        return host == self.pattern


def parse_allowed(text: str) -> AllowedHost:
    """`images.example`, `*.cdn.example`, `images.example:8443`, `192.0.2.7` or `*`. Raises `ValueError`."""
    name, _, port = text.strip().lower().partition(":")
    if port and not (port.isdecimal() and port.isascii() and 0 < int(port) < 1 << 16):
        raise ValueError(f"{text!r} has no port after its colon")
    bare = name.removeprefix(WILDCARD)
    if name != ANY_NAME and not is_name(bare) and not _is_dotted_quad(name):
        raise ValueError(f"{text!r} is neither a host's name, `*.` and a name, nor `*`")
    return AllowedHost(name, int(port) if port else None)


def is_allowed(host: str, scheme: str, port: int, allowed: Collection[AllowedHost]) -> bool:
    """Whether one of the entries covers the host; one that is written as a number in any other way never is."""
    well_formed = is_name(host) or _is_dotted_quad(host)
    return well_formed and any(entry.admits(host, scheme, port) for entry in allowed)


def is_name(host: str) -> bool:
    """Whether it is the name of a host, not a number: `2130706433`, `0x7f.1` and `127.1` are numbers to resolvers."""
    return len(host) <= MAX_HOST_CHARS and _NAME.fullmatch(host) is not None and not is_numeric(host)


def is_numeric(host: str) -> bool:
    """Whether resolvers would read it as an address: its last label is a number, or it holds a colon (IPv6)."""
    return ":" in host or _NUMERIC.fullmatch(host.rstrip(".").rpartition(".")[2].lower()) is not None


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet's hosts. Anything that is no address is not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _is_public_v4(parsed) if isinstance(parsed, IPv4Address) else _is_public_v6(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    special = address.is_multicast or address.is_reserved or any(address in network for network in _SPECIAL)
    return address.is_global and not special


def _is_public_v6(address: IPv6Address) -> bool:
    """Only unicast that was handed out: whatever embeds an IPv4 address (mapped, 6to4, Teredo, NAT64) is refused."""
    special = any(address in network for network in _TUNNELS)
    return address.scope_id is None and address in _UNICAST and address.is_global and not special


def _is_dotted_quad(host: str) -> bool:
    try:
        return str(ip_network(host).network_address) == host and ":" not in host
    except ValueError:
        return False
