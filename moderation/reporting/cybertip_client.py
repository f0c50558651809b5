"""Files a drafted report with NCMEC's CyberTipline: once, when a person said so, and resumable at every step.

A report that was opened and not finished is never delivered; NCMEC deletes it after 24 hours. So the one step that
counts is `/finish`: before it, whatever fails is retracted; after it, asking again is answered with "already finished".
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self, TypeAlias

import structlog

from moderation.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    ModerationError,
    ReportRefusedError,
    UnavailableError,
)
from moderation.reporting.cybertip import Draft, bound
from moderation.reporting.cybertip_replies import ALREADY_FINISHED, ALREADY_RETRACTED, NO_SUCH_REPORT, Reply
from moderation.reporting.cybertip_validation import validate
from moderation.reporting.cybertip_wire import ANSWER_SECONDS, TIMEOUT_SECONDS, Credentials, Wire

log = structlog.get_logger(__name__)

GONE = frozenset({NO_SUCH_REPORT, ALREADY_RETRACTED})
"""Answers that say that there is no open report any more."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Leave to file reports, given on purpose: `reason` says who turned it on, and why."""

    enabled: bool
    reason: str


class Step(StrEnum):
    """How far a submission has come."""

    OPENED = "opened"
    UPLOADED = "uploaded"
    DESCRIBED = "described"
    """Everything is there; only `/finish` is missing, or its answer."""
    FINISHED = "finished"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Progress:
    """What must survive a crash: store it as soon as it is told, and pass the last one to `submit` as `resume`."""

    step: Step
    report_id: int
    file_id: str = ""


OnProgress: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class SubmittedReport:
    """A report that NCMEC has. `receipt` is the answer that counts as its notice (18 U.S.C. 2258A(h)(1)): keep it.

    `confirmed` is whether the receipt names the image; one that says "already finished" names nothing.
    """

    report_id: int
    file_id: str
    receipt: bytes = field(default=b"", repr=False)
    confirmed: bool = False


class CyberTipClient:
    """A client of one environment, test or production, whose address the caller gives."""

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        published_xsd: bytes | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._wire = Wire(base_url, credentials, timeout_seconds=timeout_seconds, answer_seconds=answer_seconds)
        self._published_xsd = published_xsd

    def __repr__(self) -> str:
        """The address alone."""
        return f"CyberTipClient({self._wire.base_url!r})"

    def __enter__(self) -> Self:
        """The same object."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the connections."""
        self._wire.close()

    def status(self) -> None:
        """Return when the service answers and takes the credentials; else raise as `submit` does."""
        self._wire.status()

    def xsd(self) -> bytes:
        """NCMEC's schema in force, to be kept and passed to `draft`, `validate` and this client."""
        return self._wire.xsd()

    def submit(
        self, draft: Draft, image: bytes, *, switch: Switch, on_progress: OnProgress, resume: Progress | None = None
    ) -> SubmittedReport:
        """File `draft` with its `image`; `on_progress` is called after every step, before the next.

        `resume` is the last progress of an earlier try. A described report is finished, a finished one returned
        without asking anybody; from any other step the old report is retracted first, so that never two are open.

        Raises `ForbiddenError` when the switch is off, `InvalidInputError` when the draft has problems or the image is
        not its own, `ReportRefusedError` when NCMEC does not take it, `UnavailableError` when it is not known to have
        arrived: call again with the last progress. What fails before `/finish` is retracted.
        """
        _require(switch)
        if resume is not None:
            submitted = self._completed(resume, on_progress)
            if submitted is not None:
                return submitted
        self._check(draft, image)
        if resume is not None and resume.step in {Step.OPENED, Step.UPLOADED}:
            self._retract(resume.report_id)
            on_progress(Progress(Step.RETRACTED, resume.report_id, resume.file_id))
        return self._filed(draft, image, on_progress)

    def retract(self, report_id: int, *, switch: Switch) -> None:
        """Cancel a report that is not finished. One that is gone already counts; a finished one is a conflict."""
        _require(switch)
        self._retract(report_id)

    def _check(self, draft: Draft, image: bytes) -> None:
        """Every condition of a submission, looked at again here whatever the draft says of itself."""
        problems = [*draft.problems]
        for document, kind in ((draft.report_xml, "report"), (draft.file_details_xml, "fileDetails")):
            problems += validate(document, kind=kind, published_xsd=self._published_xsd)
        if problems:
            message = f"The report has {len(problems)} problem(s); the first: {problems[0]}"
            raise InvalidInputError(message, hint="Mend what is wrong, and draft it again.")
        if not image:
            raise InvalidInputError("The report has no image.")
        if draft.image_sha256 and hashlib.sha256(image).hexdigest() != draft.image_sha256:
            raise InvalidInputError("The image is not the one that the report describes.")

    def _completed(self, last: Progress, on_progress: OnProgress) -> SubmittedReport | None:
        """The report of an earlier try when nothing but `/finish` was missing; None when it must be opened anew."""
        if last.step is Step.FINISHED:
            return SubmittedReport(last.report_id, last.file_id)
        if last.step is not Step.DESCRIBED:
            return None
        try:
            return self._finished(last.report_id, last.file_id, on_progress)
        except ReportRefusedError as error:
            self._abandoned(last.report_id, on_progress)
            if error.response_code not in GONE:
                raise
            return None

    def _filed(self, draft: Draft, image: bytes, on_progress: OnProgress) -> SubmittedReport:
        report_id = _report_id(self._wire.submit(draft.report_xml))
        log.info("cybertip.opened", report_id=report_id)
        try:
            on_progress(Progress(Step.OPENED, report_id))
            file_id = self._uploaded(report_id, image)
            on_progress(Progress(Step.UPLOADED, report_id, file_id))
            self._wire.fileinfo(bound(draft.file_details_xml, report_id=report_id, file_id=file_id))
            on_progress(Progress(Step.DESCRIBED, report_id, file_id))
        except Exception:
            self._abandoned(report_id, on_progress)
            raise
        try:
            return self._finished(report_id, file_id, on_progress)
        except ReportRefusedError:
            self._abandoned(report_id, on_progress)
            raise
        except UnavailableError as error:
            hint = f"Whether report {report_id} was filed is not known; submit it again with its last progress."
            raise UnavailableError(error.message, hint=hint) from None

    def _uploaded(self, report_id: int, image: bytes) -> str:
        reply = self._wire.upload(report_id, image)
        if not reply.file_id:
            raise UnavailableError("The CyberTipline's answer to the upload names no file.")
        if reply.md5 and reply.md5 != hashlib.md5(image, usedforsecurity=False).hexdigest():
            raise UnavailableError("The CyberTipline did not receive the image as it was sent.")
        return reply.file_id

    def _finished(self, report_id: int, file_id: str, on_progress: OnProgress) -> SubmittedReport:
        """The filed report. "Already finished" is success: an earlier try arrived and its answer did not."""
        try:
            reply, receipt = self._wire.finish(report_id)
        except ReportRefusedError as error:
            if error.response_code != ALREADY_FINISHED:
                raise
            submitted = SubmittedReport(report_id, file_id)
        else:
            if reply.report_id not in {None, report_id}:
                raise UnavailableError("The CyberTipline's receipt is for another report.")
            submitted = SubmittedReport(report_id, file_id, receipt, confirmed=file_id in reply.files)
        on_progress(Progress(Step.FINISHED, report_id, file_id))
        log.info("cybertip.finished", report_id=report_id, confirmed=submitted.confirmed)
        return submitted

    def _retract(self, report_id: int) -> None:
        try:
            self._wire.retract(report_id)
        except ReportRefusedError as error:
            if error.response_code == ALREADY_FINISHED:
                raise ConflictError(f"Report {report_id} is finished and cannot be retracted.") from None
            if error.response_code not in GONE:
                raise

    def _abandoned(self, report_id: int, on_progress: OnProgress) -> None:
        """Retract after a failure, as well as it goes: the failure itself is what the caller must hear of."""
        try:
            self._retract(report_id)
        except ModerationError as error:
            log.warning("cybertip.left_open", report_id=report_id, error=error.message)
            return
        log.info("cybertip.retracted", report_id=report_id)
        with suppress(Exception):  # the caller's store may be what failed; the report is gone either way
            on_progress(Progress(Step.RETRACTED, report_id))


def _require(switch: Switch) -> None:
    if not switch.enabled or not switch.reason.strip():
        raise ForbiddenError(
            "Reports are not sent: submission to the CyberTipline is switched off.",
            hint="It is switched on in the settings, with a reason.",
        )


def _report_id(reply: Reply) -> int:
    if reply.report_id is None or reply.report_id <= 0:
        raise UnavailableError("The CyberTipline's answer names no report.")
    return reply.report_id
