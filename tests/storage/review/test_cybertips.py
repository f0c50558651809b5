import pytest
from sqlalchemy.exc import IntegrityError

from moderation.domain.errors import ConflictError, NotFoundError
from moderation.domain.ids import PostId
from moderation.domain.people import Person
from moderation.domain.post import Post
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.cybertips import BUSY_SECONDS, CyberTipState, CyberTipStore, Written
from tests.factories import NOW, accept, after
from tests.storage.review.jobs import add_person
from tests.storage.tampering import run

WRITTEN = Written("{}", "<report/>", "<fileDetails/>", 2)


@pytest.fixture
def post(database: Database) -> Post:
    return accept(PostStore(database))


@pytest.fixture
def person(database: Database) -> Person:
    return add_person(database, "ada")


@pytest.fixture
def reports(database: Database) -> CyberTipStore:
    return CyberTipStore(database)


def kinds(database: Database) -> list[str]:
    return [event.kind for event in AuditStore(database).events() if event.kind.startswith("cybertip")]


def test_a_draft_is_written_and_written_again(
    database: Database, reports: CyberTipStore, post: Post, person: Person
) -> None:
    assert reports.of_post(post.id) is None
    first = reports.save(post.id, WRITTEN, person=person, now=NOW, expected=None)
    assert (first.state, first.document, first.written_by) == (CyberTipState.DRAFT, "<report/>", person.id)
    second = reports.save(
        post.id, Written("{}", "<other/>", "<f/>", 0), person=person, now=after(9), expected=first.written_at
    )
    assert second.id == first.id
    assert reports.of_post(post.id) == second
    assert reports.unfinished(5) == [post.id]
    assert kinds(database) == ["cybertip.drafted", "cybertip.drafted"]
    assert "report" not in str(AuditStore(database).events()[-1].payload)


def test_nobody_overwrites_what_they_have_not_seen(reports: CyberTipStore, post: Post, person: Person) -> None:
    saved = reports.save(post.id, WRITTEN, person=person, now=NOW, expected=None)
    for expected in (None, after(1)):
        with pytest.raises(ConflictError, match="Somebody else"):
            reports.save(post.id, WRITTEN, person=person, now=after(2), expected=expected)
    assert reports.of_post(post.id) == saved


def test_only_posts_that_exist_are_reported(reports: CyberTipStore, person: Person) -> None:
    with pytest.raises(NotFoundError):
        reports.save(PostId("nothing"), WRITTEN, person=person, now=NOW, expected=None)
    with pytest.raises(NotFoundError):
        reports.begin(PostId("nothing"), person=person, now=NOW, expected=NOW)


def test_the_way_of_a_submission(database: Database, reports: CyberTipStore, post: Post, person: Person) -> None:
    saved = reports.save(post.id, WRITTEN, person=person, now=NOW, expected=None)
    begun = reports.begin(post.id, person=person, now=after(1), expected=saved.written_at)
    assert begun.progress is None
    reports.progressed(post.id, "described", 42, "file-1", now=after(2))
    found = reports.of_post(post.id)
    assert found is not None
    assert found.progress is not None
    assert (found.state, found.progress.step, found.progress.report_id) == (CyberTipState.SUBMITTING, "described", 42)
    done = reports.submitted(post.id, 42, b"<receipt/>", person=person, now=after(3))
    assert (done.state, done.report_id, done.receipt, done.submitted_at) == (
        CyberTipState.SUBMITTED,
        "42",
        "<receipt/>",
        after(3),
    )
    assert not done.editable
    assert reports.unfinished(5) == []
    assert kinds(database)[1:] == ["cybertip.submitting", "cybertip.submitted"]
    with pytest.raises(ConflictError, match="filed already"):
        reports.begin(post.id, person=person, now=after(9999), expected=saved.written_at)
    with pytest.raises(ConflictError, match="no longer be changed"):
        reports.save(post.id, WRITTEN, person=person, now=after(9999), expected=saved.written_at)


def test_two_cannot_file_at_once_and_a_dead_one_can_be_taken_up(
    reports: CyberTipStore, post: Post, person: Person
) -> None:
    saved = reports.save(post.id, WRITTEN, person=person, now=NOW, expected=None)
    reports.begin(post.id, person=person, now=NOW, expected=saved.written_at)
    reports.progressed(post.id, "opened", 42, "", now=NOW)
    with pytest.raises(ConflictError, match="at this moment"):
        reports.begin(post.id, person=person, now=after(5), expected=saved.written_at)
    again = reports.begin(post.id, person=person, now=after(BUSY_SECONDS), expected=saved.written_at)
    assert again.progress is not None
    assert (again.progress.step, again.progress.report_id) == ("opened", 42)
    with pytest.raises(ConflictError, match="at this moment"):
        reports.begin(post.id, person=person, now=after(BUSY_SECONDS + 1), expected=saved.written_at)


def test_what_was_not_read_is_not_filed(reports: CyberTipStore, post: Post, person: Person) -> None:
    reports.save(post.id, WRITTEN, person=person, now=NOW, expected=None)
    with pytest.raises(ConflictError, match="Somebody else wrote"):
        reports.begin(post.id, person=person, now=after(1), expected=after(1))


def test_a_failure_with_nothing_open_makes_it_editable_again(
    reports: CyberTipStore, post: Post, person: Person
) -> None:
    saved = reports.save(post.id, WRITTEN, person=person, now=NOW, expected=None)
    reports.begin(post.id, person=person, now=NOW, expected=saved.written_at)
    failed = reports.failed(post.id, "refused", person=person, now=after(1), open_report=False)
    assert (failed.state, failed.progress, failed.report_id) == (CyberTipState.RETRACTED, None, "")
    assert failed.editable
    reports.save(post.id, WRITTEN, person=person, now=after(2), expected=failed.written_at)


def test_a_failure_with_an_open_report_is_taken_up_at_once(reports: CyberTipStore, post: Post, person: Person) -> None:
    saved = reports.save(post.id, WRITTEN, person=person, now=NOW, expected=None)
    reports.begin(post.id, person=person, now=NOW, expected=saved.written_at)
    reports.progressed(post.id, "described", 42, "file-1", now=after(1))
    failed = reports.failed(post.id, "no answer", person=person, now=after(2), open_report=True)
    assert failed.state is CyberTipState.SUBMITTING
    again = reports.begin(post.id, person=person, now=after(3), expected=saved.written_at)
    assert again.progress is not None
    assert again.progress.step == "described"


def test_no_report_is_ever_deleted(database: Database, reports: CyberTipStore, post: Post, person: Person) -> None:
    reports.save(post.id, WRITTEN, person=person, now=NOW, expected=None)
    with pytest.raises(IntegrityError):
        run(database, "DELETE FROM cybertip_reports")


def test_what_people_wrote_is_not_in_representations(reports: CyberTipStore, post: Post, person: Person) -> None:
    saved = reports.save(post.id, Written("SECRET", "SECRET", "SECRET", 0), person=person, now=NOW, expected=None)
    assert "SECRET" not in repr(saved)
