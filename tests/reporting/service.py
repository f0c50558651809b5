"""A local server that speaks the reporting API's protocol, keeps what it got, and misbehaves where it is told to."""

import base64
import hashlib
import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser

from moderation.reporting.cybertip_validation import safe_root, validate

USERNAME = "stand-in-user"
PASSWORD = "stand-in-password"
XSD = b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>'
BOMB = b'<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><reportResponse>&b;</reportResponse>'


def reply(code: int, words: str = "Success", **more: str | int) -> bytes:
    """A `reportResponse`."""
    rest = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    return (
        f"<?xml version='1.0' encoding='UTF-8' standalone='yes'?><reportResponse><responseCode>{code}</responseCode>"
        f"<responseDescription>{words}</responseDescription>{rest}</reportResponse>"
    ).encode()


@dataclass
class Report:
    """A report as the service has it."""

    xml: bytes
    files: dict[str, bytes] = field(default_factory=dict)
    details: dict[str, bytes] = field(default_factory=dict)
    state: str = "open"


@dataclass(frozen=True)
class Misbehaviour:
    """What to answer instead. `after`: the request is carried out first, so that only its answer is lost."""

    status: int = 200
    body: bytes = b""
    seconds: float = 0.0
    drip: bool = False
    after: bool = False
    location: str = ""


class Service:
    """The state behind the server. `faults` maps a path such as "/finish" to how it misbehaves."""

    def __init__(self) -> None:
        self.reports: dict[int, Report] = {}
        self.faults: dict[str, Misbehaviour] = {}
        self.asked: list[str] = []
        self.url = ""
        self._lock = threading.Lock()

    def answer(self, path: str, headers: Message, body: bytes) -> tuple[int, bytes]:
        """Status and body for an honest request."""
        if headers["authorization"] != "Basic " + base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode():
            return 401, reply(2000, f"Authentication required for {USERNAME}")
        with self._lock:
            answers: dict[str, Callable[[], tuple[int, bytes]]] = {
                "/status": lambda: (200, reply(0, f"Remote User : {USERNAME}, Remote Ip : 192.0.2.1")),
                "/xsd": lambda: (200, XSD),
                "/submit": lambda: self._submit(headers, body),
                "/upload": lambda: self._upload(_form(headers, body)),
                "/fileinfo": lambda: self._fileinfo(headers, body),
                "/finish": lambda: self._finish(_form(headers, body)),
                "/retract": lambda: self._retract(_form(headers, body)),
            }
            return answers[path]()

    def _submit(self, headers: Message, body: bytes) -> tuple[int, bytes]:
        assert headers["content-type"] == "text/xml; charset=utf-8"
        if validate(body, kind="report"):
            return 400, reply(4100, "Validation failed")
        number = 4_564_654 + len(self.reports)
        self.reports[number] = Report(body)
        return 200, reply(0, reportId=number)

    def _upload(self, form: dict[str, bytes]) -> tuple[int, bytes]:
        number = int(form["id"])
        report = self.reports[number]
        file_id = f"file-{number}-{len(report.files)}"
        report.files[file_id] = form["file"]
        return 200, reply(0, reportId=number, fileId=file_id, hash=hashlib.md5(form["file"]).hexdigest())

    def _fileinfo(self, headers: Message, body: bytes) -> tuple[int, bytes]:
        assert headers["content-type"] == "text/xml; charset=utf-8"
        root = safe_root(body)
        report = self.reports[int(root.findtext("reportId") or 0)]
        file_id = root.findtext("fileId") or ""
        if validate(body, kind="fileDetails") or file_id not in report.files or file_id in report.details:
            return 400, reply(4100, "Validation failed")
        report.details[file_id] = body
        return 200, reply(0)

    def _finish(self, form: dict[str, bytes]) -> tuple[int, bytes]:
        number = int(form["id"])
        refusal = self._closed(number)
        if refusal:
            return refusal
        self.reports[number].state = "finished"
        files = "".join(f"<fileId>{file_id}</fileId>" for file_id in self.reports[number].files)
        return 200, (
            f"<reportDoneResponse><responseCode>0</responseCode><reportId>{number}</reportId>"
            f"<files>{files}</files></reportDoneResponse>"
        ).encode()

    def _retract(self, form: dict[str, bytes]) -> tuple[int, bytes]:
        number = int(form["id"])
        refusal = self._closed(number)
        if refusal:
            return refusal
        self.reports[number].state = "retracted"
        return 200, reply(0, reportId=number)

    def _closed(self, number: int) -> tuple[int, bytes] | None:
        if number not in self.reports:
            return 404, reply(5001, "Report does not exist")
        refusals = {
            "retracted": (400, reply(5101, "Report already retracted")),
            "finished": (400, reply(5102, "Report already finished")),
        }
        return refusals.get(self.reports[number].state)


class _Handler(http.server.BaseHTTPRequestHandler):
    service: Service

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        self.service.asked.append(self.path)
        fault = self.service.faults.get(self.path)
        status, data = (200, b"") if fault and not fault.after else self.service.answer(self.path, self.headers, body)
        if fault is not None:
            time.sleep(fault.seconds)
            status, data = fault.status, fault.body
        self.send_response(status)
        self.send_header("request-id", "request-17")
        if fault and fault.location:
            self.send_header("location", fault.location)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self._write(data, drip=fault is not None and fault.drip)

    def _write(self, data: bytes, *, drip: bool) -> None:
        try:
            for start in range(0, len(data), 1 if drip else max(1, len(data))):
                self.wfile.write(data[start : start + 1] if drip else data)
                time.sleep(0.05 if drip else 0)
        except OSError:
            self.close_connection = True  # the client had waited long enough

    def log_message(self, *args: object) -> None:
        """Quiet."""


@contextmanager
def running() -> Iterator[Service]:
    """The service on a free port of this machine."""
    service = Service()
    handler = type("Handler", (_Handler,), {"service": service})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield service
        server.shutdown()
        thread.join()


def _form(headers: Message, body: bytes) -> dict[str, bytes]:
    """The parts of a multipart form by name."""
    head = f"content-type: {headers['content-type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + body).get_payload()
    form: dict[str, bytes] = {}
    for part in parts:
        assert isinstance(part, Message)
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        form[str(part.get_param("name", header="content-disposition"))] = data
    return form
