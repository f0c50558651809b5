import threading
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInputError
from moderation.review.passwords import Passwords, check_password, given_password

QUICK = Passwords(time_cost=1, memory_kib=8, parallelism=1)


def test_the_parameters_are_those_of_rfc_9106() -> None:
    assert Passwords().hash("a rather long sentence").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=64), st.text(max_size=64))
def test_only_the_same_password_is_right(password: str, other: str) -> None:
    hashed = QUICK.hash(password)
    assert QUICK.verify(hashed, password)
    same = unicodedata.normalize("NFC", password) == unicodedata.normalize("NFC", other)
    assert QUICK.verify(hashed, other) is same


def test_the_same_text_from_another_keyboard_is_right() -> None:
    assert QUICK.verify(QUICK.hash("caf\u00e9 au lait"), "cafe\u0301 au lait")


def test_nobody_s_password_is_never_right_and_costs_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    hasher = QUICK._hasher

    class Watched:
        def verify(self, stored: str, password: str) -> bool:
            verified.append(stored)
            return hasher.verify(stored, password)

    monkeypatch.setattr(QUICK, "_hasher", Watched())
    assert not QUICK.verify(None, "a rather long sentence")
    assert not QUICK.verify("not a hash", "x")
    assert verified[0].startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert len(verified) == 2


def test_a_password_of_a_megabyte_is_not_hashed() -> None:
    assert not QUICK.verify(QUICK.hash("x" * 10_000), "x" * 10_000)


def test_hashes_of_other_parameters_are_outdated() -> None:
    assert not QUICK.is_outdated(QUICK.hash("x"))
    assert Passwords().is_outdated(QUICK.hash("x"))


def test_no_more_than_two_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords = Passwords(time_cost=1, memory_kib=8, parallelism=1)
    inside, most, turn = 0, 0, threading.Lock()
    go = threading.Event()

    class Slow:
        def hash(self, _password: str) -> str:
            nonlocal inside, most
            with turn:
                inside += 1
                most = max(most, inside)
            go.wait(0.05)
            with turn:
                inside -= 1
            return ""

    monkeypatch.setattr(passwords, "_hasher", Slow())
    threads = [threading.Thread(target=passwords.hash, args=("x",)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


@pytest.mark.parametrize(
    "password", ["short", "x" * 12, "x" * 257, "ada lovelace's own", "abababababababab", "\0" * 14]
)
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(InvalidInputError):
        check_password(password, name="ada")


def test_a_given_password_is_strong_and_never_twice_the_same() -> None:
    made = {given_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        check_password(password, name="ada")
