from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from moderation.domain.errors import RateLimitedError
from moderation.storage.accounts.attempts import AttemptStore, Limit, network_of
from moderation.storage.engine import Database
from tests.factories import NOW

BY_NAME = (Limit(3, 60.0), Limit(5, 600.0))
BY_ADDRESS = (Limit(4, 60.0),)


@pytest.fixture
def attempts(database: Database) -> AttemptStore:
    return AttemptStore(database)


def fail(attempts: AttemptStore, name: str = "ada", address: str = "192.0.2.1", *, second: float = 0.0) -> str:
    return attempts.begin(name, address, by_name=BY_NAME, by_address=BY_ADDRESS, now=NOW + timedelta(seconds=second))


def refused(attempts: AttemptStore, name: str = "ada", address: str = "192.0.2.1", *, second: float = 0.0) -> float:
    with pytest.raises(RateLimitedError) as error:
        fail(attempts, name, address, second=second)
    return error.value.retry_after_s


def test_a_name_has_so_many_tries_from_wherever(attempts: AttemptStore) -> None:
    for number in range(3):
        fail(attempts, address=f"192.0.2.{number}", second=number)
    assert refused(attempts, address="198.51.100.1", second=10) == 50.0
    fail(attempts, "bob", "198.51.100.1", second=10)
    fail(attempts, second=60.5)


def test_a_refused_try_does_not_make_the_wait_longer(attempts: AttemptStore) -> None:
    for _ in range(3):
        fail(attempts)
    for second in range(0, 60, 10):
        assert refused(attempts, second=second) == 60.0 - second
    fail(attempts, second=60)


def test_the_longer_limit_counts_too(attempts: AttemptStore) -> None:
    for number in range(5):
        fail(attempts, second=number * 61.0)
    assert refused(attempts, second=400) == 200.0


def test_an_address_has_so_many_tries_for_whatever_names(attempts: AttemptStore) -> None:
    for name in ("a", "b", "c", ""):
        fail(attempts, name)
    assert refused(attempts, "d") == 60.0
    fail(attempts, "d", "192.0.2.2")


def test_names_that_are_none_are_counted_by_address_only(attempts: AttemptStore) -> None:
    for number in range(6):
        fail(attempts, "", f"192.0.2.{number}")


def test_success_forgets_the_name_s_failures_and_nobody_else_s(attempts: AttemptStore) -> None:
    fail(attempts)
    fail(attempts, "bob")
    attempts.succeeded(fail(attempts), "ada")
    for _ in range(3):
        fail(attempts, address="198.51.100.1")
    for _ in range(2):
        fail(attempts, "bob", "198.51.100.2")
    refused(attempts, "bob", "198.51.100.3")


def test_success_without_a_name_forgets_only_itself(attempts: AttemptStore) -> None:
    for _ in range(3):
        fail(attempts, "")
    attempts.succeeded(fail(attempts, ""))
    fail(attempts, "")
    refused(attempts, "")


def test_many_at_once_are_no_more_than_one_after_the_other(attempts: AttemptStore) -> None:
    def one(number: int) -> bool:
        try:
            fail(attempts, address=f"192.0.2.{number}")
        except RateLimitedError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(16))) == 3


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("testclient", "unknown"),
        ("", "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network
