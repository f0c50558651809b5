from datetime import timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.review.codes import address_of, new_recovery_codes, new_secret, recovery_digest, step_of
from tests.factories import NOW

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
STEP = int(NOW.timestamp()) // 30


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_a_code_is_right_one_step_around(offset: int) -> None:
    code = pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=30 * offset))
    assert step_of(SECRET, code, NOW) == STEP + offset
    assert step_of(SECRET, f" {code[:3]} {code[3:]} ", NOW) == STEP + offset


@pytest.mark.parametrize("offset", [-2, 2, -100, 100])
def test_a_code_of_another_time_is_not(offset: int) -> None:
    assert step_of(SECRET, pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=30 * offset)), NOW) is None


@given(st.text(max_size=30))
def test_what_is_no_code_is_none(text: str) -> None:
    right = {pyotp.TOTP(SECRET).at(NOW + timedelta(seconds=30 * offset)) for offset in (-1, 0, 1)}
    if "".join(text.split()) not in right:
        assert step_of(SECRET, text, NOW) is None


def test_the_published_vector() -> None:
    """RFC 6238, appendix B: SHA-1, T = 59 s, the last six digits of 94287082."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert step_of(secret, "287082", NOW.replace(year=1970, month=1, day=1, hour=0, minute=0, second=59)) == 1


def test_an_address_names_issuer_and_account() -> None:
    secret = new_secret()
    assert len(secret) == 32
    assert address_of(secret, "ada@x") == f"otpauth://totp/Moderation:ada%40x?secret={secret}&issuer=Moderation"


def test_recovery_codes_are_many_different_and_read_however_typed() -> None:
    codes = new_recovery_codes()
    assert len({recovery_digest(code) for code in codes}) == 10
    for code in codes:
        typed = f" {code.upper().replace('-', ' ')} "
        assert recovery_digest(typed) == recovery_digest(code)


@pytest.mark.parametrize("text", ["", "abcd", "aaaa-aaaa-aaaa-aaa1", "a" * 17, "123456"])
def test_what_is_no_recovery_code_has_no_digest(text: str) -> None:
    assert recovery_digest(text) is None
