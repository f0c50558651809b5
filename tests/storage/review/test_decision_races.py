"""Everybody at once: of two acts that exclude each other exactly one happens, and nobody waits in a circle."""

from collections import Counter
from collections.abc import Callable
from functools import partial

from moderation.domain.decision import Action, Fate
from moderation.domain.errors import ConflictError, ModerationError
from moderation.domain.ids import PostId
from moderation.domain.job import JobKind, JobState
from moderation.domain.people import Person
from moderation.domain.post import PostState
from moderation.domain.verdict import Verdict
from moderation.domain.worker import Worker
from moderation.storage.review.decisions import Decided
from tests.factories import after
from tests.storage.review.office import CARRIED, SECOND, TERMS, UNDO, Office
from tests.storage.review.picture_rows import a_pdq
from tests.storage.review.test_queue_races import together
from tests.storage.tampering import count

ROUNDS = 6


def outcome(act: Callable[[], object]) -> bool:
    try:
        act()
    except ConflictError:
        return False
    return True


def test_a_decision_is_undone_or_settled_but_never_both(office: Office) -> None:
    ada = office.person("ada")
    for _ in range(ROUNDS):
        post = office.held()
        decided = office.decide(ada, office.job(post).id)

        def undo(decided: Decided = decided) -> object:
            return office.decisions.undo(decided.batch, person=ada, now=after(UNDO - 0.001))

        def settle() -> object:
            if not office.settle(UNDO):
                raise ConflictError("nothing to settle")
            return None

        undone, settled = together([partial(outcome, undo), partial(outcome, settle)])
        office.settle(UNDO)
        (decision,) = office.decisions.of_post(post)
        assert undone is (decision.fate is Fate.UNDONE)
        assert (office.state(post) is PostState.APPROVED) is (decision.fate is Fate.SETTLED)
        assert undone or settled or decision.fate is Fate.SETTLED
        assert office.decisions.pending() == 0
    office.check()


def test_settlers_at_once_settle_each_decision_once(office: Office) -> None:
    ada = office.person("ada")
    posts = [office.held(number / 100) for number in range(12)]
    for post in posts:
        office.decide(ada, office.job(post).id, Action.REJECT, 1)
    done = together([partial(office.settle, 1 + UNDO) for _ in range(4)])
    assert Counter(post for found in done for post in found) == Counter(posts)
    assert count(office.database, "decision_fates") == len(posts)
    assert {office.state(post) for post in posts} == {PostState.REJECTED}
    assert all(office.messages(post) == ["post.held", "post.rejected"] for post in posts)
    office.check()


def test_the_same_submission_from_two_windows_decides_once(office: Office) -> None:
    ada = office.person("ada")
    for _ in range(ROUNDS):
        post = office.held()
        submission = office.submission(office.take(ada, office.job(post).id), Action.APPROVE)
        acts: list[Callable[[], Decided]] = [
            partial(office.decisions.decide, submission, TERMS, person=ada, now=after(1)) for _ in range(4)
        ]
        found = together(acts)
        assert sorted(one.replayed for one in found) == [False, True, True, True]
        assert len(office.decisions.of_post(post)) == 1


def test_two_different_submissions_for_one_job_decide_once(office: Office) -> None:
    ada = office.person("ada")
    for _ in range(ROUNDS):
        post = office.held()
        job = office.take(ada, office.job(post).id)
        both = [office.submission(job, action) for action in (Action.APPROVE, Action.REJECT)]
        acts: list[Callable[[], bool]] = [
            partial(outcome, partial(office.decisions.decide, one, TERMS, person=ada, now=after(1))) for one in both
        ]
        assert sorted(together(acts)) == [False, True]
        assert len(office.decisions.of_post(post)) == 1


def test_one_id_for_two_jobs_decides_one(office: Office) -> None:
    ada = office.person("ada")
    for number in range(ROUNDS):
        posts = [office.held(), office.held()]
        jobs = [office.take(ada, office.job(post).id) for post in posts]
        both = [office.submission(job, Action.APPROVE, batch=f"same-id-{number}") for job in jobs]
        acts: list[Callable[[], bool]] = [
            partial(outcome, partial(office.decisions.decide, one, TERMS, person=ada, now=after(1))) for one in both
        ]
        assert sorted(together(acts)) == [False, True]
        assert len(office.decisions.of_posts(posts)) == 1


def test_a_job_is_decided_by_whoever_has_it_and_by_nobody_else(office: Office) -> None:
    ada, ben = office.person("ada"), office.person("ben")
    for _ in range(ROUNDS):
        post = office.held()
        submission = office.submission(office.take(ada, office.job(post).id), Action.APPROVE)

        def take(post: PostId = post) -> object:
            return office.take(ben, office.job(post).id, 1000)

        decide = partial(office.decisions.decide, submission, TERMS, person=ada, now=after(1000))
        acts: list[Callable[[], bool]] = [partial(outcome, decide), partial(outcome, take)]
        assert sorted(together(acts)) == [False, True]
        assert len(office.decisions.of_post(post)) == (office.job(post).state is JobState.DECIDED)


def test_posts_join_while_a_cluster_is_decided_undone_and_settled(office: Office) -> None:
    """Whatever the order: each post is in one job, and published only with a decision of its own that settled."""
    people = [office.person(f"person-{number}") for number in range(2)]
    first = office.held(pdq=a_pdq(1))

    def arrive(number: int) -> list[PostId]:
        return [office.held(number + step / 10, pdq=a_pdq(1, flipped=step)) for step in range(5)]

    def decide(person: Person) -> list[PostId]:
        for step in range(4):
            job = office.queue.next(Worker.of(person), lease_seconds=5, now=after(step))
            if job is None:
                continue
            submission = office.submission(job, Action.APPROVE)
            decided = office.decisions.decide(submission, CARRIED, person=person, now=after(step))
            if step % 2:
                office.decisions.undo(decided.batch, person=person, now=after(step))
        return []

    def settle() -> list[PostId]:
        for step in range(8):
            office.settle(UNDO + step)
            office.publish(UNDO + step)
        return []

    acts: list[Callable[[], list[PostId]]] = [
        *(partial(decide, person) for person in people),
        settle,
        partial(arrive, 0),
    ]
    posts = [first, *(post for found in together(acts) for post in found)]
    office.settle(1000)
    office.publish(1000)
    members = [post for queue in ("spam",) for post in _members(office, queue)]
    assert Counter(members) == Counter(posts)
    for post in posts:
        settled = [one for one in office.decisions.of_post(post) if one.fate is Fate.SETTLED]
        assert (office.state(post) is PostState.PUBLISHED) is (len(settled) == 1)
    office.check()


def _members(office: Office, queue: str) -> list[PostId]:
    with office.database.read() as connection:
        rows = connection.exec_driver_sql(
            f"SELECT job_posts.post_id FROM job_posts JOIN jobs ON jobs.id = job_posts.job_id "
            f"WHERE jobs.queue = '{queue}' AND left_at IS NULL"
        )
        return [PostId(row[0]) for row in rows]


def test_one_appeal_is_opened_of_many(office: Office) -> None:
    post = office.judged(Verdict.REJECT)
    acts: list[Callable[[], bool]] = [
        partial(outcome, partial(office.appeals.open, post, client="client-1", text="Why?", now=after(1)))
        for _ in range(4)
    ]
    assert sorted(together(acts)) == [False, False, False, True]
    assert len(office.open_jobs(JobKind.APPEAL)) == 1


def test_a_person_who_asks_twice_at_once_gets_one_gold_item(office: Office) -> None:
    lead, ada = office.person("lead"), office.person("ada")
    for number in range(3):
        post = office.judged(Verdict.REJECT, number)
        office.gold.add(post, queue="spam", action=Action.REJECT, category="adult", note="", person=lead, now=after(10))
    found = together([partial(office.gold.offer, Worker.of(ada), now=after(20)) for _ in range(4)])
    assert sum(job is not None for job in found) == 1


def test_everything_at_once_neither_blocks_nor_breaks(office: Office) -> None:
    """Decisions with second looks, appeals, gold items, settling and publishing, all over the same posts."""
    people = [office.person(f"person-{number}") for number in range(3)]
    posts = [office.held(number / 100) for number in range(8)]

    def work(person: Person) -> None:
        for step in range(10):
            job = office.queue.next(Worker.of(person), lease_seconds=30, now=after(1 + step))
            if job is None:
                continue
            appeal = job.kind is JobKind.APPEAL
            actions = (Action.OVERTURN, Action.UPHOLD) if appeal else (Action.APPROVE, Action.REJECT)
            submission = office.submission(job, actions[step % 2])
            try:
                office.decisions.decide(submission, SECOND, person=person, now=after(1 + step))
            except ModerationError:
                continue

    def settle() -> None:
        for step in range(10):
            office.settle(1 + UNDO + step)
            office.publish(1 + UNDO + step)

    def appeal() -> None:
        for step in range(3):
            for post in posts:
                outcome(partial(office.appeals.open, post, client="client-1", text="Why?", now=after(10 + step)))

    acts: list[Callable[[], None]] = [*(partial(work, person) for person in people), settle, settle, appeal]
    together(acts)
    office.settle(1000)
    assert office.decisions.pending() == 0
    office.check()
