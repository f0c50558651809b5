"""Writing and filing CyberTipline reports: drafted from the record, edited by a person, filed when one confirms."""

import hashlib
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import structlog

from moderation.domain.errors import ForbiddenError, InvalidInputError, ModerationError, NotFoundError
from moderation.domain.ids import Digest, PostId
from moderation.domain.people import Person
from moderation.domain.post import Post
from moderation.reporting.cybertip import Draft, draft
from moderation.reporting.cybertip_client import OnProgress, Progress, Step, SubmittedReport, Switch
from moderation.reporting.cybertip_facts import Reporter
from moderation.reporting.cybertip_form import ReportForm, facts_of, first_form, open_questions
from moderation.storage.review.cybertips import CyberTipReport, CyberTipState, CyberTipStore, Written

log = structlog.get_logger(__name__)

UNFINISHED = frozenset({Step.OPENED, Step.UPLOADED, Step.DESCRIBED})


class Posts(Protocol):
    """Where posts come from."""

    def many(self, post_ids: Collection[PostId]) -> dict[PostId, Post]:
        """The posts that exist, by id."""
        ...


class Blobs(Protocol):
    """Where images come from."""

    def read(self, digest: Digest) -> bytes:
        """The bytes. Raises `NotFoundError`, `UnavailableError`."""
        ...


class Seen(Protocol):
    """Whether a picture was shown unconcealed."""

    def __call__(self, post_id: PostId, /) -> bool:
        """Whether any person was shown it in the console."""
        ...


class Client(Protocol):
    """What files a report."""

    def submit(
        self, draft: Draft, image: bytes, *, switch: Switch, on_progress: OnProgress, resume: Progress | None = None
    ) -> SubmittedReport:
        """See `CyberTipClient.submit`."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """A post's report as a person sees it. `stored` is None before it was first saved; `draft` is of `form` now."""

    post: Post
    form: ReportForm
    draft: Draft
    stored: CyberTipReport | None


class CyberTipDesk:
    """The reports of one installation. `connect` makes a client, and raises where no address is set."""

    def __init__(
        self,
        reports: CyberTipStore,
        posts: Posts,
        blobs: Blobs,
        *,
        seen: Seen,
        reporter: Reporter,
        switch: Switch,
        connect: Callable[[], AbstractContextManager[Client]],
    ) -> None:
        self._reports = reports
        self._posts = posts
        self._blobs = blobs
        self._seen = seen
        self._reporter = reporter
        self._switch = switch
        self._connect = connect

    @property
    def may_file(self) -> bool:
        """Whether the switch is on, with a reason."""
        return self._switch.enabled and bool(self._switch.reason.strip())

    def page(self, post_id: PostId, now: datetime) -> Page:
        """The post's report, or what the record gives for one. Raises `NotFoundError` for an unknown post."""
        post, stored = self._post(post_id), self._reports.of_post(post_id)
        if stored is None:
            form = first_form(post, seen=self._seen(post_id))
            return Page(post, form, self._draft(post, form, now), None)
        form = ReportForm.model_validate_json(stored.facts)
        if stored.editable:
            return Page(post, form, self._draft(post, form, now), stored)
        return Page(post, form, _as_stored(stored, post), stored)

    def save(
        self, post_id: PostId, form: ReportForm, *, person: Person, now: datetime, expected: datetime | None
    ) -> CyberTipReport:
        """Write the report; one with problems is kept too. Raises `ConflictError` when another version came first."""
        post = self._post(post_id)
        made = self._draft(post, form, now)
        written = Written(
            facts=form.model_dump_json(),
            document=made.report_xml.decode(),
            file_details=made.file_details_xml.decode(),
            problems=len(made.problems),
        )
        return self._reports.save(post_id, written, person=person, now=now, expected=expected)

    def file(
        self, post_id: PostId, *, person: Person, clock: Callable[[], datetime], expected: datetime
    ) -> CyberTipReport:
        """File the version written at `expected`, exactly as it was read.

        Raises `ForbiddenError` when the switch is off, `InvalidInputError` when something is left to mend,
        `ConflictError` when it was changed or is being filed, and what the client raises. Whatever stops it, what is
        known of its progress is stored, and calling again goes on from there.
        """
        if not self.may_file:
            raise ForbiddenError("Reports are not sent: the switch for filing is off.", hint="Hand over the XML.")
        post, stored = self._post(post_id), self._reports.of_post(post_id)
        if stored is None:
            raise NotFoundError("No report is drafted for this post.")
        sending = self._to_send(post, stored, clock())
        image = self._blobs.read(post.image)
        with self._connect() as client:
            begun = self._reports.begin(post_id, person=person, now=clock(), expected=expected)
            return self._submit(client, sending, image, begun, person, clock)

    def _submit(
        self,
        client: Client,
        sending: Draft,
        image: bytes,
        begun: CyberTipReport,
        person: Person,
        clock: Callable[[], datetime],
    ) -> CyberTipReport:
        resume = _resumed(begun)
        last = [resume]

        def remember(progress: Progress) -> None:
            last[0] = progress
            self._reports.progressed(begun.post_id, progress.step, progress.report_id, progress.file_id, now=clock())

        try:
            done = client.submit(sending, image, switch=self._switch, on_progress=remember, resume=resume)
        except Exception as error:
            why = error.message if isinstance(error, ModerationError) else type(error).__name__
            open_report = last[0] is not None and last[0].step in UNFINISHED
            self._reports.failed(begun.post_id, why, person=person, now=clock(), open_report=open_report)
            raise
        return self._reports.submitted(begun.post_id, done.report_id, done.receipt, person=person, now=clock())

    def _to_send(self, post: Post, stored: CyberTipReport, now: datetime) -> Draft:
        """The stored documents with today's problems: what is sent is what was read."""
        if not stored.editable:
            return _as_stored(stored, post)
        form = ReportForm.model_validate_json(stored.facts)
        problems = self._draft(post, form, now).problems
        if problems:
            raise InvalidInputError(
                f"The report has {len(problems)} problem(s); the first: {problems[0]}", hint="Mend what is wrong."
            )
        return _as_stored(stored, post)

    def _draft(self, post: Post, form: ReportForm, now: datetime) -> Draft:
        image = self._image(post)
        md5 = "" if image is None else hashlib.md5(image, usedforsecurity=False).hexdigest()
        made = draft(facts_of(form, post, self._reporter, image_md5=md5), now=now)
        asked = open_questions(form, image_there=image is not None, now=now)
        problems = dict.fromkeys((*asked, *made.problems))
        return replace(made, problems=tuple(problems))

    def _image(self, post: Post) -> bytes | None:
        try:
            return self._blobs.read(post.image)
        except ModerationError as error:
            log.warning("cybertip_image_missing", post=post.id, reason=error.message)
            return None

    def _post(self, post_id: PostId) -> Post:
        post = self._posts.many([post_id]).get(post_id)
        if post is None:
            raise NotFoundError(f"There is no post {post_id}.")
        return post


def _as_stored(stored: CyberTipReport, post: Post) -> Draft:
    return Draft(stored.document.encode(), stored.file_details.encode(), (), post.image)


def _resumed(begun: CyberTipReport) -> Progress | None:
    """The client's last progress, where an earlier try got so far."""
    last = begun.progress
    if begun.state is not CyberTipState.SUBMITTING or last is None or not last.step:
        return None
    return Progress(Step(last.step), last.report_id, last.file_id)
