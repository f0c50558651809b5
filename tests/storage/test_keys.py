import re

import pytest

from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.keys import ApiKey, ApiKeyStore
from tests.factories import NOW, after
from tests.storage.tampering import scalar

SCOPES = frozenset({"posts:write", "posts:read"})


@pytest.fixture
def store(database: Database) -> ApiKeyStore:
    return ApiKeyStore(database)


def make(store: ApiKeyStore, name: str = "feed") -> tuple[ApiKey, str]:
    return store.create(name, scopes=SCOPES, per_minute=60, now=NOW)


def test_a_secret_opens_its_key(store: ApiKeyStore) -> None:
    key, secret = make(store)
    assert re.fullmatch(r"mod_[0-9a-f]{12}_[\w-]{43}", secret)
    assert (key.scopes, key.per_minute, key.prefix) == (SCOPES, 60, secret.split("_")[1])
    assert store.verify(secret, now=NOW) == key


def test_a_secret_is_kept_nowhere(store: ApiKeyStore, database: Database) -> None:
    _, secret = make(store)
    hidden = secret.split("_", 2)[2]
    stored = [scalar(database, f"SELECT {column} FROM api_keys") for column in ("name", "prefix", "secret_digest")]
    assert hidden not in str(stored) + str(AuditStore(database).events()) + repr(store.list())


def test_no_two_secrets_are_alike(store: ApiKeyStore) -> None:
    assert make(store, "one")[1] != make(store, "two")[1]


def test_a_wrong_secret_opens_nothing(store: ApiKeyStore) -> None:
    _, secret = make(store)
    _, other = make(store, "other")
    mixed = "_".join([*secret.split("_")[:2], other.split("_", 2)[2]])
    wrong = ["", "mod_", secret[:-1], secret + "a", secret.upper(), mixed, " " + secret, secret + "\n", "é" * 60]
    assert [store.verify(guess, now=NOW) for guess in wrong] == [None] * len(wrong)


def test_a_revoked_key_is_closed_for_good(store: ApiKeyStore) -> None:
    _, secret = make(store)
    store.revoke("feed", after(1))
    assert store.verify(secret, now=after(2)) is None
    assert store.list()[0].revoked_at == after(1)
    with pytest.raises(NotFoundError):
        store.revoke("feed", after(3))
    with pytest.raises(ConflictError):
        make(store)


def test_a_key_that_is_not_there_cannot_be_revoked(store: ApiKeyStore) -> None:
    with pytest.raises(NotFoundError):
        store.revoke("none", NOW)


def test_the_last_use_is_known_to_the_minute(store: ApiKeyStore) -> None:
    _, secret = make(store)
    for seconds, known in ((0, 0), (59, 0), (60, 60), (61, 60)):
        store.verify(secret, now=after(seconds))
        assert store.list()[0].last_used_at == after(known)


@pytest.mark.parametrize(
    ("name", "scopes", "per_minute"),
    [("", SCOPES, 1), (" ", SCOPES, 1), ("a\n", SCOPES, 1), ("a", {"all"}, 1), ("a", set(), 1), ("a", SCOPES, 0)],
)
def test_a_wrong_key_is_refused(store: ApiKeyStore, name: str, scopes: set[str], per_minute: int) -> None:
    with pytest.raises(InvalidInputError):
        store.create(name, scopes=scopes, per_minute=per_minute, now=NOW)
    assert store.list() == []


def test_making_and_revoking_are_audited(store: ApiKeyStore, database: Database) -> None:
    make(store)
    store.revoke("feed", NOW)
    assert [event.kind for event in AuditStore(database).events()] == ["key.created", "key.revoked"]
