from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.media.addresses import AllowedHost, is_allowed, is_name, is_numeric, is_public, parse_allowed

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
    "",
    "localhost",
    "8.8.8.8.8",
    "0x7f000001",
    "2130706433",
    "127.1",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::6810:85e5", "2a00:1450:4001:80b::200e"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(address=st.ip_addresses(v=4))
def test_no_form_of_ipv6_around_an_ipv4_address_is_public(address: IPv4Address) -> None:
    bits = int(address)
    for wrapped in (
        0xFFFF << 32 | bits,
        bits,
        0x64FF9B << 96 | bits,
        0x2002 << 112 | bits << 80,
        0x20010000 << 96 | bits,
    ):
        assert not is_public(str(IPv6Address(wrapped)))


@given(address=st.ip_addresses())
def test_a_public_address_is_global_unicast(address: IPv4Address | IPv6Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        kinds = (address.is_multicast, address.is_private, address.is_loopback, address.is_link_local)
        assert not any(kinds)


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f.1", "2130706433", "0x7f000001", "017700000001", "127.0.0.1", "::1", "a.0x1", "1.", "0x"]
)
def test_numbers_are_not_names(host: str) -> None:
    assert is_numeric(host)
    assert not is_name(host)
    assert not is_allowed(host, "http", 80, [AllowedHost("*"), AllowedHost("*.1")])


@pytest.mark.parametrize("host", ["a", "images.example", "xn--bcher-kva.example", "a_b.example", "1.example", "0x.a"])
def test_names_are_names(host: str) -> None:
    assert is_name(host)


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", "-a.example", "a.example.", "a/b", "a b", "a@b", "ä.example", "a" * 300]
)
def test_what_is_no_name_is_allowed_nowhere(host: str) -> None:
    assert not is_name(host)
    assert not is_allowed(host, "http", 80, [AllowedHost("*"), AllowedHost(host)])


@pytest.mark.parametrize(
    ("entry", "host", "scheme", "port", "allowed"),
    [
        ("images.example", "images.example", "https", 443, True),
        ("images.example", "images.example", "http", 80, True),
        ("images.example", "images.example", "https", 8443, False),
        ("images.example", "images.example", "http", 443, False),
        ("images.example:8443", "images.example", "https", 8443, True),
        ("images.example:8443", "images.example", "https", 443, False),
        ("images.example", "evil.images.example", "https", 443, False),
        ("images.example", "evilimages.example", "https", 443, False),
        ("*.cdn.example", "a.cdn.example", "https", 443, True),
        ("*.cdn.example", "cdn.example", "https", 443, False),
        ("*.cdn.example", "evilcdn.example", "https", 443, False),
        ("*", "anything.example", "https", 443, True),
        ("*", "anything.example", "https", 22, False),
        ("*", "8.8.8.8", "https", 443, False),
        ("8.8.8.8", "8.8.8.8", "https", 443, True),
        ("8.8.8.8", "8.8.8.08", "https", 443, False),
        ("Images.Example", "images.example", "https", 443, True),
    ],
)
def test_which_host_an_entry_covers(entry: str, host: str, scheme: str, port: int, allowed: bool) -> None:
    assert is_allowed(host, scheme, port, [parse_allowed(entry)]) is allowed


@pytest.mark.parametrize(
    "entry",
    ["", " ", "*.", "**", "*.*", "a:0", "a:65536", "a:x", "http://a.example", "a/b", "127.1", "0x7f.1", "*.1", "[::1]"],
)
def test_an_entry_that_is_none_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"host|port"):
        parse_allowed(entry)


@given(text=st.text(max_size=40))
def test_parsing_an_entry_gives_one_or_a_value_error(text: str) -> None:
    try:
        entry = parse_allowed(text)
    except ValueError:
        return
    bare = entry.pattern.removeprefix("*.")
    assert bare == "*" or is_name(bare) or str(ip_address(bare)) == bare
