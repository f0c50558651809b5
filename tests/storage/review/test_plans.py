import pytest

from moderation.domain.errors import ConflictError
from moderation.domain.people import Role
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.review.plans import PlanStore
from tests.factories import NOW, after
from tests.storage.review.jobs import add_person


def test_versions_are_kept_and_the_newest_is_in_force(database: Database) -> None:
    plans, person = PlanStore(database), add_person(database, "pia", role=Role.POLICY)
    assert (plans.newest(), plans.current(), list(plans.history(10))) == (0, None, [])
    first = plans.save("one", person=person, now=NOW, expected=0)
    second = plans.save("two", person=person, now=after(60), expected=first.number)
    assert second.number > first.number
    assert plans.current() == (second.number, "two")
    assert list(plans.history(10)) == [second, first]
    assert list(plans.history(1)) == [second]
    assert plans.get(first.number) == first
    assert plans.get(999) is None


def test_saving_is_audited_in_the_same_transaction(database: Database) -> None:
    person = add_person(database, "pia", role=Role.POLICY)
    saved = PlanStore(database).save("one", person=person, now=NOW, expected=0)
    event = AuditStore(database).events()[-1]
    assert (event.number, event.kind, event.actor) == (saved.number, "plan.saved", "account:pia")
    assert event.payload == {"previous": 0, "characters": 3}
    assert event.subject == f"plan:{saved.digest}"


def test_nobody_overwrites_what_they_have_not_seen(database: Database) -> None:
    plans, person = PlanStore(database), add_person(database, "pia", role=Role.POLICY)
    first = plans.save("one", person=person, now=NOW, expected=0)
    for expected in (0, first.number + 1):
        with pytest.raises(ConflictError, match="another version"):
            plans.save("mine", person=person, now=NOW, expected=expected)
    assert plans.current() == (first.number, "one")


def test_the_same_text_again_is_no_new_version(database: Database) -> None:
    plans, person = PlanStore(database), add_person(database, "pia", role=Role.POLICY)
    first = plans.save("one", person=person, now=NOW, expected=0)
    assert plans.save("one", person=person, now=after(60), expected=first.number) == first
    assert len(plans.history(10)) == 1
