"""HTTP with an exchange: one host, no redirects, limits on size and time, typed errors without a word of the server's.

A server is trusted with nothing: what it says is not repeated in an error or a log, for it may repeat a credential.
"""

import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.domain.exchange import ExchangeRefusedError, MalformedExchangeError

TIMEOUT_SECONDS = 30.0
"""For connecting, and for each read and write."""
ANSWER_SECONDS = 120.0
"""For a whole answer: a server that sends a byte now and then keeps nobody waiting for long."""
MAX_ANSWER_BYTES = 32 * 1024 * 1024
TRY_LATER = frozenset({408, 425, 429})
MAX_QUERY_CHARS = 8_000


class Wire:
    """Requests to one base address. Every method raises `UnavailableError` or `ExchangeRefusedError`."""

    def __init__(
        self,
        base: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: httpx.BasicAuth | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        max_bytes: int = MAX_ANSWER_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base = checked(base)
        self._answer_seconds = answer_seconds
        self._max_bytes = max_bytes
        self._monotonic = monotonic
        self._http = httpx.Client(
            auth=auth, headers=dict(headers or {}), timeout=timeout_seconds, follow_redirects=False, trust_env=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(
        self, path: str, params: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The body of a successful answer."""
        return self._answer("GET", path, params=dict(params or {}), headers=dict(headers or {}))

    def post_form(self, path: str, form: Mapping[str, str]) -> bytes:
        """Send a form."""
        return self._answer("POST", path, data=dict(form))

    def post_json(self, path: str, value: object, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Send JSON."""
        return self._answer("POST", path, json=value, headers=dict(headers or {}))

    def put_xml(self, path: str, document: bytes) -> bytes:
        """Send XML."""
        return self._answer("PUT", path, content=document, headers={"content-type": "application/xml; charset=utf-8"})

    def _answer(self, method: str, path: str, **request: Any) -> bytes:
        """The body. The cause of an error is cut off: it holds the request, and that the credentials."""
        until = self._monotonic() + self._answer_seconds
        data = bytearray()
        try:
            with self._http.stream(method, f"{self.base}/{path}", **request) as response:
                if not response.is_success:
                    raise _failure(response.status_code, path)
                for chunk in response.iter_bytes():
                    data += chunk
                    if len(data) > self._max_bytes:
                        raise MalformedExchangeError(f"The answer to /{_shown(path)} is over {self._max_bytes} bytes.")
                    if self._monotonic() > until:
                        raise UnavailableError(f"The answer to /{_shown(path)} took over {self._answer_seconds:g} s.")
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise UnavailableError(f"The exchange gave no answer to /{_shown(path)}: {type(error).__name__}.") from None
        return bytes(data)


def checked(base: str) -> str:
    """The address without a slash at its end, when a credential may be sent there: by HTTPS, or to this machine.

    Raises `InvalidInputError`.
    """
    try:
        url = httpx.URL(base)
    except httpx.InvalidURL:
        raise InvalidInputError("The exchange's address is not a URL.") from None
    if url.userinfo or url.query or url.fragment or not url.host:
        raise InvalidInputError("The exchange's address must be a plain URL: credentials are named apart.")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.host)):
        raise InvalidInputError("The exchange's address must start with https://.")
    return base.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def next_query(base: str, path: str, following: str, *, secret_names: frozenset[str] = frozenset()) -> dict[str, str]:
    """The query of a server's "next" address without secrets. Raises `MalformedExchangeError` for another place.

    `following` may be a whole URL or begin with a slash; it must lead to the same host and path as `path` of `base`.
    """
    if len(following) > MAX_QUERY_CHARS or not following.isprintable():
        raise MalformedExchangeError("The next page's address is not one.")
    try:
        wanted, told = urlsplit(f"{base}/{path}"), urlsplit(following)
        same_host = not told.netloc or (told.scheme, told.netloc) == (wanted.scheme, wanted.netloc)
        query = dict(parse_qsl(told.query, keep_blank_values=True, strict_parsing=True, max_num_fields=50))
    except ValueError:
        raise MalformedExchangeError("The next page's address is not one.") from None
    if not same_host or told.path.rstrip("/") not in {wanted.path.rstrip("/"), f"/{path}".rstrip("/")}:
        raise MalformedExchangeError("The next page is said to be elsewhere; it is not followed.")
    return {name: value for name, value in query.items() if name not in secret_names}


def _failure(status: int, path: str) -> ExchangeRefusedError | UnavailableError | MalformedExchangeError:
    message = f"The exchange answered /{_shown(path)} with status {status}."
    if httpx.codes.is_redirect(status):
        return MalformedExchangeError(message, hint="It leads elsewhere; redirects are not followed.")
    if httpx.codes.is_client_error(status) and status not in TRY_LATER:
        hint = "Look at the credentials in the environment." if status in {401, 403} else ""
        return ExchangeRefusedError(message, hint=hint)
    return UnavailableError(message)


def _shown(path: str) -> str:
    """The endpoint alone: other parts of a path name items."""
    named = [part for part in path.split("/") if part.isalpha() and part.islower()]
    return named[-1] if named else "…"
