from datetime import datetime, timedelta

import pyotp
import pytest

from moderation.domain.errors import ConflictError, RateLimitedError
from moderation.domain.people import Person, Role
from moderation.review.passwords import Passwords
from moderation.review.sign_in import SignIn, WrongCredentialsError
from moderation.storage.accounts.attempts import AttemptStore
from moderation.storage.accounts.credentials import CredentialStore
from moderation.storage.accounts.people import NewAccount, PeopleStore
from moderation.storage.engine import Database
from tests.factories import NOW

PASSWORD = "a rather long sentence"
ADDRESS = "192.0.2.1"
QUICK = Passwords(time_cost=1, memory_kib=8, parallelism=1)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.fixture
def sign_in(sqlite_database: Database) -> SignIn:
    return SignIn(PeopleStore(sqlite_database), CredentialStore(sqlite_database), AttemptStore(sqlite_database), QUICK)


@pytest.fixture
def ada(sqlite_database: Database) -> Person:
    new = NewAccount("ada", Role.MODERATOR, password_hash=QUICK.hash(PASSWORD))
    return PeopleStore(sqlite_database).create(new, actor="system:test", now=NOW)


def enrolled(sign_in: SignIn, person: Person, *, now: datetime = NOW) -> tuple[str, list[str]]:
    """The secret, and the recovery codes; the code of `now` is used."""
    secret = sign_in.offer_totp(person, now=now)
    return secret, sign_in.accept_totp(person, pyotp.TOTP(secret).at(now), address=ADDRESS, now=now)


def wrong(sign_in: SignIn, name: str = "ada", password: str = "x", address: str = ADDRESS) -> str:
    with pytest.raises(WrongCredentialsError) as error:
        sign_in.by_password(name, password, address=address, now=NOW)
    return error.value.message


def test_the_right_password_is_somebody(sign_in: SignIn, ada: Person) -> None:
    for name in ("ada", " Ada ", "ADA"):
        assert sign_in.by_password(name, PASSWORD, address=ADDRESS, now=NOW) == ada


def test_whatever_is_wrong_is_told_alike(sign_in: SignIn, ada: Person, sqlite_database: Database) -> None:
    people = PeopleStore(sqlite_database)
    people.create(NewAccount("only-oidc", Role.SENIOR, issuer="i", subject="s"), actor="system:test", now=NOW)
    gone = people.create(
        NewAccount("gone", Role.SENIOR, password_hash=QUICK.hash(PASSWORD)), actor="system:test", now=NOW
    )
    people.disable(gone.id, actor="system:test", now=NOW)
    told = {
        wrong(sign_in),
        wrong(sign_in, "nobody", PASSWORD),
        wrong(sign_in, "only-oidc", PASSWORD),
        wrong(sign_in, "only-oidc", ""),
        wrong(sign_in, "gone", PASSWORD),
        wrong(sign_in, "not a name at all\0", PASSWORD),
        wrong(sign_in, "", ""),
    }
    assert told == {"The name or the password is not right."}


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_five_failures_lock_a_name_for_a_while_whether_it_exists_or_not(
    sign_in: SignIn, ada: Person, name: str
) -> None:
    for number in range(5):
        wrong(sign_in, name, address=f"192.0.2.{number}")
    with pytest.raises(RateLimitedError) as error:
        sign_in.by_password(name, PASSWORD, address="198.51.100.1", now=NOW)
    assert error.value.retry_after_s == 900.0
    if name == "ada":
        assert sign_in.by_password(name, PASSWORD, address=ADDRESS, now=later(900)) == ada


def test_an_address_that_tries_many_names_is_stopped(sign_in: SignIn, ada: Person) -> None:
    for number in range(20):
        wrong(sign_in, f"name-{number}")
    with pytest.raises(RateLimitedError):
        sign_in.by_password("ada", PASSWORD, address=ADDRESS, now=NOW)
    assert sign_in.by_password("ada", PASSWORD, address="198.51.100.1", now=NOW) == ada


def test_a_right_password_does_not_count_as_a_failure(sign_in: SignIn, ada: Person) -> None:
    for _ in range(30):
        sign_in.by_password("ada", PASSWORD, address=ADDRESS, now=NOW)


def test_an_old_hash_is_made_anew_on_the_way(sqlite_database: Database, ada: Person) -> None:
    stronger = Passwords(time_cost=2, memory_kib=16, parallelism=1)
    credentials = CredentialStore(sqlite_database)
    sign_in = SignIn(PeopleStore(sqlite_database), credentials, AttemptStore(sqlite_database), stronger)
    sign_in.by_password("ada", PASSWORD, address=ADDRESS, now=NOW)
    found = credentials.by_name("ada")
    assert found is not None
    assert found.password_hash is not None
    assert not stronger.is_outdated(found.password_hash)
    sign_in.by_password("ada", PASSWORD, address=ADDRESS, now=NOW)


def test_a_code_is_good_once(sign_in: SignIn, ada: Person) -> None:
    secret, _ = enrolled(sign_in, ada)
    code = pyotp.TOTP(secret).at(later(30))
    with pytest.raises(WrongCredentialsError):
        sign_in.by_code(ada, pyotp.TOTP(secret).at(NOW), address=ADDRESS, now=NOW)
    sign_in.by_code(ada, code, address=ADDRESS, now=later(30))
    with pytest.raises(WrongCredentialsError):
        sign_in.by_code(ada, code, address=ADDRESS, now=later(31))
    with pytest.raises(WrongCredentialsError):
        sign_in.by_code(ada, pyotp.TOTP(secret).at(NOW), address=ADDRESS, now=later(31))


def test_a_recovery_code_is_good_once(sign_in: SignIn, ada: Person) -> None:
    _, codes = enrolled(sign_in, ada)
    sign_in.by_code(ada, codes[3].upper(), address=ADDRESS, now=NOW)
    with pytest.raises(WrongCredentialsError):
        sign_in.by_code(ada, codes[3], address=ADDRESS, now=NOW)
    fresh = sign_in.replace_recovery(ada, now=NOW)
    with pytest.raises(WrongCredentialsError):
        sign_in.by_code(ada, codes[4], address=ADDRESS, now=NOW)
    sign_in.by_code(ada, fresh[0], address=ADDRESS, now=NOW)


def test_guessing_codes_ends_soon_and_for_the_day(sign_in: SignIn, ada: Person) -> None:
    secret, _ = enrolled(sign_in, ada)
    tries, moment = 0, 0.0
    while moment < 40_000:
        try:
            sign_in.by_code(ada, "000000", address=f"192.0.2.{tries % 250}", now=later(moment))
        except WrongCredentialsError:
            tries += 1
        except RateLimitedError:
            moment += 900.0
    assert tries == 20
    with pytest.raises(RateLimitedError):
        sign_in.by_code(ada, pyotp.TOTP(secret).at(later(moment)), address=ADDRESS, now=later(moment))
    sign_in.by_password("ada", PASSWORD, address=ADDRESS, now=later(moment))


def test_a_code_of_somebody_without_a_second_factor_is_wrong(sign_in: SignIn, ada: Person) -> None:
    sign_in.offer_totp(ada, now=NOW)
    with pytest.raises(WrongCredentialsError):
        sign_in.by_code(ada, "000000", address=ADDRESS, now=NOW)


def test_no_second_factor_without_a_right_code(sign_in: SignIn, ada: Person, sqlite_database: Database) -> None:
    with pytest.raises(ConflictError):
        sign_in.accept_totp(ada, "000000", address=ADDRESS, now=NOW)
    sign_in.offer_totp(ada, now=NOW)
    with pytest.raises(WrongCredentialsError):
        sign_in.accept_totp(ada, "abcdef", address=ADDRESS, now=NOW)
    assert not PeopleStore(sqlite_database).account(ada.id).locks.totp


def test_a_new_password_replaces_the_old(sign_in: SignIn, ada: Person) -> None:
    sign_in.change_password(ada, "another long sentence", now=NOW, keep_session="")
    wrong(sign_in, password=PASSWORD)
    assert sign_in.by_password("ada", "another long sentence", address=ADDRESS, now=NOW) == ada


def test_what_was_begun_and_left_open_ends(sign_in: SignIn, ada: Person) -> None:
    secret = sign_in.offer_totp(ada, now=NOW)
    assert sign_in.offered_totp(ada, now=later(899)) == secret
    assert sign_in.offered_totp(ada, now=later(900)) is None
    with pytest.raises(ConflictError):
        sign_in.accept_totp(ada, pyotp.TOTP(secret).at(later(900)), address=ADDRESS, now=later(900))
