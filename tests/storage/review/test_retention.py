import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import AppealId, Digest, PostId, new_id
from moderation.domain.post import Post
from moderation.domain.verdict import Verdict
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.evidence import EvidenceStore
from moderation.storage.review.retention import RetentionStore
from tests.factories import NOW, a_digest, a_new_post, accept, after, judge_all
from tests.storage.review.jobs import add_job, add_person, post_of_job
from tests.storage.tampering import run, scalar

LATER = NOW + timedelta(days=40)
BEFORE = NOW + timedelta(days=10)


class Blobs:
    """Counts deletions; `refuses` is a blob that somebody is uploading again."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.deleted: list[Digest] = []
        self.refuses = refuses

    def __call__(self, image: Digest) -> bool:
        if not self.refuses:
            self.deleted.append(image)
        return not self.refuses


def rejected(database: Database, name: str = "one", *, seconds: float = 0.0) -> Post:
    posts = PostStore(database)
    post = accept(posts, a_new_post(image=a_digest(name)), key=name + str(seconds), now=after(seconds))
    judge_all(posts, Verdict.REJECT, now=after(seconds))
    return post


def due(database: Database) -> list[Digest]:
    return [item.image for item in RetentionStore(database).due(BEFORE, limit=100)]


def forget(database: Database, image: Digest, blobs: Blobs) -> bool:
    return RetentionStore(database).forget(image, BEFORE, delete=blobs, now=LATER)


def test_an_old_rejected_image_goes_and_is_marked_and_audited(database: Database) -> None:
    post, blobs = rejected(database), Blobs()
    assert due(database) == [post.image]
    assert forget(database, post.image, blobs)
    assert blobs.deleted == [post.image]
    assert due(database) == []
    event = AuditStore(database).events()[-1]
    assert (event.kind, event.subject, event.actor) == ("image.deleted", f"image:{post.image}", "system:retention")
    assert event.payload == {"posts": [post.id]}
    assert scalar(database, "SELECT count(*) FROM posts WHERE image_deleted_at IS NOT NULL") == 1
    assert not forget(database, post.image, blobs), "once"
    assert len(blobs.deleted) == 1


def approved(database: Database, post: Post) -> None:
    posts = PostStore(database)
    accept(posts, a_new_post(image=post.image), key="other", body="other")
    judge_all(posts, Verdict.APPROVE)


def waiting(database: Database, post: Post) -> None:
    posts = PostStore(database)
    accept(posts, a_new_post(image=post.image), key="other", body="other")


def recent(database: Database, post: Post) -> None:
    posts, now = PostStore(database), BEFORE + timedelta(hours=1)
    accept(posts, a_new_post(image=post.image), key="other", body="other", now=now)
    judge_all(posts, Verdict.REJECT, now=now)


def judged_lately(database: Database, post: Post) -> None:
    run(database, "UPDATE posts SET verdict_at = :at WHERE id = :post", at=_text(database), post=post.id)


def evidence(database: Database, post: Post) -> None:
    EvidenceStore(database).place([post.id], "opened", person=add_person(database, "ada"), now=NOW)


def evidence_of_another(database: Database, post: Post) -> None:
    posts = PostStore(database)
    other = accept(posts, a_new_post(image=post.image), key="other", body="other")
    judge_all(posts, Verdict.REJECT)
    EvidenceStore(database).place([other.id], "opened", person=add_person(database, "ada"), now=NOW)


def gold(database: Database, post: Post) -> None:
    run(
        database,
        "INSERT INTO gold_items (id, post_id, queue, action, category, note, added_by, added_at) "
        "VALUES ('gold', :post, 'spam', 'reject', 'spam', '', 'ada', :at)",
        post=post.id,
        at=_text(database),
    )


def job(database: Database, post: Post) -> None:
    other = add_job(database)
    run(database, "UPDATE job_posts SET post_id = :post", post=post.id)
    assert other


def appeal(database: Database, post: Post) -> None:
    other = add_job(database)
    run(
        database,
        "INSERT INTO appeals (id, post_id, job_id, client, text, state, opened_at) "
        "VALUES (:id, :post, :job, 'client-1', '', 'open', :at)",
        id=AppealId(new_id(NOW)),
        post=post.id,
        job=other,
        at=_text(database),
    )


def _text(database: Database) -> object:
    lately = BEFORE + timedelta(hours=1)
    return lately.replace(tzinfo=None).isoformat(" ", "microseconds") if database.dialect == "sqlite" else lately


@pytest.mark.parametrize(
    "keep", [approved, waiting, recent, judged_lately, evidence, evidence_of_another, gold, job, appeal]
)
def test_an_image_stays_when_anything_needs_it(database: Database, keep: Callable[[Database, Post], None]) -> None:
    post, blobs = rejected(database), Blobs()
    keep(database, post)
    assert post.image not in due(database)
    assert not forget(database, post.image, blobs)
    assert blobs.deleted == []


def test_a_held_post_that_waits_is_never_due(database: Database) -> None:
    post = PostStore(database).get(PostId(post_of_job(database, add_job(database))))
    assert post is not None
    assert post.image not in due(database)


def test_an_image_of_several_ended_posts_goes_once_for_all(database: Database) -> None:
    first, second, blobs = rejected(database), rejected(database, seconds=5), Blobs()
    assert due(database) == [first.image, second.image]
    assert forget(database, first.image, blobs)
    assert due(database) == []


def test_an_image_that_is_uploaded_again_at_this_moment_is_not_marked(database: Database) -> None:
    post = rejected(database)
    events = len(AuditStore(database).events())
    assert not forget(database, post.image, Blobs(refuses=True))
    assert due(database) == [post.image]
    assert len(AuditStore(database).events()) == events


def test_a_blob_store_that_is_away_leaves_everything_as_it_was(database: Database) -> None:
    post = rejected(database)

    def away(_: Digest) -> bool:
        raise UnavailableError("away")

    with pytest.raises(UnavailableError):
        RetentionStore(database).forget(post.image, BEFORE, delete=away, now=LATER)
    assert due(database) == [post.image]


def test_pages_follow_each_other(database: Database) -> None:
    wanted = [rejected(database, f"image-{index}", seconds=index).image for index in range(5)]
    store, found, last = RetentionStore(database), [], None
    while page := store.due(BEFORE, limit=2, after=last):
        found += [item.image for item in page]
        last = page[-1]
    assert found == wanted


def test_a_hold_and_a_deletion_at_the_same_moment_never_both_win(database: Database) -> None:
    """Either the hold is first and the image stays, or it comes second and its event says that the image is gone."""
    person = add_person(database, "ada")
    for index in range(4):
        post, blobs, start = rejected(database, f"race-{index}", seconds=index), Blobs(), threading.Barrier(2)

        def hold(post: Post = post, start: threading.Barrier = start) -> None:
            start.wait()
            EvidenceStore(database).place([post.id], "opened", person=person, now=LATER)

        thread = threading.Thread(target=hold)
        thread.start()
        start.wait()
        gone = forget(database, post.image, blobs)
        thread.join()
        kept = [event.payload["image_kept"] for event in AuditStore(database).about(f"post:{post.id}")
                if event.kind == "evidence.held"]  # fmt: skip
        assert kept == [not gone]
        assert (blobs.deleted == [post.image]) is gone
