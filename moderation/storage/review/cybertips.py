"""CyberTipline reports: what people wrote, the documents made from it, and how far each submission came.

A report is edited while it is a draft, or again after it was retracted. `submitting` outlives the process that began
it: what NCMEC already has is kept after every step, so that the next try goes on instead of filing twice.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, exists, func, insert, select, update

from moderation.domain.audit import AuditDraft, Json
from moderation.domain.errors import ConflictError, NotFoundError
from moderation.domain.ids import AccountId, PostId, new_id
from moderation.domain.people import Person
from moderation.storage.audit import append, lock
from moderation.storage.engine import Database
from moderation.storage.rows import AnyRow
from moderation.storage.tables import audit_events, cybertip_reports, picture_hashes, posts

BUSY_SECONDS = 600.0
"""A submission without a sign of progress for this long has died, and may be taken up again."""


class CyberTipState(StrEnum):
    """How far a report is."""

    DRAFT = "draft"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    RETRACTED = "retracted"


EDITABLE = frozenset({CyberTipState.DRAFT, CyberTipState.RETRACTED})


@dataclass(frozen=True, slots=True)
class Written:
    """What is kept of a draft: the form as JSON, both documents, and the number of problems left to mend."""

    facts: str = field(repr=False)
    document: str = field(repr=False)
    file_details: str = field(repr=False)
    problems: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a submission came; `step` is the client's word for it."""

    step: str
    report_id: int
    file_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CyberTipReport:
    """One post's report. `number` of the version is `written_at`; `report_id` is NCMEC's, "" before there is one."""

    id: str
    post_id: PostId
    state: CyberTipState
    facts: str = field(repr=False)
    document: str = field(repr=False)
    file_details: str = field(repr=False)
    report_id: str
    progress: Progress | None
    receipt: str = field(repr=False)
    written_by: AccountId
    written_at: datetime
    submitted_at: datetime | None

    @property
    def editable(self) -> bool:
        """Whether it may still be changed."""
        return self.state in EDITABLE


class CyberTipStore:
    """The reports of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_post(self, post_id: PostId) -> CyberTipReport | None:
        """The post's report, or None."""
        return self.of_posts([post_id]).get(post_id)

    def of_posts(self, post_ids: Collection[PostId]) -> dict[PostId, CyberTipReport]:
        """The reports of those posts that have one."""
        query = select(cybertip_reports).where(cybertip_reports.c.post_id.in_(list(post_ids)))
        with self._database.read() as connection:
            return {PostId(row.post_id): _of(row) for row in connection.execute(query)}

    def unfinished(self, limit: int) -> list[PostId]:
        """Up to `limit` posts whose report is not filed yet, the newest writing first."""
        query = select(cybertip_reports.c.post_id).where(cybertip_reports.c.state != CyberTipState.SUBMITTED)
        query = query.order_by(cybertip_reports.c.written_at.desc(), cybertip_reports.c.post_id).limit(limit)
        with self._database.read() as connection:
            return [PostId(post_id) for post_id in connection.execute(query).scalars()]

    def wholly_seen(self, post_id: PostId) -> bool:
        """Whether the console showed the only frame of the post's picture to somebody, as the audit log has it.

        Of an animation it cannot tell, and says no.
        """
        frames = select(func.count()).select_from(picture_hashes).where(picture_hashes.c.post_id == post_id)
        looked = exists().where(audit_events.c.subject == f"post:{post_id}", audit_events.c.kind == "media.viewed")
        with self._database.read() as connection:
            return connection.execute(frames).scalar_one() == 1 and bool(connection.execute(select(looked)).scalar())

    def save(
        self, post_id: PostId, written: Written, *, person: Person, now: datetime, expected: datetime | None
    ) -> CyberTipReport:
        """Write the post's report anew, audited without its contents.

        `expected` is when the version was written that the person saw, None for none. Raises `ConflictError` when
        another was written meanwhile or the report is on its way, `NotFoundError` for a post that does not exist.
        """
        with self._database.write() as connection:
            if connection.execute(select(posts.c.id).where(posts.c.id == post_id)).first() is None:
                raise NotFoundError(f"There is no post {post_id}.")
            lock(connection)
            before = _row(connection, post_id)
            if (None if before is None else before.written_at) != expected:
                raise ConflictError(
                    "Somebody else wrote this report meanwhile.", hint="Open it again and add what is missing."
                )
            if before is not None and CyberTipState(before.state) not in EDITABLE:
                raise ConflictError("This report is on its way or filed: it can no longer be changed.")
            payload: dict[str, Json] = {
                "document": hashlib.sha256(written.document.encode()).hexdigest(),
                "problems": written.problems,
            }
            append(connection, [AuditDraft(now, "cybertip.drafted", f"post:{post_id}", person.actor, payload)])
            values = _written(written, person, now)
            if before is None:
                connection.execute(insert(cybertip_reports).values(id=new_id(now), post_id=post_id, **values))
            else:
                connection.execute(update(cybertip_reports).where(cybertip_reports.c.id == before.id).values(values))
            return _of(_known(connection, post_id))

    def begin(self, post_id: PostId, *, person: Person, now: datetime, expected: datetime) -> CyberTipReport:
        """Mark the report as on its way; the returned one has the progress of an earlier try, if any.

        Raises `ConflictError` unless it is the version written at `expected`, or when a submission is under way.
        """
        with self._database.write() as connection:
            lock(connection)
            row = _known(connection, post_id)
            report = _of(row)
            if report.written_at != expected:
                raise ConflictError("Somebody else wrote this report meanwhile.", hint="Read it again before you file.")
            if report.state is CyberTipState.SUBMITTED:
                raise ConflictError(f"This report is filed already, as {report.report_id}.")
            if report.state is CyberTipState.SUBMITTING and not _abandoned(report, now):
                raise ConflictError("This report is being filed at this moment.", hint="Wait some minutes.")
            payload: dict[str, Json] = {"resumed": report.progress is not None}
            append(connection, [AuditDraft(now, "cybertip.submitting", f"post:{post_id}", person.actor, payload)])
            last = report.progress or Progress("", 0, "", now)
            _set(connection, post_id, state=CyberTipState.SUBMITTING, progress=_dump(last, now))
        return report

    def progressed(self, post_id: PostId, step: str, report_id: int, file_id: str, *, now: datetime) -> None:
        """Keep how far the submission came, before its next step."""
        with self._database.write() as connection:
            progress = Progress(step, report_id, file_id, now)
            _set(connection, post_id, progress=_dump(progress, now), report_id=str(report_id))

    def submitted(
        self, post_id: PostId, report_id: int, receipt: bytes, *, person: Person, now: datetime
    ) -> CyberTipReport:
        """The report was filed; its receipt is kept for good."""
        with self._database.write() as connection:
            payload: dict[str, Json] = {"report": report_id, "receipt": hashlib.sha256(receipt).hexdigest()}
            append(connection, [AuditDraft(now, "cybertip.submitted", f"post:{post_id}", person.actor, payload)])
            _set(
                connection,
                post_id,
                state=CyberTipState.SUBMITTED,
                report_id=str(report_id),
                receipt=receipt.decode("utf-8", "replace"),
                submitted_at=now,
            )
            return _of(_known(connection, post_id))

    def failed(self, post_id: PostId, why: str, *, person: Person, now: datetime, open_report: bool) -> CyberTipReport:
        """The submission ended without being filed.

        `open_report`: NCMEC may still have it open, so it stays `submitting`, to be taken up again at once; otherwise
        the report can be edited again.
        """
        with self._database.write() as connection:
            payload: dict[str, Json] = {"reason": why[:500], "open": open_report}
            append(connection, [AuditDraft(now, "cybertip.failed", f"post:{post_id}", person.actor, payload)])
            if open_report:
                report = _of(_known(connection, post_id))
                if report.progress is not None:
                    _set(connection, post_id, progress=_dump(report.progress, now - timedelta(seconds=BUSY_SECONDS)))
            else:
                _set(connection, post_id, state=CyberTipState.RETRACTED, progress="", report_id="")
            return _of(_known(connection, post_id))


def _abandoned(report: CyberTipReport, now: datetime) -> bool:
    return report.progress is None or now - report.progress.at >= timedelta(seconds=BUSY_SECONDS)


def _written(written: Written, person: Person, now: datetime) -> dict[str, object]:
    return {
        "state": CyberTipState.DRAFT,
        "facts": written.facts,
        "document": written.document,
        "file_details": written.file_details,
        "report_id": "",
        "progress": "",
        "receipt": "",
        "written_by": person.id,
        "written_at": now,
    }


def _set(connection: Connection, post_id: PostId, **values: object) -> None:
    connection.execute(update(cybertip_reports).where(cybertip_reports.c.post_id == post_id).values(**values))


def _row(connection: Connection, post_id: PostId) -> AnyRow | None:
    query = select(cybertip_reports).where(cybertip_reports.c.post_id == post_id).with_for_update()
    return connection.execute(query).one_or_none()


def _known(connection: Connection, post_id: PostId) -> AnyRow:
    row = _row(connection, post_id)
    if row is None:
        raise NotFoundError("No report is drafted for this post.")
    return row


def _of(row: AnyRow) -> CyberTipReport:
    return CyberTipReport(
        id=row.id,
        post_id=PostId(row.post_id),
        state=CyberTipState(row.state),
        facts=row.facts,
        document=row.document,
        file_details=row.file_details,
        report_id=row.report_id,
        progress=_progress(row.progress),
        receipt=row.receipt,
        written_by=AccountId(row.written_by),
        written_at=row.written_at,
        submitted_at=row.submitted_at,
    )


def _dump(progress: Progress, at: datetime) -> str:
    kept: Mapping[str, object] = {
        "step": progress.step,
        "report_id": progress.report_id,
        "file_id": progress.file_id,
        "at": at.isoformat(),
    }
    return json.dumps(kept)


def _progress(text: str) -> Progress | None:
    if not text:
        return None
    kept = json.loads(text)
    return Progress(kept["step"], kept["report_id"], kept["file_id"], datetime.fromisoformat(kept["at"]))
