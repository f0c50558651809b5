import threading

import pytest
from sqlalchemy.exc import IntegrityError

from moderation.domain.errors import NotFoundError
from moderation.domain.ids import PostId
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.evidence import EvidenceStore
from tests.factories import NOW, accept, after
from tests.storage.review.jobs import add_person
from tests.storage.tampering import count, run


def test_a_hold_says_why_and_by_whom_and_is_audited(database: Database) -> None:
    evidence, person, post = EvidenceStore(database), add_person(database, "ada"), accept(PostStore(database))
    assert not evidence.held(post.image)
    assert evidence.place([post.id], "opened", person=person, now=NOW) == [post.id]
    held = evidence.of_post(post.id)
    assert held is not None
    assert (held.post_id, held.image, held.reason, held.placed_by, held.placed_at) == (
        post.id,
        post.image,
        "opened",
        "account:ada",
        NOW,
    )
    assert evidence.held(post.image)
    event = AuditStore(database).events()[-1]
    assert (event.kind, event.subject, event.actor) == ("evidence.held", f"post:{post.id}", "account:ada")
    assert event.payload == {"image": post.image, "reason": "opened", "image_kept": True}


def test_what_is_held_stays_held_as_it_was(database: Database) -> None:
    evidence, person, posts = EvidenceStore(database), add_person(database, "ada"), PostStore(database)
    first, second = accept(posts, key="1", body="1"), accept(posts, key="2", body="2")
    evidence.place([first.id], "opened", person=person, now=NOW)
    events = len(AuditStore(database).events())
    assert evidence.place([first.id], "again", person=person, now=after(9)) == []
    assert len(AuditStore(database).events()) == events
    assert evidence.place([first.id, second.id], "both", person=person, now=after(9)) == [second.id]
    found = evidence.of_posts([first.id, second.id])
    assert [found[post.id].reason for post in (first, second)] == ["opened", "both"]
    assert [one.post_id for one in evidence.newest(10)] == [second.id, first.id]


def test_an_unknown_post_is_refused_and_nothing_held(database: Database) -> None:
    evidence, person, post = EvidenceStore(database), add_person(database, "ada"), accept(PostStore(database))
    with pytest.raises(NotFoundError, match="no post"):
        evidence.place([post.id, PostId("nothing")], "why", person=person, now=NOW)
    assert evidence.of_post(post.id) is None


def test_two_who_open_at_once_place_one_hold(database: Database) -> None:
    evidence, post = EvidenceStore(database), accept(PostStore(database))
    people = [add_person(database, name) for name in ("ada", "bob", "cem")]
    start, placed = threading.Barrier(3), list[list[PostId]]()

    def place(index: int) -> None:
        start.wait()
        placed.append(evidence.place([post.id], "opened", person=people[index], now=NOW))

    threads = [threading.Thread(target=place, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, placed)) == [0, 0, 1]
    assert count(database, "evidence_holds") == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM posts WHERE id = :post",
        "UPDATE posts SET caption = 'other' WHERE id = :post",
        "UPDATE posts SET prompt = 'other' WHERE id = :post",
        "UPDATE posts SET image = 'other' WHERE id = :post",
        "UPDATE posts SET author_id = 'other' WHERE id = :post",
        "UPDATE posts SET image_deleted_at = received_at WHERE id = :post",
        "UPDATE posts SET image_deleted_at = received_at",
    ],
)
def test_the_database_itself_refuses_to_touch_what_is_held(database: Database, statement: str) -> None:
    person, post = add_person(database, "ada"), accept(PostStore(database), key="held")
    values = {"post": post.id} if ":post" in statement else {}
    EvidenceStore(database).place([post.id], "opened", person=person, now=NOW)
    with pytest.raises(IntegrityError, match="held as evidence"):
        run(database, statement, **values)
    assert PostStore(database).get(post.id) == post


def test_another_post_with_a_held_image_keeps_it_too(database: Database) -> None:
    posts, person = PostStore(database), add_person(database, "ada")
    first, second = accept(posts, key="1", body="1"), accept(posts, key="2", body="2")
    EvidenceStore(database).place([first.id], "opened", person=person, now=NOW)
    with pytest.raises(IntegrityError, match="held as evidence"):
        run(database, "UPDATE posts SET image_deleted_at = received_at WHERE id = :post", post=second.id)
    run(database, "UPDATE posts SET caption = 'other' WHERE id = :post", post=second.id)


def test_what_is_not_held_can_be_marked(database: Database) -> None:
    post = accept(PostStore(database))
    run(database, "UPDATE posts SET image_deleted_at = received_at WHERE id = :post", post=post.id)


@pytest.mark.parametrize("statement", ["DELETE FROM evidence_holds", "UPDATE evidence_holds SET reason = ''"])
def test_a_hold_cannot_be_ended(database: Database, statement: str) -> None:
    person, post = add_person(database, "ada"), accept(PostStore(database))
    EvidenceStore(database).place([post.id], "opened", person=person, now=NOW)
    with pytest.raises(IntegrityError, match="append-only"):
        run(database, statement)
    assert count(database, "evidence_holds") == 1
