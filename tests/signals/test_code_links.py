import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.signals.code_links import opened_by


@pytest.mark.parametrize(
    ("payload", "hosts"),
    [
        ("HTTPS://EXAMPLE.COM/AB", ["example.com"]),
        ("see example.com/x", ["example.com"]),
        ("bitcoin:bc1qexample?amount=0.1", ["bitcoin"]),
        ("tel:+15550100", ["tel"]),
        ("SMSTO:+15550100:hello", ["smsto"]),
        ("mailto:someone@example.com", ["mailto"]),
        ("WIFI:S:net;T:WPA;P:secret;;", ["wifi"]),
        ("BEGIN:VCARD URL:http://example.com END:VCARD", ["begin", "example.com"]),
        ("upi://pay?pa=someone@bank", ["upi"]),
        ("tg://resolve?domain=someone", ["tg"]),
        ("example.photography/x", ["example.photography"]),
        ("пример.рф/a", ["пример.рф"]),
        ("0x" + "0123456789abcdef" * 2 + "01234567", ["wallet"]),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", ["wallet"]),
        ("BCD 002 1 SCT  Someone DE00 EUR1", ["payment"]),
        ("00020101021226", ["payment"]),
        ("magnet:?xt=urn:btih:abc", ["magnet"]),
    ],
)
def test_whatever_a_telephone_opens_is_a_link(payload: str, hosts: list[str]) -> None:
    assert [link.host for link in opened_by(payload)] == hosts


@pytest.mark.parametrize(
    "payload", ["javascript:alert(1)", "DATA:text/html,x", "intent://scan/#Intent;end", "file:///x", "пример.рф/a"]
)
def test_what_hides_where_it_goes_is_disguised(payload: str) -> None:
    assert opened_by(payload)[0].disguised


@pytest.mark.parametrize(
    "payload",
    ["", "just a few words", "A note: hello there", "12:30", "12345678", "3.14", "f/1.8", "C:\\pictures", "a.b.c"],
)
def test_words_and_numbers_are_no_links(payload: str) -> None:
    assert opened_by(payload) == []


@given(payload=st.text(max_size=200))
def test_any_payload_has_links_inside_it(payload: str) -> None:
    assert all(0 <= link.start < link.end <= len(payload) and link.host is not None for link in opened_by(payload))


@pytest.mark.parametrize("unit", ["a.", "a", "a-", "1", "a:", "0x", "-.", "я."])
def test_the_time_grows_with_the_length_only(unit: str) -> None:
    started = time.process_time()
    opened_by((unit * 7_089)[:7_089])
    assert time.process_time() - started < 0.25
