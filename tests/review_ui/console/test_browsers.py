import pytest
from hypothesis import given
from hypothesis import strategies as st

from review_ui.console.browsers import browser_words

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
KNOWN = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0": "Firefox 148 on Linux",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/156.0.0.0 Safari/537.36": "Chrome 156 on Windows",
    f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/156.0.0.0 Safari/537.36 Edg/156.0": "Edge 156 on Windows",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) {SAFARI} Version/19.1 Safari/605.1.15": "Safari 19 on macOS",
    "curl/8.9": "curl/8.9",
    "": "unknown",
}


@pytest.mark.parametrize(("description", "words"), KNOWN.items())
def test_a_browser_in_words(description: str, words: str) -> None:
    assert browser_words(description) == words


@given(st.text(max_size=300))
def test_whatever_it_says_is_short(description: str) -> None:
    assert 0 < len(browser_words(description)) <= 60
