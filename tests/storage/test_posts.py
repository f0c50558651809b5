from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from moderation.domain.errors import IdempotencyConflictError, InvalidInputError
from moderation.domain.ids import PostId
from moderation.domain.post import Author, PostState
from moderation.domain.verdict import Verdict
from moderation.storage import leases, publication
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.posts import Accepted, PostStore
from moderation.storage.tables import PENDING_SQL, posts
from tests.factories import (
    NOW,
    a_digest,
    a_new_post,
    accept,
    after,
    an_author,
    claim_all,
    judge_all,
)
from tests.storage.tampering import count, run


@pytest.fixture
def store(database: Database) -> PostStore:
    return PostStore(database)


def ask(store: PostStore, *, client: str = "client-1", key: str | None = "key-1", body: str = "body") -> Accepted:
    return store.accept(
        a_new_post(), client=client, idempotency_key=key, body=a_digest(body), deadline_seconds=60, now=NOW
    )


class TestAccept:
    def test_an_accepted_post_comes_back_as_it_went_in(self, store: PostStore) -> None:
        new = a_new_post(caption="Zürich ≠ 東京 \U0001f600\u200b\n", prompt="", author=Author("a", None, None))
        post = accept(store, new, deadline_seconds=12.5)
        assert (post.caption, post.prompt, post.author) == (new.caption, new.prompt, new.author)
        assert (post.state, post.received_at, post.deadline_at) == (
            PostState.RECEIVED,
            NOW,
            NOW + timedelta(seconds=12.5),
        )
        assert store.get(post.id) == post

    def test_an_unknown_post_is_none(self, store: PostStore) -> None:
        assert store.get(PostId("none")) is None
        assert store.many([]) == {}

    def test_without_a_key_every_request_makes_a_post(self, store: PostStore) -> None:
        assert ask(store, key=None).post.id != ask(store, key=None).post.id

    def test_the_same_key_and_body_give_the_same_post(self, store: PostStore) -> None:
        first, second = ask(store), ask(store)
        assert (first.created, second.created) == (True, False)
        assert second.post == first.post
        assert sum(store.counts().values()) == 1

    def test_a_repeated_request_sees_the_posts_present_state(self, store: PostStore) -> None:
        ask(store)
        judge_all(store)
        assert ask(store).post.state is PostState.APPROVED

    def test_the_same_key_with_another_body_conflicts_and_stores_nothing(self, store: PostStore) -> None:
        ask(store)
        with pytest.raises(IdempotencyConflictError):
            ask(store, body="another")
        assert sum(store.counts().values()) == 1

    def test_keys_belong_to_their_client(self, store: PostStore) -> None:
        assert ask(store, client="one").post.id != ask(store, client="two").post.id

    def test_many_requests_with_one_key_at_once_make_one_post(self, store: PostStore, database: Database) -> None:
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: ask(store), range(24)))
        assert len({answer.post.id for answer in answers}) == 1
        assert sum(answer.created for answer in answers) == 1
        assert count(database, "posts") == count(database, "audit_events") == 1

    @pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
    def test_text_that_no_database_can_hold_is_refused(self, store: PostStore, text: str) -> None:
        for new in (a_new_post(caption=text), a_new_post(prompt=text), a_new_post(author=an_author(text))):
            with pytest.raises(InvalidInputError):
                accept(store, new)
        with pytest.raises(InvalidInputError):
            accept(store, key=text)
        assert sum(store.counts().values()) == 0

    @pytest.mark.parametrize("author", [Author("a", float("nan"), 1), Author("a", 1, 2**63), Author("a", 1, -1)])
    def test_numbers_that_no_database_can_hold_are_refused(self, store: PostStore, author: Author) -> None:
        with pytest.raises(InvalidInputError):
            accept(store, a_new_post(author=author))

    def test_reception_is_audited(self, store: PostStore, database: Database) -> None:
        post = accept(store, client="shop")
        (event,) = AuditStore(database).events()
        assert (event.kind, event.subject, event.actor) == ("post.received", f"post:{post.id}", "client:shop")


class TestLeases:
    def test_the_oldest_posts_are_claimed_first(self, store: PostStore) -> None:
        late, early = accept(store, now=after(5)), accept(store, now=NOW)
        claims = store.claim("lane", limit=1, lease_seconds=20, now=after(6))
        assert [claim.post.id for claim in claims] == [early.id]
        assert [claim.post.id for claim in claim_all(store, now=after(6))] == [late.id]

    def test_a_claim_tells_everything(self, store: PostStore) -> None:
        post = accept(store)
        (claim,) = store.claim("lane-7", limit=5, lease_seconds=20, now=after(1))
        assert claim.post.state is PostState.SCREENING
        assert claim.post == store.get(post.id)
        assert (claim.lane, claim.attempt, claim.expires_at) == ("lane-7", 1, after(21))

    def test_a_claimed_post_is_not_claimed_again_before_its_lease_ends(self, store: PostStore) -> None:
        accept(store)
        assert len(claim_all(store)) == 1
        assert claim_all(store, now=after(19.9)) == []
        (claim,) = claim_all(store, lane="lane-2", now=after(20))
        assert (claim.lane, claim.attempt) == ("lane-2", 2)

    def test_tokens_differ_from_claim_to_claim(self, store: PostStore) -> None:
        accept(store)
        first, second = claim_all(store), claim_all(store, now=after(20))
        assert first[0].token != second[0].token

    def test_a_renewed_lease_lasts_longer(self, store: PostStore) -> None:
        accept(store)
        claims = claim_all(store)
        (renewed,) = store.renew(claims, lease_seconds=20, now=after(15))
        assert renewed.expires_at == after(35)
        assert claim_all(store, now=after(34)) == []
        assert len(claim_all(store, now=after(35))) == 1

    def test_a_lease_that_ended_but_was_not_taken_can_be_renewed(self, store: PostStore) -> None:
        accept(store)
        claims = claim_all(store)
        assert len(store.renew(claims, lease_seconds=20, now=after(30))) == 1

    def test_only_leases_still_held_are_renewed(self, store: PostStore) -> None:
        accept(store)
        lost = claim_all(store)
        accept(store)
        held = claim_all(store, lane="lane-2", now=after(20))
        assert store.renew(lost, lease_seconds=20, now=after(21)) == []
        assert store.renew([*lost, *held[1:]], lease_seconds=20, now=after(22)) == store.renew(
            held[1:], lease_seconds=20, now=after(22)
        )

    def test_nothing_to_renew_or_release_is_nothing(self, store: PostStore) -> None:
        assert store.renew([], lease_seconds=1, now=NOW) == []
        store.release([], now=NOW)

    def test_a_released_post_is_free_at_once(self, store: PostStore) -> None:
        accept(store)
        store.release(claim_all(store), now=NOW)
        assert store.counts()[PostState.RECEIVED] == 1
        assert claim_all(store)[0].attempt == 1, "an outage is no attempt, or a few seconds of it hold every post"

    def test_a_lost_lease_cannot_release_the_post_of_another(self, store: PostStore) -> None:
        accept(store)
        lost = claim_all(store)
        held = claim_all(store, lane="lane-2", now=after(20))
        store.release(lost, now=after(21))
        assert store.counts()[PostState.SCREENING] == 1
        assert len(store.renew(held, lease_seconds=20, now=after(22))) == 1

    def test_judged_posts_are_not_claimed(self, store: PostStore) -> None:
        for verdict in Verdict:
            accept(store)
            judge_all(store, verdict)
        assert claim_all(store, now=after(1000)) == []


class TestOverdue:
    def test_received_and_claimed_posts_are_held_when_their_deadline_passes(self, store: PostStore) -> None:
        claimed, waiting = accept(store, deadline_seconds=10), accept(store, now=after(1), deadline_seconds=10)
        store.claim("lane", limit=1, lease_seconds=1000, now=after(2))
        later = accept(store, deadline_seconds=500)
        assert store.overdue(after(9.9)) == 0
        assert store.hold_overdue(now=after(9.9), limit=10) == []
        assert store.overdue(after(11)) == 2
        assert set(store.hold_overdue(now=after(11), limit=10)) == {claimed.id, waiting.id}
        assert store.counts()[PostState.HELD] == 2
        assert store.overdue(after(11)) == 0
        assert store.hold_overdue(now=after(11), limit=10) == []
        assert store.get(later.id) == later

    def test_the_longest_overdue_are_held_first(self, store: PostStore) -> None:
        late, early = accept(store, deadline_seconds=20), accept(store, deadline_seconds=10)
        assert store.hold_overdue(now=after(60), limit=1) == [early.id]
        assert store.hold_overdue(now=after(60), limit=1) == [late.id]

    def test_a_judged_post_is_never_overdue(self, store: PostStore) -> None:
        accept(store)
        judge_all(store)
        assert store.hold_overdue(now=after(1000), limit=10) == []


class TestQuestions:
    def test_counts_name_every_state(self, store: PostStore) -> None:
        assert store.counts() == dict.fromkeys(PostState, 0)
        accept(store)
        assert store.counts() == {**dict.fromkeys(PostState, 0), PostState.RECEIVED: 1}

    def test_the_oldest_pending_post_is_known(self, store: PostStore) -> None:
        assert store.oldest_pending_at() is None
        accept(store, now=after(3))
        accept(store, now=after(1))
        assert store.oldest_pending_at() == after(1)
        judge_all(store, now=after(5))
        assert store.oldest_pending_at() is None

    def test_posts_are_listed_newest_first(self, store: PostStore) -> None:
        first, second = accept(store), accept(store, now=after(1))
        assert store.list(state=None, limit=10) == [second, first]
        assert store.list(state=None, limit=1) == [second]
        assert store.list(state=PostState.HELD, limit=10) == []

    def test_all_states_of_an_image_are_known(self, store: PostStore) -> None:
        image = a_digest("picture")
        accept(store, a_new_post(image=image))
        judge_all(store, Verdict.HOLD)
        accept(store, a_new_post(image=image))
        accept(store, a_new_post(image=a_digest("other")))
        assert store.states_of_image(image) == {PostState.HELD, PostState.RECEIVED}
        assert store.states_of_image(a_digest("unknown")) == frozenset()


class TestLongQueues:
    def test_sqlite_finds_waiting_and_published_posts_by_their_own_indexes(self, sqlite_database: Database) -> None:
        plans = {
            "ix_posts_pending": leases.available(NOW).limit(1),
            "ix_posts_feed": publication.published_before(100).limit(20),
            "ix_posts_deadline": select(func.count()).where(PENDING_SQL).where(posts.c.deadline_at <= NOW),
        }
        with sqlite_database.read() as connection:
            for index, query in plans.items():
                compiled = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
                assert [index in str(step) for step in plan] == [True]

    @pytest.mark.parametrize("change", ["state = 'approved'", "verdict_at = received_at", "lease_token = 'x'"])
    def test_a_row_that_contradicts_itself_is_refused(self, store: PostStore, database: Database, change: str) -> None:
        accept(store)
        with pytest.raises(IntegrityError):
            run(database, f"UPDATE posts SET {change}")
