from moderation.storage.engine import Database
from moderation.storage.jobs import JobStore
from moderation.storage.posts import PostStore
from tests.factories import a_hold, a_screening, accept, after, claim_all


def hold(posts: PostStore, queue: str, seconds: float) -> str:
    accept(posts, now=after(seconds))
    (claim,) = claim_all(posts, now=after(seconds))
    posts.commit([(claim, a_screening(claim, a_hold(queue)))], now=after(seconds))
    return claim.post.id


def test_open_jobs_are_listed_oldest_first_by_queue(database: Database) -> None:
    posts, jobs = PostStore(database), JobStore(database)
    spam, adult, second = hold(posts, "spam", 0), hold(posts, "adult", 1), hold(posts, "spam", 2)
    assert [job.post_id for job in jobs.open("spam", 10)] == [spam, second]
    assert [job.post_id for job in jobs.open(None, 10)] == [spam, adult, second]
    assert [job.post_id for job in jobs.open(None, 1)] == [spam]
    assert jobs.open("none", 10) == []
    assert jobs.depths() == {"spam": 2, "adult": 1}
    assert jobs.open("adult", 1)[0].reason == a_hold().reason


def test_no_jobs_are_no_depths(database: Database) -> None:
    assert JobStore(database).depths() == {}
