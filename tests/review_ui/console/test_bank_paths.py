"""Every name a bank may have is a page's address, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import NotFoundError
from review_ui.console.bank_paths import bank_key, bank_name, bank_path
from review_ui.console.targets import safe_target

NAMES = st.text(min_size=1, max_size=100).filter(lambda text: text.isprintable() and text == text.strip())


@given(NAMES)
def test_a_name_comes_back_from_its_path(name: str) -> None:
    key = bank_key(name)
    assert bank_name(key) == name
    assert key.isascii()
    assert not set(key) & set("/?#%&\\ ;")
    assert key not in {".", ".."}


@given(st.text(max_size=40))
def test_any_other_segment_is_nobodys(segment: str) -> None:
    try:
        name = bank_name(segment)
    except NotFoundError:
        return
    assert bank_key(name) == segment


@pytest.mark.parametrize("segment", ["", "~", "~!!", "~AA", "~QUJD", ".", "..", "a b", "~QQ==", "~Q\nQ", "é"])
def test_what_no_name_has_is_not_found(segment: str) -> None:
    with pytest.raises(NotFoundError):
        bank_name(segment)


@pytest.mark.parametrize("name", ["BANNED_PICTURES", "a/b", "..", "x y", "~", "日本"])
def test_a_login_leads_back_to_it(name: str) -> None:
    assert safe_target(bank_path(name)) == bank_path(name)
