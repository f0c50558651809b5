import pytest
from sqlalchemy.exc import IntegrityError

from moderation.domain.bank import Bank, BankEffect
from moderation.domain.ids import Digest
from moderation.domain.model_role import ModelPin, ShadowResult
from moderation.storage.banks import BankStore
from moderation.storage.engine import Database
from moderation.storage.model_roles import ModelRoleStore
from moderation.storage.policies import PolicyStore
from moderation.storage.posts import PostStore
from moderation.storage.review.evidence import EvidenceStore
from moderation.storage.review.plans import PlanStore
from moderation.storage.screenings import ScreeningStore
from moderation.storage.shadow_results import ShadowStore
from moderation.storage.tables import APPEND_ONLY
from tests.factories import NOW, a_digest, a_score, accept, judge_all
from tests.screening.sweeping import Scene
from tests.storage.review.office import UNDO, Office
from tests.storage.review.picture_rows import a_pdq
from tests.storage.tampering import count, run

CHANGES = {
    "screenings": "lane = lane",
    "signal_results": "signal = signal",
    "verdicts": "verdict = 'approve'",
    "audit_events": "actor = 'nobody'",
    "outbox_messages": "payload = '{}'",
    "bank_changes": "payload = '{}'",
    "policies": "text = ''",
    "idempotency_keys": "body = ''",
    "decisions": "action = 'approve'",
    "decision_fates": "fate = 'settled'",
    "review_plans": "text = ''",
    "picture_hashes": "quality = 0",
    "evidence_holds": "reason = ''",
    "model_roles": "note = 'another'",
    "shadow_results": "seconds = 0",
    "sweep_posts": "result = 'gone'",
}


@pytest.fixture
def history(database: Database) -> Database:
    """A database with a row in every table that only grows."""
    posts = PostStore(database)
    accept(posts, key="key-1")
    judge_all(posts)
    BankStore(database).create(Bank("KNOWN", BankEffect.BLOCK), actor="test", now=NOW)
    PolicyStore(database).remember(a_digest("text"), "text", now=NOW)
    office = Office(database)
    ada, post = office.person("ada"), office.held(pdq=a_pdq(1))
    office.decide(ada, office.job(post).id)
    office.settle(UNDO)
    EvidenceStore(database).place([post], "It may be needed.", person=ada, now=NOW)
    PlanStore(database).save("version: 1", person=ada, now=NOW, expected=0)
    pin = ModelPin("opennsfw-2", a_digest("weights"))
    ModelRoleStore(database).name_candidate("image_nsfw", pin, by="test", now=NOW)
    screening = ScreeningStore(database).latest(post)
    assert screening is not None
    ShadowStore(database).record([ShadowResult(screening.id, pin, a_score(), 0.1)], {}, now=NOW)
    scene = Scene(database)
    scene.published(a_pdq(7))
    scene.bank(a_pdq(7))
    scene.sweep()
    return database


def test_every_history_table_is_tried() -> None:
    assert set(CHANGES) == set(APPEND_ONLY)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_cannot_be_updated(history: Database, table: str) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        run(history, f"UPDATE {table} SET {CHANGES[table]}")


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_cannot_be_deleted(history: Database, table: str) -> None:
    before = count(history, table)
    with pytest.raises(IntegrityError, match="append-only"):
        run(history, f"DELETE FROM {table}")
    assert count(history, table) == before > 0


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_history_cannot_be_emptied_or_replaced(history: Database, table: str) -> None:
    before = count(history, table)
    statement = f"TRUNCATE {table} CASCADE"
    if history.dialect == "sqlite":
        statement = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
    with pytest.raises(IntegrityError, match="append-only"):
        run(history, statement)
    assert count(history, table) == before


@pytest.mark.postgres
def test_a_session_that_plays_replica_cannot_change_history_either(postgres_url: str) -> None:
    opened = Database.open(postgres_url)
    PolicyStore(opened).remember(Digest(a_digest("text")), "text", now=NOW)
    with pytest.raises(IntegrityError, match="append-only"):
        run(opened, "SET LOCAL session_replication_role = replica; DELETE FROM policies")
    opened.close()
