import base64
import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from moderation.domain.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    ModerationError,
    ReportRefusedError,
    UnavailableError,
)
from moderation.reporting.cybertip import Draft, draft
from moderation.reporting.cybertip_client import CyberTipClient, Progress, Step, SubmittedReport, Switch
from moderation.reporting.cybertip_validation import MAX_DOCUMENT_BYTES, safe_root
from moderation.reporting.cybertip_wire import PRODUCTION_URL, TEST_URL, Credentials
from tests.reporting.service import BOMB, PASSWORD, USERNAME, XSD, Misbehaviour, Service, reply, running
from tests.reporting.standins import IMAGE, NOW, full, minimal
from tests.reporting.test_cybertip_validation import STRICTER

ON = Switch(enabled=True, reason="a test")
CREDENTIALS = Credentials(USERNAME, PASSWORD)


class Journal:
    """What the caller stored; `fails_at` makes its store break at a step, as a database that is away does."""

    def __init__(self, fails_at: Step | None = None) -> None:
        self.kept: list[Progress] = []
        self.fails_at = fails_at

    def __call__(self, progress: Progress) -> None:
        if progress.step is self.fails_at:
            raise UnavailableError("the database is away")
        self.kept.append(progress)

    @property
    def steps(self) -> list[str]:
        return [progress.step.value for progress in self.kept]


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as started:
        yield started


@pytest.fixture
def client(service: Service) -> Iterator[CyberTipClient]:
    with CyberTipClient(service.url, CREDENTIALS, timeout_seconds=0.3, answer_seconds=0.5) as opened:
        yield opened


@pytest.fixture
def drafted() -> Draft:
    return draft(full(), now=NOW)


def test_a_report_is_filed_once_with_its_image(client: CyberTipClient, service: Service, drafted: Draft) -> None:
    journal = Journal()
    submitted = client.submit(drafted, IMAGE, switch=ON, on_progress=journal)
    ((number, report),) = service.reports.items()
    ((file_id, stored),) = report.files.items()
    assert submitted == SubmittedReport(number, file_id, submitted.receipt, confirmed=True)
    assert safe_root(submitted.receipt).tag == "reportDoneResponse"
    assert (report.state, report.xml, stored) == ("finished", drafted.report_xml, IMAGE)
    details = safe_root(report.details[file_id])
    assert (details.findtext("reportId"), details.findtext("fileId")) == (str(number), file_id)
    assert service.asked == ["/submit", "/upload", "/fileinfo", "/finish"]
    assert journal.kept == [
        Progress(Step.OPENED, number),
        Progress(Step.UPLOADED, number, file_id),
        Progress(Step.DESCRIBED, number, file_id),
        Progress(Step.FINISHED, number, file_id),
    ]


@pytest.mark.parametrize("switch", [Switch(enabled=False, reason="a test"), Switch(enabled=True, reason=" ")])
def test_without_the_switch_nothing_is_sent(
    client: CyberTipClient, service: Service, drafted: Draft, switch: Switch
) -> None:
    for resume in (None, Progress(Step.DESCRIBED, 1, "f")):
        with pytest.raises(ForbiddenError):
            client.submit(drafted, IMAGE, switch=switch, on_progress=Journal(), resume=resume)
    with pytest.raises(ForbiddenError):
        client.retract(1, switch=switch)
    assert service.asked == []


def test_what_is_not_valid_is_not_sent(client: CyberTipClient, service: Service, drafted: Draft) -> None:
    wrong = [
        (draft(replace(full(), high_priority="x" * 3001), now=NOW), IMAGE, "3000 characters"),
        (replace(drafted, report_xml=b"<report/>"), IMAGE, "1 problem(s)"),
        (replace(drafted, report_xml=drafted.file_details_xml), IMAGE, "report document must stand here"),
        (drafted, b"", "no image"),
        (drafted, b"another image", "not the one"),
    ]
    for document, image, words in wrong:
        with pytest.raises(InvalidInputError) as refused:
            client.submit(document, image, switch=ON, on_progress=Journal())
        assert words in refused.value.message
    stricter = CyberTipClient(service.url, CREDENTIALS, published_xsd=STRICTER)
    with stricter, pytest.raises(InvalidInputError, match="NCMEC's schema"):
        stricter.submit(drafted, IMAGE, switch=ON, on_progress=Journal())
    assert service.asked == []


def test_status_and_schema(client: CyberTipClient, service: Service) -> None:
    client.status()
    assert client.xsd() == XSD
    for fault in (Misbehaviour(503), Misbehaviour(200, b" " * (MAX_DOCUMENT_BYTES + 1))):
        service.faults["/xsd"] = fault
        with pytest.raises(UnavailableError):
            client.xsd()


def test_a_redirection_is_not_followed(client: CyberTipClient, service: Service) -> None:
    service.faults["/status"] = Misbehaviour(302, location=f"{service.url}/xsd")
    with pytest.raises(UnavailableError, match="302"):
        client.status()
    assert service.asked == ["/status"]


BROKEN = {
    "server error": Misbehaviour(500, reply(1000, "Server error")),
    "server code": Misbehaviour(200, reply(1100, "Save failed")),
    "no body": Misbehaviour(200),
    "cut short": Misbehaviour(200, reply(0)[:-10]),
    "a page": Misbehaviour(200, b"<html><body>maintenance</body></html>"),
    "no code": Misbehaviour(200, b"<reportResponse/>"),
    "a file id that is none": Misbehaviour(200, reply(0, reportId=1, fileId="../x y")),
    "entities": Misbehaviour(200, BOMB),
    "too long": Misbehaviour(200, reply(0, "x" * (5 * 1024 * 1024))),
    "silence": Misbehaviour(200, reply(0), seconds=0.6),
    "a byte now and then": Misbehaviour(200, reply(0), drip=True),
    "elsewhere": Misbehaviour(302, reply(0), location=f"{PRODUCTION_URL}/submit"),
    "too many": Misbehaviour(429),
}


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_a_broken_answer_to_submit_is_unavailable(
    client: CyberTipClient, service: Service, drafted: Draft, fault: Misbehaviour
) -> None:
    service.faults["/submit"] = fault
    journal = Journal()
    with pytest.raises(UnavailableError):
        client.submit(drafted, IMAGE, switch=ON, on_progress=journal)
    assert (service.asked, journal.kept) == (["/submit"], [])


@pytest.mark.parametrize("path", ["/upload", "/fileinfo"])
@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_what_breaks_before_the_finish_is_retracted(
    client: CyberTipClient, service: Service, drafted: Draft, path: str, fault: Misbehaviour
) -> None:
    service.faults[path] = fault
    journal = Journal()
    with pytest.raises(UnavailableError):
        client.submit(drafted, IMAGE, switch=ON, on_progress=journal)
    assert [report.state for report in service.reports.values()] == ["retracted"]
    assert journal.steps[-1] == "retracted"
    service.faults.clear()
    client.submit(drafted, IMAGE, switch=ON, on_progress=journal, resume=journal.kept[-1])
    assert [report.state for report in service.reports.values()] == ["retracted", "finished"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_an_unknown_finish_is_asked_again_and_files_one_report(
    client: CyberTipClient, service: Service, drafted: Draft, fault: Misbehaviour, *, after: bool
) -> None:
    service.faults["/finish"] = replace(fault, after=after)
    journal = Journal()
    with pytest.raises(UnavailableError) as unknown:
        client.submit(drafted, IMAGE, switch=ON, on_progress=journal)
    assert "not known" in unknown.value.hint
    assert "/retract" not in service.asked
    service.faults.clear()
    submitted = client.submit(drafted, IMAGE, switch=ON, on_progress=journal, resume=journal.kept[-1])
    ((number, report),) = service.reports.items()
    assert (submitted.report_id, report.state, submitted.confirmed) == (number, "finished", not after)
    assert journal.steps == ["opened", "uploaded", "described", "finished"]


def test_a_refused_finish_is_retracted(client: CyberTipClient, service: Service, drafted: Draft) -> None:
    service.faults["/finish"] = Misbehaviour(400, reply(4100, "Validation failed"))
    journal = Journal()
    with pytest.raises(ReportRefusedError) as refused:
        client.submit(drafted, IMAGE, switch=ON, on_progress=journal)
    assert refused.value.response_code == 4100
    assert "request-17" in refused.value.hint
    assert [report.state for report in service.reports.values()] == ["retracted"]
    assert journal.steps[-1] == "retracted"


def test_a_receipt_for_another_report_is_not_taken(client: CyberTipClient, service: Service, drafted: Draft) -> None:
    other = b"<reportDoneResponse><responseCode>0</responseCode><reportId>9</reportId><files/></reportDoneResponse>"
    service.faults["/finish"] = Misbehaviour(200, other)
    with pytest.raises(UnavailableError, match="another report"):
        client.submit(drafted, IMAGE, switch=ON, on_progress=Journal())


def test_an_image_that_arrived_broken_is_retracted(client: CyberTipClient, service: Service, drafted: Draft) -> None:
    service.faults["/upload"] = Misbehaviour(200, reply(0, reportId=1, fileId="f", hash="0" * 32))
    with pytest.raises(UnavailableError, match="as it was sent"):
        client.submit(drafted, IMAGE, switch=ON, on_progress=Journal())
    assert [report.state for report in service.reports.values()] == ["retracted"]


@pytest.mark.parametrize("step", [Step.OPENED, Step.UPLOADED, Step.DESCRIBED])
def test_a_store_that_fails_leaves_no_open_report(
    client: CyberTipClient, service: Service, drafted: Draft, step: Step
) -> None:
    with pytest.raises(UnavailableError, match="the database is away"):
        client.submit(drafted, IMAGE, switch=ON, on_progress=Journal(fails_at=step))
    assert [report.state for report in service.reports.values()] == ["retracted"]


class _KilledError(BaseException):
    """Stands for the end of the process: no clean-up of the client's runs."""


@pytest.mark.parametrize("step", list(Step)[:4])
def test_a_crash_after_any_step_files_exactly_one_report(
    client: CyberTipClient, service: Service, drafted: Draft, step: Step
) -> None:
    journal = Journal()

    def dies(progress: Progress) -> None:
        journal(progress)
        if progress.step is step:
            raise _KilledError

    with pytest.raises(_KilledError):
        client.submit(drafted, IMAGE, switch=ON, on_progress=dies)
    submitted = client.submit(drafted, IMAGE, switch=ON, on_progress=journal, resume=journal.kept[-1])
    states = [report.state for report in service.reports.values()]
    assert states.count("finished") == 1
    assert "open" not in states
    assert service.reports[submitted.report_id].state == "finished"


def test_a_crash_before_the_finish_was_stored_files_no_second_report(
    client: CyberTipClient, service: Service, drafted: Draft
) -> None:
    journal = Journal(fails_at=Step.FINISHED)
    with pytest.raises(UnavailableError):
        client.submit(drafted, IMAGE, switch=ON, on_progress=journal)
    journal.fails_at = None
    submitted = client.submit(drafted, IMAGE, switch=ON, on_progress=journal, resume=journal.kept[-1])
    assert list(service.reports) == [submitted.report_id]
    assert journal.steps[-1] == "finished"


def test_a_report_that_the_service_dropped_is_opened_anew(
    client: CyberTipClient, service: Service, drafted: Draft
) -> None:
    for step in (Step.DESCRIBED, Step.UPLOADED, Step.OPENED):
        submitted = client.submit(
            drafted, IMAGE, switch=ON, on_progress=Journal(), resume=Progress(step, 999, "file-999")
        )
        assert service.reports[submitted.report_id].state == "finished"


def test_a_refused_resume_is_retracted_and_raised(client: CyberTipClient, service: Service, drafted: Draft) -> None:
    service.faults["/finish"] = Misbehaviour(500)
    journal = Journal()
    with pytest.raises(UnavailableError):
        client.submit(drafted, IMAGE, switch=ON, on_progress=journal)
    service.faults["/finish"] = Misbehaviour(400, reply(4100, "Validation failed"))
    with pytest.raises(ReportRefusedError):
        client.submit(drafted, IMAGE, switch=ON, on_progress=journal, resume=journal.kept[-1])
    assert [report.state for report in service.reports.values()] == ["retracted"]
    assert journal.steps[-1] == "retracted"


def test_a_retraction_that_fails_is_logged_and_the_failure_raised(
    client: CyberTipClient, service: Service, drafted: Draft
) -> None:
    service.faults = {"/upload": Misbehaviour(500), "/retract": Misbehaviour(500)}
    with capture_logs() as logs, pytest.raises(UnavailableError, match="status 500"):
        client.submit(drafted, IMAGE, switch=ON, on_progress=Journal())
    assert [line["event"] for line in logs] == ["cybertip.opened", "cybertip.left_open"]


def test_retract(client: CyberTipClient, service: Service, drafted: Draft) -> None:
    submitted = client.submit(drafted, IMAGE, switch=ON, on_progress=Journal())
    with pytest.raises(ConflictError):
        client.retract(submitted.report_id, switch=ON)
    client.retract(999, switch=ON)
    service.faults["/retract"] = Misbehaviour(403, b"no")
    with pytest.raises(ReportRefusedError):
        client.retract(999, switch=ON)


def test_no_credential_in_logs_errors_and_representations(
    client: CyberTipClient, service: Service, drafted: Draft, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = [repr(CREDENTIALS), repr(client), str(client)]
    words = f"{USERNAME} {PASSWORD} {base64.b64encode(f'{USERNAME}:{PASSWORD}'.encode()).decode()}"
    faults = [Misbehaviour(400, reply(4000, words)), Misbehaviour(500, reply(1000, words)), BROKEN["silence"]]
    strangers = CyberTipClient(service.url, Credentials(USERNAME, "another " + PASSWORD))
    with capture_logs() as logs, strangers:
        for fault in faults:
            service.faults["/submit"] = fault
            told += _failure(client, drafted)
        service.faults.clear()
        told += _failure(strangers, drafted)
        client.submit(drafted, IMAGE, switch=ON, on_progress=Journal())
    everything = "\n".join([*told, caplog.text, repr(logs)])
    for secret in (USERNAME, PASSWORD, words.rsplit(maxsplit=1)[-1]):
        assert secret not in everything


def _failure(client: CyberTipClient, drafted: Draft) -> list[str]:
    with pytest.raises(ModerationError) as failed:
        client.submit(drafted, IMAGE, switch=ON, on_progress=Journal())
    return [*traceback.format_exception(failed.value), failed.value.message, failed.value.hint]


@pytest.mark.parametrize(
    "url",
    [
        "http://report.cybertip.org/ispws",
        "ftp://127.0.0.1",
        "https://someone:secret@report.cybertip.org/ispws",
        "https://",
        "https://feed.example/x?y=1",
        "https://feed.example:port",
        "",
    ],
)
def test_addresses_to_which_no_password_is_sent(url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        CyberTipClient(url, CREDENTIALS)
    assert "secret" not in refused.value.message


@pytest.mark.parametrize("url", [TEST_URL, PRODUCTION_URL, "http://localhost:1/", "http://[::1]:1"])
def test_addresses_that_are_taken(url: str) -> None:
    with CyberTipClient(url, CREDENTIALS) as client:
        assert repr(client) == f"CyberTipClient({url.rstrip('/')!r})"


def test_nobody_there_is_unavailable() -> None:
    with running() as gone:
        url = gone.url
    with CyberTipClient(url, CREDENTIALS) as client, pytest.raises(UnavailableError, match="ConnectError"):
        client.status()


def test_a_minimal_report_is_filed_too(client: CyberTipClient, service: Service) -> None:
    client.submit(draft(minimal(), now=NOW), IMAGE, switch=ON, on_progress=Journal())
    assert [report.state for report in service.reports.values()] == ["finished"]
