"""Which model serves a slot: every change audited, none without what it needs."""

import pytest

from moderation.domain.errors import ConflictError
from moderation.domain.ids import Digest
from moderation.domain.model_role import ModelPin, RoleChange, ShadowResult, SlotRoles
from moderation.domain.signal import FailureReason
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.model_roles import ModelRoleStore
from moderation.storage.posts import PostStore
from moderation.storage.shadow_results import ShadowStore
from tests.factories import NOW, a_failure, a_score, a_screening, accept, after, claim_all
from tests.storage.tampering import count

SLOT = "image_nsfw"
FIRST = ModelPin("opennsfw-2", Digest("1" * 64))
SECOND = ModelPin("opennsfw-3", Digest("2" * 64))


@pytest.fixture
def roles(database: Database) -> ModelRoleStore:
    return ModelRoleStore(database)


def name(roles: ModelRoleStore, candidate: ModelPin | None, *, slot: str = SLOT) -> SlotRoles:
    return roles.name_candidate(slot, candidate, by="cli", now=NOW)


def promote(roles: ModelRoleStore, candidate: ModelPin, *, at_least: int = 0) -> SlotRoles:
    return roles.promote(SLOT, candidate, at_least=at_least, by="cli", now=NOW, note="")


def shadow(database: Database, pin: ModelPin, *, measured: int, failed: int = 0) -> None:
    posts = PostStore(database)
    for number in range(measured + failed):
        accept(posts, now=after(number / 1000))
    done = [(claim, a_screening(claim)) for claim in claim_all(posts, now=after(1))]
    posts.commit(done, now=after(2))
    results = [a_failure(SLOT, FailureReason.TIMED_OUT)] * failed + [a_score(SLOT, {SLOT: 0.5})] * measured
    rows = [ShadowResult(one.id, pin, result, 0.01) for (_, one), result in zip(done, results, strict=True)]
    ShadowStore(database).record(rows, {}, now=after(3))


def test_a_slot_that_was_never_changed_has_no_roles(roles: ModelRoleStore) -> None:
    assert roles.newest() == 0
    assert roles.current() == {}
    assert roles.of(SLOT) == SlotRoles(SLOT)
    assert roles.history() == []


def test_a_candidate_is_named_and_taken_away(roles: ModelRoleStore, database: Database) -> None:
    named = name(roles, FIRST)
    assert (named.live, named.candidate, named.number) == (None, FIRST, roles.newest())
    assert roles.current() == {SLOT: named}
    gone = name(roles, None)
    assert gone.candidate is None
    assert [record.change for record in roles.history(SLOT)] == [RoleChange.CANDIDATE] * 2
    kinds = [(event.kind, event.subject, event.actor) for event in AuditStore(database).events()]
    assert kinds == [("model.candidate", f"slot:{SLOT}", "cli")] * 2


def test_naming_the_same_candidate_again_writes_nothing(roles: ModelRoleStore, database: Database) -> None:
    named = name(roles, FIRST)
    assert name(roles, FIRST) == named
    assert count(database, "audit_events") == count(database, "model_roles") == 1


def test_the_candidate_becomes_live_and_who_was_live_is_remembered(roles: ModelRoleStore) -> None:
    name(roles, FIRST)
    promoted = promote(roles, FIRST)
    assert (promoted.live, promoted.candidate, promoted.former) == (FIRST, None, None)
    name(roles, SECOND)
    second = promote(roles, SECOND)
    assert (second.live, second.former) == (SECOND, FIRST)
    back = roles.rollback(SLOT, by="cli", now=NOW)
    assert (back.live, back.former) == (FIRST, None)
    shipped = roles.rollback(SLOT, by="cli", now=NOW)
    assert shipped.live is None
    with pytest.raises(ConflictError, match="ships with"):
        roles.rollback(SLOT, by="cli", now=NOW)
    changes = [record.change for record in roles.history(SLOT)]
    assert changes[:2] == [RoleChange.ROLLBACK] * 2
    assert sorted(record.roles.number for record in roles.history()) == list(range(1, 7))


def test_a_candidate_may_run_beside_a_model_that_is_rolled_back(roles: ModelRoleStore) -> None:
    name(roles, FIRST)
    promote(roles, FIRST)
    name(roles, SECOND)
    assert roles.rollback(SLOT, by="cli", now=NOW).candidate == SECOND


def test_a_model_that_serves_again_is_not_tried_beside_itself(roles: ModelRoleStore) -> None:
    for pin in (FIRST, SECOND):
        name(roles, pin)
        promote(roles, pin)
    name(roles, FIRST)
    back = roles.rollback(SLOT, by="cli", now=NOW)
    assert (back.live, back.candidate) == (FIRST, None)


def test_the_live_model_is_no_candidate(roles: ModelRoleStore) -> None:
    name(roles, FIRST)
    promote(roles, FIRST)
    with pytest.raises(ConflictError, match="already"):
        name(roles, FIRST)


def test_what_is_not_the_candidate_is_not_promoted(roles: ModelRoleStore) -> None:
    with pytest.raises(ConflictError, match="not the candidate"):
        promote(roles, FIRST)
    name(roles, SECOND)
    with pytest.raises(ConflictError, match="not the candidate"):
        promote(roles, FIRST)
    assert roles.of(SLOT).live is None


def test_too_few_measured_posts_are_not_enough(roles: ModelRoleStore, database: Database) -> None:
    name(roles, FIRST)
    shadow(database, FIRST, measured=2, failed=3)
    with pytest.raises(ConflictError, match="measured 2 posts"):
        promote(roles, FIRST, at_least=3)
    assert promote(roles, FIRST, at_least=2).live == FIRST


def test_posts_of_another_candidate_do_not_count(roles: ModelRoleStore, database: Database) -> None:
    name(roles, FIRST)
    shadow(database, SECOND, measured=3)
    with pytest.raises(ConflictError, match="measured 0 posts"):
        promote(roles, FIRST, at_least=1)


def test_force_needs_a_note_and_is_told(roles: ModelRoleStore, database: Database) -> None:
    name(roles, FIRST)
    with pytest.raises(ConflictError, match="needs a note"):
        roles.promote(SLOT, FIRST, at_least=5, force=True, by="cli", now=NOW, note=" ")
    roles.promote(SLOT, FIRST, at_least=5, force=True, by="cli", now=NOW, note="ticket 9")
    event = AuditStore(database).events()[-1]
    assert event.kind == "model.promote"
    assert event.payload["forced"] is True
    assert (event.payload["shadow_posts"], event.payload["note"]) == (0, "ticket 9")
    assert AuditStore(database).verify().problem is None


def test_a_candidate_that_lanes_gave_up_is_named_no_more_and_counted_once(
    roles: ModelRoleStore, database: Database
) -> None:
    name(roles, FIRST)
    for _ in range(2):
        given_up = roles.give_up(SLOT, FIRST, by="lane", now=NOW, note="by signal 11")
        assert given_up.candidate is None
    (last, _) = roles.history(SLOT)
    assert (last.change, last.by, last.note) == (RoleChange.CANDIDATE, "lane", "by signal 11")
    assert roles.given_up(after(-7200), after(3600)) == {SLOT: 1}
    assert roles.given_up(after(3600), after(7200)) == {}
    assert [event.actor for event in AuditStore(database).events()][-1] == "lane"


def test_another_candidate_that_was_named_meanwhile_stays(roles: ModelRoleStore) -> None:
    name(roles, SECOND)
    assert roles.give_up(SLOT, FIRST, by="lane", now=NOW, note="").candidate == SECOND
    assert roles.given_up(after(-7200), after(3600)) == {}


def test_a_rollback_with_nothing_to_go_back_to_says_what_to_look_at(roles: ModelRoleStore) -> None:
    with pytest.raises(ConflictError, match="nothing to go back to") as refused:
        roles.rollback(SLOT, by="cli", now=NOW)
    assert "models roles --history" in refused.value.hint


def test_slots_do_not_mix(roles: ModelRoleStore) -> None:
    name(roles, FIRST)
    name(roles, SECOND, slot="text_harm")
    assert {slot: one.candidate for slot, one in roles.current().items()} == {SLOT: FIRST, "text_harm": SECOND}
    assert [record.roles.slot for record in roles.history("text_harm")] == ["text_harm"]
