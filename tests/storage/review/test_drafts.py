import pytest

from moderation.domain.errors import TooLargeError
from moderation.storage.engine import Database
from moderation.storage.review.drafts import MAX_NOTE_CHARS, DraftStore
from tests.factories import NOW, after
from tests.storage.review.jobs import add_job, add_person


def test_a_draft_is_kept_replaced_and_forgotten(database: Database) -> None:
    person, job, drafts = add_person(database, "ada"), add_job(database), DraftStore(database)
    assert drafts.note(person.id, job) == ""
    drafts.keep(person.id, job, "half a sen", now=NOW)
    drafts.keep(person.id, job, "half a sentence", now=after(1))
    assert drafts.note(person.id, job) == "half a sentence"
    drafts.forget(person.id, job)
    drafts.forget(person.id, job)
    assert drafts.note(person.id, job) == ""


def test_an_emptied_draft_leaves_nothing(database: Database) -> None:
    person, job, drafts = add_person(database, "ada"), add_job(database), DraftStore(database)
    drafts.keep(person.id, job, "no", now=NOW)
    drafts.keep(person.id, job, "", now=NOW)
    assert drafts.note(person.id, job) == ""


def test_drafts_are_each_persons_own(database: Database) -> None:
    ada, ben, job = add_person(database, "ada"), add_person(database, "ben"), add_job(database)
    drafts = DraftStore(database)
    drafts.keep(ada.id, job, "mine", now=NOW)
    assert drafts.note(ben.id, job) == ""


def test_a_draft_has_an_end_and_no_character_that_a_database_refuses(database: Database) -> None:
    person, job, drafts = add_person(database, "ada"), add_job(database), DraftStore(database)
    with pytest.raises(TooLargeError):
        drafts.keep(person.id, job, "x" * (MAX_NOTE_CHARS + 1), now=NOW)
    drafts.keep(person.id, job, "a\0b", now=NOW)
    assert drafts.note(person.id, job) == "ab"
