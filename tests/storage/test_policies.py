from concurrent.futures import ThreadPoolExecutor

import pytest

from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.policies import PolicyStore
from tests.factories import NOW, a_digest, after

TEXT = "name: feed\nwhy: 'ünï'\n"


def test_a_policy_comes_back_as_it_was(database: Database) -> None:
    store = PolicyStore(database)
    assert store.text(a_digest(TEXT)) is None
    store.remember(a_digest(TEXT), TEXT, now=NOW)
    assert store.text(a_digest(TEXT)) == TEXT


def test_a_policy_is_kept_and_audited_once_however_many_remember_it(database: Database) -> None:
    store = PolicyStore(database)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: store.remember(a_digest(TEXT), TEXT, now=after(number)), range(8)))
    store.remember(a_digest(TEXT), TEXT, now=after(9))
    assert [event.subject for event in AuditStore(database).events()] == [f"policy:{a_digest(TEXT)}"]


def test_a_digest_of_another_text_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="digest"):
        PolicyStore(database).remember(a_digest("other"), TEXT, now=NOW)
