# ruff: noqa: RUF001 - look-alike letters are what is tested
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import Score
from moderation.media.subject import Subject
from moderation.signals.contract import checked
from moderation.signals.links import CAPTION_LINKS, MAX_SPANS, CaptionLinks, links_in
from tests.factories import a_post


def measured(caption: str) -> Score:
    subject = Subject(a_post(caption=caption), Refusal(RefusalReason.CORRUPT))
    (result,) = CaptionLinks().measure([subject])
    assert isinstance(checked(result, CAPTION_LINKS, subject), Score)
    assert isinstance(result, Score)
    return result


def shown(caption: str, category: str) -> list[str]:
    return [caption[span.start : span.end] for span in measured(caption).spans if span.category == category]


@pytest.mark.parametrize(
    ("caption", "links"),
    [
        ("see https://example.com/a?b=c now", ["https://example.com/a?b=c"]),
        ("HTTP://EXAMPLE.COM", ["HTTP://EXAMPLE.COM"]),
        ("my site example.com, and www.example.org/x.", ["example.com", "www.example.org/x."]),
        ("t.me/somebody", ["t.me/somebody"]),
        ("bit.ly/3xyz", ["bit.ly/3xyz"]),
        ("go to example dot com", ["example dot com"]),
        ("example[.]com or example (dot) net", ["example[.]com", "example (dot) net"]),
        ("hxxps://example.com", ["hxxps://example.com"]),
        ("ｅｘａｍｐｌｅ．ｃｏｍ", ["ｅｘａｍｐｌｅ．ｃｏｍ"]),
        ("an exam\u200bple.com link", ["exam\u200bple.com"]),
    ],
)
def test_links_are_found_where_they_stand(caption: str, links: list[str]) -> None:
    assert shown(caption, "link") == links
    assert measured(caption).values["caption_links"] == len(links)


@pytest.mark.parametrize(
    "caption",
    [
        "",
        "A quiet lake at dawn",
        "f/1.8, 50mm, 8k, 1920x1080, seed 1234567890",
        "I love.me and you.",
        "so it begins.then it ends",
        "polka dot dress, dot art",
        "v1.5 of model.safetensors",
        "3.5 stars ... really",
        "at 10:30 on 2024-05-01",
        "scale 1:100 (a/b)",
    ],
)
def test_ordinary_captions_have_neither_links_nor_contacts(caption: str) -> None:
    assert measured(caption).values == {
        "caption_links": 0,
        "caption_link_domains": 0,
        "caption_link_shortener": False,
        "caption_link_disguised": False,
        "caption_contacts": 0,
    }


def test_domains_are_counted_once() -> None:
    found = measured("https://example.com/a www.example.com example.com/b example.org").values
    assert found["caption_links"] == 4
    assert found["caption_link_domains"] == 2


@pytest.mark.parametrize("caption", ["https://bit.ly/abc", "tinyurl.com/abc", "www.t.co/x", "cutt.ly/q"])
def test_shorteners_are_known(caption: str) -> None:
    assert measured(caption).values["caption_link_shortener"] is True


@pytest.mark.parametrize(
    "caption",
    [
        "example dot com",
        "example[.]com",
        "hxxp://example.com",
        "http://198.51.100.7/login",
        "http://3325256711/",
        "http://bank.example.com@example.ru/",
        "http://xn--80ak6aa92e.com/",
        "www.exаmple.com",  # a Cyrillic letter
    ],
)
def test_disguised_links_are_known(caption: str) -> None:
    assert measured(caption).values["caption_link_disguised"] is True


@pytest.mark.parametrize("caption", ["https://example.com/", "example.com/ünïcode", "www.example.org"])
def test_plain_links_are_not_disguised(caption: str) -> None:
    assert measured(caption).values["caption_link_disguised"] is False


@pytest.mark.parametrize(
    ("caption", "contacts"),
    [
        ("write to some.one+x@mail.example.com!", ["some.one+x@mail.example.com"]),
        ("someone (at) example (dot) com", ["someone (at) example (dot) com"]),
        ("call +1 (555) 010-4477 today", ["+1 (555) 010-4477"]),
        ("call 555-010-4477", ["555-010-4477"]),
        ("telegram: @some_body", ["telegram: @some_body"]),
        ("kik me: somebody99", ["kik me: somebody99"]),
    ],
)
def test_contacts_are_found_where_they_stand(caption: str, contacts: list[str]) -> None:
    assert shown(caption, "contact") == contacts


def test_an_address_for_mail_is_no_link() -> None:
    assert measured("write to someone@mail.example.com").values["caption_links"] == 0


def test_very_many_links_are_counted_but_not_all_shown() -> None:
    result = measured("example.com " * 180)
    assert result.values["caption_links"] == 180
    assert len(result.spans) == MAX_SPANS


@given(st.text(max_size=300))
def test_any_caption_measures(caption: str) -> None:
    measured(caption)


@given(
    st.lists(
        st.sampled_from(["a.", "@", "dot ", "http://", "+1 ", "(at)", "[", "com", "xn--", "е", "\u200b", "/", ":"])
    )
)
def test_scraps_of_links_measure(parts: list[str]) -> None:
    measured("".join(parts))


def test_the_links_of_any_text_are_found_with_their_hosts() -> None:
    found = links_in("see https://www.Example.com/a and bit.ly/x, h\u0435re: hxxp://evil.com")
    assert [(link.host, link.shortener, link.disguised) for link in found] == [
        ("example.com", False, False),
        ("bit.ly", True, False),
        ("evil.com", False, True),
    ]
    assert links_in("no link at all") == []
