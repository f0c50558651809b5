"""Writing and filing reports, against a service on the loopback interface. Synthetic stand-ins only."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from moderation.domain.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, UnavailableError
from moderation.domain.ids import AccountId, PostId
from moderation.domain.people import Person, Role
from moderation.domain.post import Post, PostState
from moderation.media.store import BlobStore
from moderation.reporting.cybertip_client import CyberTipClient, Switch
from moderation.reporting.cybertip_desk import CyberTipDesk
from moderation.reporting.cybertip_form import ReportForm, first_form
from moderation.reporting.cybertip_wire import Credentials
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.review.cybertips import CyberTipReport, CyberTipState, CyberTipStore
from tests.factories import NOW, a_new_post, a_post, accept
from tests.reporting.service import PASSWORD, USERNAME, Misbehaviour, Service, running
from tests.reporting.standins import IMAGE, REPORTER

LATER = NOW + timedelta(hours=1)
ON = Switch(enabled=True, reason="a test against a service of its own")
ADA = Person(AccountId("id-of-ada"), "ada", "Ada", Role.MODERATOR)


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as started:
        yield started


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(f"file://{tmp_path / 'blobs'}")


@pytest.fixture
def post(sqlite_database: Database, blobs: BlobStore) -> Post:
    return accept(PostStore(sqlite_database), a_new_post(image=blobs.write(IMAGE), image_bytes=len(IMAGE)))


class World:
    """A desk, its store, and what it is connected to."""

    def __init__(self, database: Database, blobs: BlobStore, url: str, *, switch: Switch = ON) -> None:
        self.reports = CyberTipStore(database)
        self.connections = 0

        @contextmanager
        def connect() -> Iterator[CyberTipClient]:
            self.connections += 1
            with CyberTipClient(url, Credentials(USERNAME, PASSWORD), timeout_seconds=5) as client:
                yield client

        self.desk = CyberTipDesk(
            self.reports,
            PostStore(database),
            blobs,
            seen=lambda _: False,
            reporter=REPORTER,
            switch=switch,
            connect=connect,
        )

    def save(self, post: Post, **changes: object) -> CyberTipReport:
        form = complete(self.desk.page(post.id, LATER).form, **changes)
        stored = self.reports.of_post(post.id)
        expected = None if stored is None else stored.written_at
        return self.desk.save(post.id, form, person=ADA, now=LATER, expected=expected)

    def file(self, post: Post, expected: datetime = LATER) -> CyberTipReport:
        return self.desk.file(post.id, person=ADA, clock=lambda: LATER + timedelta(minutes=1), expected=expected)


def complete(form: ReportForm, **changes: object) -> ReportForm:
    """Every question answered."""
    answers: dict[str, object] = {"viewed_file": "yes", "viewed_exif": "no", "moderator_note": "synthetic stand-in"}
    return form.model_copy(update=answers | changes)


@pytest.fixture
def world(sqlite_database: Database, blobs: BlobStore, service: Service) -> World:
    return World(sqlite_database, blobs, service.url)


def test_the_record_drafts_what_it_knows_and_asks_for_the_rest(world: World, post: Post) -> None:
    page = world.desk.page(post.id, LATER)
    assert page.stored is None
    assert page.form == first_form(post, seen=False)
    assert page.draft.image_sha256 == post.image
    assert {str(problem) for problem in page.draft.problems} == {
        "/fileDetails/fileViewedByEsp: say whether a person saw the whole file (by us)",
        "/report/additionalInfo: describe in your own words what is reported (by us)",
    }


@pytest.mark.parametrize(("seen", "answer"), [(True, "yes"), (False, "")])
def test_that_nobody_saw_it_here_is_no_answer(answer: str, *, seen: bool) -> None:
    assert first_form(a_post(), seen=seen).viewed_file == answer


@pytest.mark.parametrize(
    ("state", "public"), [(PostState.PUBLISHED, "yes"), (PostState.WITHDRAWN, "yes"), (PostState.HELD, "no")]
)
def test_what_was_published_was_public(state: PostState, public: str) -> None:
    assert first_form(a_post(state=state), seen=False).publicly_available == public


def test_a_report_is_kept_whole_or_not(world: World, post: Post) -> None:
    form = world.desk.page(post.id, LATER).form.model_copy(update={"moderator_note": "unfinished"})
    world.desk.save(post.id, form, person=ADA, now=LATER, expected=None)
    page = world.desk.page(post.id, LATER)
    assert page.form == form
    assert len(page.draft.problems) == 1
    saved = world.save(post)
    page = world.desk.page(post.id, LATER)
    assert page.draft.problems == ()
    assert saved.document.encode() == page.draft.report_xml
    assert "synthetic stand-in" in saved.document


def test_a_complete_report_is_filed_once_with_its_image(world: World, post: Post, service: Service) -> None:
    world.save(post)
    filed = world.file(post)
    assert filed.state is CyberTipState.SUBMITTED
    (report,) = service.reports.values()
    assert report.state == "finished"
    assert list(report.files.values()) == [IMAGE]
    assert filed.receipt
    with pytest.raises(ConflictError, match="filed already"):
        world.file(post)
    assert len(service.reports) == 1


def test_without_the_switch_nothing_is_sent(
    sqlite_database: Database, blobs: BlobStore, service: Service, post: Post
) -> None:
    for switch in (Switch(enabled=False, reason="why"), Switch(enabled=True, reason=" ")):
        world = World(sqlite_database, blobs, service.url, switch=switch)
        world.save(post)
        assert not world.desk.may_file
        with pytest.raises(ForbiddenError, match="switch"):
            world.file(post)
        assert world.connections == 0
    assert service.reports == {}


@pytest.mark.parametrize(
    "changes",
    [{"viewed_file": ""}, {"viewed_exif": ""}, {"moderator_note": " "}, {"incident_at": LATER + timedelta(days=1)}],
)
def test_what_is_not_complete_is_not_sent(
    world: World, post: Post, service: Service, changes: dict[str, object]
) -> None:
    world.save(post, **changes)
    with pytest.raises(InvalidInputError, match="problem"):
        world.file(post)
    assert service.reports == {}
    report = world.reports.of_post(post.id)
    assert report is not None
    assert report.state is CyberTipState.DRAFT


def test_what_somebody_changed_meanwhile_is_not_sent(world: World, post: Post, service: Service) -> None:
    world.save(post)
    with pytest.raises(ConflictError, match="Somebody else"):
        world.file(post, expected=NOW)
    assert service.reports == {}


def test_nothing_is_filed_without_a_report_a_post_or_the_image(world: World, post: Post, blobs: BlobStore) -> None:
    with pytest.raises(NotFoundError, match="No report"):
        world.file(post)
    with pytest.raises(NotFoundError, match="no post"):
        world.desk.page(PostId("nothing"), LATER)
    world.save(post)
    blobs.delete(post.image, unused_since=datetime.now(LATER.tzinfo) + timedelta(days=1))
    problems = world.desk.page(post.id, LATER).draft.problems
    assert [problem.message for problem in problems] == ["the image is not in the blob store"]
    with pytest.raises(InvalidInputError, match="blob store"):
        world.file(post)


def test_a_service_that_is_away_leaves_a_draft_to_file_later(
    sqlite_database: Database, blobs: BlobStore, post: Post
) -> None:
    world = World(sqlite_database, blobs, "http://127.0.0.1:9")
    world.save(post)
    with pytest.raises(UnavailableError):
        world.file(post)
    report = world.reports.of_post(post.id)
    assert report is not None
    assert (report.state, report.editable) == (CyberTipState.RETRACTED, True)


def test_an_unknown_end_is_taken_up_and_filed_once(
    world: World, post: Post, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store fails right after the report was described: a second try finishes that report, and opens no other."""
    world.save(post)
    real = CyberTipStore.submitted

    def fails(*_: object, **__: object) -> CyberTipReport:
        raise UnavailableError("the database is away")

    monkeypatch.setattr(CyberTipStore, "submitted", fails)
    with pytest.raises(UnavailableError):
        world.file(post)
    stored = world.reports.of_post(post.id)
    assert stored is not None
    assert stored.progress is not None
    assert (stored.state, stored.progress.step) == (CyberTipState.SUBMITTING, "finished")
    monkeypatch.setattr(CyberTipStore, "submitted", real)
    filed = world.desk.file(post.id, person=ADA, clock=lambda: LATER + timedelta(hours=1), expected=LATER)
    assert filed.state is CyberTipState.SUBMITTED
    assert len(service.reports) == 1


def test_an_end_that_is_not_known_is_asked_for_and_opens_no_second_report(
    world: World, post: Post, service: Service
) -> None:
    """The answer to the last step is lost: the report counts as open, and trying again finds that it was filed."""
    world.save(post)
    service.faults["/finish"] = Misbehaviour(status=503, after=True)
    with pytest.raises(UnavailableError):
        world.file(post)
    stored = world.reports.of_post(post.id)
    assert stored is not None
    assert (stored.state, stored.editable) == (CyberTipState.SUBMITTING, False)
    service.faults.clear()
    assert world.file(post).state is CyberTipState.SUBMITTED
    assert len(service.reports) == 1


def test_what_is_on_its_way_is_shown_as_it_was_kept(world: World, post: Post, service: Service) -> None:
    saved = world.save(post)
    service.faults["/finish"] = Misbehaviour(status=503, after=True)
    with pytest.raises(UnavailableError):
        world.file(post)
    page = world.desk.page(post.id, LATER + timedelta(days=1))
    assert page.draft.report_xml == saved.document.encode()
    with pytest.raises(ConflictError, match="no longer be changed"):
        world.save(post)
