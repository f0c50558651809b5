"""A hub on the loopback interface that speaks as much of the Hugging Face protocol as fetching single files needs."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.signals.checkpoints import REVISION


@dataclass
class HubServer:
    """`files` by path at `revision`; `commit` is what it says it serves, `status` other than 200 refuses everything."""

    files: dict[str, bytes] = field(default_factory=dict)
    revision: str = REVISION
    commit: str = REVISION
    status: int = 200
    announced: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    endpoint: str = ""


@contextmanager
def hub_server(files: dict[str, bytes]) -> Iterator[HubServer]:
    """A running one, at `endpoint`."""
    hub = HubServer(dict(files))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            hub.asked.append(self.path)
            if hub.status != 200:
                self._send(hub.status, b"refused", with_body=with_body)
            elif self.path.startswith("/api/models/"):
                body = json.dumps({"id": "toys/toy", "modelId": "toys/toy", "sha": hub.commit}).encode()
                self._send(200, body, with_body=with_body)
            else:
                revision, _, filename = self.path.removeprefix("/toys/toy/resolve/").partition("/")
                known = revision == hub.revision and filename in hub.files
                body = hub.files[filename] if known else b"Entry not found"
                self._send(200 if known else 404, body, with_body=with_body, filename=filename)

        def _send(self, status: int, body: bytes, *, with_body: bool, filename: str = "") -> None:
            self.send_response(status)
            if status == 404:
                self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", hub.commit)
            self.send_header("ETag", f'"{sha256(body).hexdigest()}"')
            self.send_header("Content-Type", "application/json")
            size = len(body) if with_body else hub.announced.get(filename, len(body))
            self.send_header("Content-Length", str(size))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
