"""A server on this machine that speaks the exchanges' protocols: ThreatExchange, NCMEC and StopNCII.

That it speaks them truly is shown by driving it with the field's own clients (`test_peers.py`).
"""

import base64
import http.server
import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit
from xml.sax.saxutils import escape, quoteattr

TOKEN = "12345678|abcdefghijklmnopqrstuvwxyz"
USER, PASSWORD = "esp-user", "esp-password"
SUBSCRIPTION, FETCH_KEY, FEEDBACK_KEY = "subscription-key", "fetch-key", "feedback-key"
SECRETS = (TOKEN, TOKEN.partition("|")[2], PASSWORD, SUBSCRIPTION, FETCH_KEY, FEEDBACK_KEY)
GROUP = "303636684709969"
NAMESPACE = "https://hashsharing.ncmec.org/hashsharing/v2"

Query = dict[str, str]


@dataclass
class Fault:
    """What the next answers are instead: `times` of them, after `skip` good ones."""

    status: int = 200
    body: bytes = b""
    location: str = ""
    encoding: str = ""
    seconds: float = 0.0
    drip: bool = False
    cut: bool = False
    times: int = 1_000_000
    skip: int = 0


@dataclass
class Told:
    """What the server was told."""

    reactions: list[tuple[str, str]] = field(default_factory=list)
    votes: list[tuple[str, str, str]] = field(default_factory=list)
    feedbacks: list[dict[str, Any]] = field(default_factory=list)


class ExchangeServer:
    """The three databases and what was asked of them. Change `updates`, `entries` and `records` at will."""

    def __init__(self) -> None:
        self.url = ""
        self.page = 2
        self.updates: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.records: list[dict[str, Any]] = []
        self.reasons = {"guid-1": "Not the depicted content"}
        self.told = Told()
        self.asked: list[str] = []
        self.fault: Fault | None = None
        self.raw: bytes | None = None
        """Stands for every answer's body."""

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        """Status and body."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if parts.path.startswith("/te/"):
            return self._threatexchange(method, parts.path.removeprefix("/te/"), query, headers, body)
        if parts.path.startswith("/hashsharing/"):
            return self._ncmec(method, parts.path.removeprefix("/hashsharing/"), query, headers, body)
        if parts.path.startswith("/ncii/"):
            return self._stopncii(method, parts.path.removeprefix("/ncii/"), query, headers, body)
        return 404, b"{}"

    def _threatexchange(self, method: str, path: str, query: Query, headers: Any, body: bytes) -> tuple[int, bytes]:
        bearer = (headers["authorization"] or "").removeprefix("Bearer ")
        if TOKEN not in {bearer, query.get("access_token")}:
            return 401, f'{{"error": {{"message": "bad token {bearer}"}}}}'.encode()
        if method == "POST":
            form = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
            self.told.reactions.append((path.strip("/"), form["reactions"]))
            return 200, b'{"success": true}'
        if path != f"{GROUP}/threat_updates/":
            return 404, b"{}"
        start = int(query.get("start_time") or 0)
        ordered = sorted(self.updates, key=lambda update: int(update["last_updated"]))
        chosen = [update for update in ordered if int(update["last_updated"]) >= start]
        offset = int(query.get("after", "0"))
        shown = {"data": chosen[offset : offset + self.page]}
        if offset + self.page < len(chosen):
            more = {**query, "after": str(offset + self.page), "access_token": TOKEN}
            shown["paging"] = {"next": f"{self.url}/te/{path}?{urlencode(more)}"}  # type: ignore[assignment]
        return 200, json.dumps(shown).encode()

    def _ncmec(self, method: str, path: str, query: Query, headers: Any, body: bytes) -> tuple[int, bytes]:
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if headers["authorization"] != wanted:
            return 401, f"<error>{PASSWORD}</error>".encode()
        if method == "PUT":
            _, _, member, entry, kind, _ = path.split("/")
            self.told.votes.append((f"{member}-{entry}", kind, body.decode()))
            return 200, b""
        if path == "v2/feedback/PDQ/reasons":
            reasons = "".join(f"<reason guid={quoteattr(g)} name={quoteattr(n)}/>" for g, n in self.reasons.items())
            inner = f"<availableFeedbackReasons type='PDQ'>{reasons}</availableFeedbackReasons>"
            return 200, f"<getFeedbackReasonsResponse xmlns='{NAMESPACE}'>{inner}</getFeedbackReasonsResponse>".encode()
        if path != "v2/entries":
            return 404, b""
        low, high = _epoch(query["from"]), _epoch(query["to"])
        chosen = [entry for entry in self.entries if low <= entry["at"] <= high]
        offset = int(query.get("start", "0"))
        shown, rest = chosen[offset : offset + self.page], offset + self.page < len(chosen)
        following = ""
        if rest:
            more = {**query, "start": offset + self.page, "size": self.page, "max": len(chosen)}
            following = f"<paging><next>/v2/entries?{escape(urlencode(more))}</next></paging>"
        top = max((entry["at"] for entry in shown), default=0)
        images = "".join(entry["xml"] for entry in shown if "ideo" not in entry["xml"][:10])
        videos = "".join(entry["xml"] for entry in shown if "ideo" in entry["xml"][:10])
        stamp = datetime.fromtimestamp(top, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        content = f'<images count="1" maxTimestamp="{stamp}">{images}</images>' if images else ""
        content += f'<videos count="1" maxTimestamp="{stamp}">{videos}</videos>' if videos else ""
        return 200, f'<queryResult xmlns="{NAMESPACE}">{content}{following}</queryResult>'.encode()

    def _stopncii(self, method: str, path: str, query: Query, headers: Any, body: bytes) -> tuple[int, bytes]:
        key = {"FetchHashes": FETCH_KEY, "SubmitFeedback": FEEDBACK_KEY}.get(path, "")
        if headers["ocp-apim-subscription-key"] != SUBSCRIPTION or headers["x-functions-key"] != key:
            return 401, FETCH_KEY.encode()
        if method == "POST":
            sent = json.loads(body)
            self.told.feedbacks += sent["hashFeedbacks"]
            return 200, b"{}"
        start, offset = int(query["startTimestamp"]), int(query.get("nextPageToken", "0") or 0)
        chosen = [record for record in self.records if record["lastModtimestamp"] >= start]
        shown = chosen[offset : offset + self.page]
        more = offset + self.page < len(chosen)
        answer = {
            "count": len(shown),
            "nextPageToken": str(offset + self.page) if more else None,
            "nextSetTimestamp": max((record["lastModtimestamp"] for record in chosen), default=start),
            "hasMoreRecords": more,
            "hashRecords": shown,
        }
        return 200, json.dumps(answer).encode()


def update(key: int, pdq: str, at: int, *descriptors: dict[str, Any], kind: str = "HASH_PDQ") -> dict[str, Any]:
    """An update of ThreatExchange; without descriptors one by the owner 1 that says MALICIOUS."""
    data = list(descriptors) or [descriptor(key * 10, 1)]
    return {
        "id": str(key),
        "indicator": pdq,
        "type": kind,
        "last_updated": at,
        "should_delete": False,
        "descriptors": {"data": data},
    }


def gone(key: int, pdq: str, at: int) -> dict[str, Any]:
    """A deletion."""
    return {"id": str(key), "indicator": pdq, "type": "HASH_PDQ", "last_updated": at, "should_delete": True}


def descriptor(key: int, owner: int, status: str = "MALICIOUS", **more: Any) -> dict[str, Any]:
    """What one owner says."""
    return {"id": str(key), "owner": {"id": str(owner)}, "status": status, "tags": {"data": [{"text": "a"}]}, **more}


def image(key: str, at: int, pdq: str = "", member: int = 42, others: str = "", feedback: str = "") -> dict[str, Any]:
    """An image entry of NCMEC."""
    prints = f"<fingerprints>{f'<pdq>{pdq}</pdq>' if pdq else ''}{others}</fingerprints>"
    inner = f'<member id="{member}">Member</member><timestamp>2024-01-01T00:00:00Z</timestamp><id>{quote(key)}</id>'
    inner += f"<classification>A1</classification>{prints}{feedback}"
    return {"at": at, "xml": f"<image>{inner}</image>"}


def deleted_image(key: str, at: int, member: int = 42) -> dict[str, Any]:
    """A tombstone of NCMEC."""
    return {"at": at, "xml": f'<deletedImage><member id="{member}">Member</member><id>{key}</id></deletedImage>'}


def record(pdq: str, at: int, status: str = "Active", *said: tuple[str, str], kind: str = "ImagePDQ") -> dict[str, Any]:
    """A record of StopNCII."""
    feedbacks = [{"source": source, "feedbackValue": value, "tags": []} for source, value in said]
    return {
        "lastModtimestamp": at,
        "signalType": kind,
        "hashValue": pdq,
        "hashStatus": status,
        "caseNumbers": {"case-1": status},
        "CSPFeedbacks": feedbacks,
    }


def _epoch(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())


class _Handler(http.server.BaseHTTPRequestHandler):
    server_of: ExchangeServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        service = self.server_of
        service.asked.append(f"{method} {self.path}")
        fault = self._fault()
        if fault is not None:
            time.sleep(fault.seconds)
        status, data = 200, service.raw
        if fault is not None and (fault.status != status or fault.body):
            status, data = fault.status, fault.body
        elif data is None:
            status, data = service.answer(method, self.path, self.headers, body)
        try:
            self.send_response(status)
            if fault is not None and fault.location:
                self.send_header("location", fault.location)
            if fault is not None and fault.encoding:
                self.send_header("content-encoding", fault.encoding)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self._write(data, fault)
        except OSError:
            self.close_connection = True  # the client had waited long enough

    def _fault(self) -> Fault | None:
        fault = self.server_of.fault
        if fault is None or fault.times <= 0:
            return None
        if fault.skip > 0:
            fault.skip -= 1
            return None
        fault.times -= 1
        return fault

    def _write(self, data: bytes, fault: Fault | None) -> None:
        if fault is not None and fault.cut:
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
            return
        step = 1 if fault is not None and fault.drip else max(1, len(data))
        for start in range(0, len(data), step):
            self.wfile.write(data[start : start + step])
            if step == 1:
                time.sleep(0.02)

    def log_message(self, *args: object) -> None:
        """Quiet."""


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Quiet where a client has left; everything else is a fault of the server and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def running() -> Iterator[ExchangeServer]:
    """The server on a free port of this machine."""
    service = ExchangeServer()
    handler = type("Handler", (_Handler,), {"server_of": service})
    with _Server(("127.0.0.1", 0), handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
