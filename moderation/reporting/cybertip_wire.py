"""HTTP with the CyberTipline: basic authentication, limits on time and size, typed errors without a credential."""

import base64
import time
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, Self

import httpx

from moderation.domain.errors import InvalidInputError, ReportRefusedError, UnavailableError
from moderation.reporting.cybertip_replies import SERVER_CODES, SUCCESS, Reply, read_reply, without
from moderation.reporting.cybertip_validation import MAX_DOCUMENT_BYTES

TEST_URL = "https://exttest.cybertip.org/ispws"
PRODUCTION_URL = "https://report.cybertip.org/ispws"
TIMEOUT_SECONDS = 30.0
"""For connecting, and for each read and write."""
ANSWER_SECONDS = 120.0
"""For a whole answer: a server that sends a byte now and then keeps nobody waiting for long."""
TRY_LATER = frozenset({408, 425, 429})
"""Statuses of the 4xx range that are no refusal."""
_XML = {"content-type": "text/xml; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user name and password that NCMEC issued. Neither shows in the representation."""

    username: str = field(repr=False)
    password: str = field(repr=False)


class Wire:
    """The service's endpoints, one method each. Every method raises `UnavailableError` or `ReportRefusedError`."""

    def __init__(
        self,
        base_url: str,
        credentials: Credentials,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.base_url = _checked(base_url)
        pair = f"{credentials.username}:{credentials.password}"
        self._secrets = (credentials.password, credentials.username, base64.b64encode(pair.encode()).decode())
        self._answer_seconds = answer_seconds
        self._http = httpx.Client(
            auth=httpx.BasicAuth(credentials.username, credentials.password),
            timeout=timeout_seconds,
            follow_redirects=False,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        """The same object."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def status(self) -> None:
        """GET /status: return when the service answers and takes the credentials."""
        self._reply("GET", "status")

    def xsd(self) -> bytes:
        """GET /xsd: the schema in force, as it came."""
        status, body, request_id = self._exchange("GET", "xsd")
        if status != httpx.codes.OK:
            raise self._failure(status, None, request_id)
        return body

    def submit(self, report_xml: bytes) -> Reply:
        """POST /submit: open a report."""
        return self._reply("POST", "submit", content=report_xml, headers=_XML)

    def upload(self, report_id: int, image: bytes) -> Reply:
        """POST /upload: add the image to an open report. Its own name is in the file details, not in the form."""
        return self._reply("POST", "upload", files={"id": (None, str(report_id)), "file": ("image", image)})

    def fileinfo(self, file_details_xml: bytes) -> Reply:
        """POST /fileinfo: describe an uploaded image, once."""
        return self._reply("POST", "fileinfo", content=file_details_xml, headers=_XML)

    def finish(self, report_id: int) -> tuple[Reply, bytes]:
        """POST /finish: file the report. The answer's bytes are the legal receipt."""
        return self._reply_and_bytes("POST", "finish", files={"id": (None, str(report_id))})

    def retract(self, report_id: int) -> Reply:
        """POST /retract: cancel a report that is not finished."""
        return self._reply("POST", "retract", files={"id": (None, str(report_id))})

    def _reply(self, method: str, path: str, **body: Any) -> Reply:
        return self._reply_and_bytes(method, path, **body)[0]

    def _reply_and_bytes(self, method: str, path: str, **body: Any) -> tuple[Reply, bytes]:
        """The reply when its code is success. A 4xx without a readable reply is a refusal too, by its status."""
        status, data, request_id = self._exchange(method, path, **body)
        if httpx.codes.is_server_error(status) or httpx.codes.is_redirect(status):
            raise self._failure(status, None, request_id)
        try:
            reply = read_reply(data)
        except UnavailableError:
            if httpx.codes.is_client_error(status):
                raise self._failure(status, None, request_id) from None
            raise
        if reply.code != SUCCESS or not httpx.codes.is_success(status):
            raise self._failure(status, reply, request_id)
        return reply, data

    def _exchange(self, method: str, path: str, **body: Any) -> tuple[int, bytes, str]:
        """Status, body and request id. The cause is cut off: it holds the request, and that the credentials."""
        until = time.monotonic() + self._answer_seconds
        data = bytearray()
        try:
            with self._http.stream(method, f"{self.base_url}/{path}", **body) as response:
                for chunk in response.iter_bytes():
                    data += chunk
                    if len(data) > MAX_DOCUMENT_BYTES or time.monotonic() > until:
                        raise UnavailableError(f"The CyberTipline's answer to /{path} is too long or too slow.")
                return response.status_code, bytes(data), response.headers.get("request-id", "")
        except httpx.HTTPError as error:
            raise UnavailableError(f"The CyberTipline gave no answer to /{path}: {type(error).__name__}.") from None

    def _failure(self, status: int, reply: Reply | None, request_id: str) -> ReportRefusedError | UnavailableError:
        code = reply.code if reply is not None else None
        words = f": {without(self._secrets, reply.words)}" if reply is not None and reply.words else ""
        message = f"The CyberTipline answered with status {status}, code {'-' if code is None else code}{words}"
        reference = without(self._secrets, request_id)
        hint = f"NCMEC finds the request as {reference}." if reference else ""
        refused = httpx.codes.is_client_error(status) and status not in TRY_LATER
        if refused or (code is not None and code not in SERVER_CODES and code != SUCCESS):
            return ReportRefusedError(message, response_code=code, hint=hint)
        return UnavailableError(message, hint=hint)


def _checked(base_url: str) -> str:
    """The URL without a slash at its end, when a password may be sent there: by HTTPS, or to this machine."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        raise InvalidInputError("The CyberTipline's address is not a URL.") from None
    if url.userinfo or url.query or url.fragment or not url.host:
        raise InvalidInputError("The CyberTipline's address must be a plain URL: credentials are given apart.")
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
        raise InvalidInputError("The CyberTipline's address must start with https://.")
    return base_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
