from dataclasses import replace

from sqlalchemy import update

from moderation.domain.ids import AccountId
from moderation.domain.people import Person, Role
from moderation.domain.post import PostState
from moderation.domain.verdict import Verdict
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.author_records import AuthorRecordStore
from moderation.storage.tables import posts as post_rows
from tests.factories import (
    a_failure,
    a_hold,
    a_new_post,
    a_score,
    a_screening,
    accept,
    after,
    an_author,
    claim_all,
    judgement_of,
)


def test_the_record_counts_what_became_of_the_others(database: Database) -> None:
    posts = PostStore(database)
    made = []
    for second, verdict in enumerate((Verdict.APPROVE, Verdict.HOLD, Verdict.HOLD, Verdict.REJECT)):
        post = accept(posts, now=after(second))
        (claim,) = claim_all(posts, now=after(second))
        score = a_score(values={"image_nsfw": second / 10})
        screening = a_screening(claim, judgement_of(verdict), results=(score,))
        posts.commit([(claim, screening)], now=after(second))
        made.append(post)
    record = AuthorRecordStore(database).of("client-1", "author-1", without=made[1].id)
    assert record.states == {PostState.APPROVED: 1, PostState.HELD: 1, PostState.REJECTED: 1}
    assert record.complete
    assert record.posts == 3
    assert [one.id for one in record.newest] == [made[3].id, made[2].id, made[0].id]
    assert record.values == {"image_nsfw": (0.0, 0.2, 0.3)}
    assert record.overturned == 0


def test_whoever_is_to_look_at_a_post_blind_is_told_that_it_is_held(database: Database) -> None:
    store = PostStore(database)
    decided = accept(store)
    (claim,) = claim_all(store)
    store.commit([(claim, a_screening(claim, a_hold("adult")))], now=after(1))
    with database.write() as connection:
        connection.execute(update(post_rows).where(post_rows.c.id == decided.id).values(state=PostState.REJECTED))
    at_hand = accept(store, now=after(2))
    asked, other = a_person("ada", queues={"adult"}), a_person("bo", queues={"spam"})
    for reader, told in ((asked, PostState.HELD), (other, PostState.REJECTED)):
        record = AuthorRecordStore(database).of("client-1", "author-1", without=at_hand.id, reader=reader)
        assert record.states == {told: 1}
        assert [one.state for one in record.newest] == [told]


def a_person(name: str, *, queues: set[str]) -> Person:
    return Person(AccountId(name), name, name.title(), Role.MODERATOR, frozenset(queues))


def test_what_was_not_measured_is_no_value(database: Database) -> None:
    posts = PostStore(database)
    accept(posts)
    (claim,) = claim_all(posts)
    judgement = replace(judgement_of(Verdict.HOLD), complete=False)
    posts.commit([(claim, a_screening(claim, judgement, results=(a_failure(),)))], now=after(1))
    other = accept(posts, now=after(2))
    record = AuthorRecordStore(database).of("client-1", "author-1", without=other.id)
    assert record.posts == 1
    assert record.values == {}


def test_another_clients_author_of_that_name_is_another_author(database: Database) -> None:
    posts = PostStore(database)
    accept(posts, client="client-2")
    accept(posts, a_new_post(author=an_author("author-2")))
    mine = accept(posts)
    record = AuthorRecordStore(database).of("client-1", "author-1", without=mine.id)
    assert record.posts == 0
    assert record.newest == ()
