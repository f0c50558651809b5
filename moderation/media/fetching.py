"""Fetching a picture by its URL: only from hosts that were allowed, and never from inside the own network.

The name is resolved once; every address must be public, and the connection goes to an address that was checked, so that
a second look-up with another answer (DNS rebinding) changes nothing. Redirects are followed by hand, each checked
like the first URL.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from moderation.domain.errors import InvalidInputError, TooLargeError
from moderation.media.addresses import DEFAULT_PORTS, AllowedHost, is_allowed, is_public
from moderation.media.sniff import sniff

MAX_URL_CHARS = 2_048
MAX_REDIRECTS = 3
AT_ONCE = 4
"""Fetches at the same time; a further one waits its turn within its own time."""
CLIENT = "moderation"

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host, for a port."""


class FetchRefusedError(InvalidInputError):
    """The URL may not be fetched. Why is told no closer: answers must not map the network behind the server."""

    code = "fetch_refused"


class FetchFailedError(InvalidInputError):
    """What the URL names did not answer with a picture."""

    code = "fetch_failed"


@dataclass(frozen=True, slots=True)
class FetchRules:
    """What may be fetched. No `hosts`: nothing. `seconds` are for the whole fetch, redirects included."""

    hosts: tuple[AllowedHost, ...]
    max_bytes: int
    seconds: float = 10.0
    max_redirects: int = MAX_REDIRECTS


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL that passed the checks; `pinned` are the same with each checked address in place of the name."""

    url: httpx.URL
    pinned: tuple[httpx.URL, ...]


async def resolve(host: str, port: int) -> list[str]:
    """The system's answer. Raises `OSError` when there is none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class Fetcher:
    """Fetches pictures under `rules`. Belongs to one event loop. Tests bring a `resolver` and `public` of their own.

    `tls` holds the authorities that are trusted; None: the well-known ones, loaded at the first fetch.
    """

    def __init__(
        self,
        rules: FetchRules,
        *,
        resolver: Resolve = resolve,
        public: Callable[[str], bool] = is_public,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._rules = rules
        self._resolve = resolver
        self._public = public
        self._tls = tls
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._client: httpx.AsyncClient | None = None

    async def fetch(self, url: str) -> bytes:
        """The picture's bytes, at least well begun: their first bytes are those of a format that the decoder takes.

        Raises `FetchRefusedError` for a URL that is not allowed, `TooLargeError`, `FetchFailedError` for anything
        else that goes wrong; none repeats the URL.
        """
        if not self._rules.hosts:
            raise FetchRefusedError("Fetching by URL is turned off.", hint="Send the picture itself.")
        try:
            async with asyncio.timeout(self._rules.seconds), self._turns:
                if self._tls is None:
                    self._tls = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
                return await self._follow(url, self._connected(self._tls))
        except TimeoutError as error:
            raise FetchFailedError(f"The picture did not arrive within {self._rules.seconds:g} seconds.") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            # Of a redirect to an ill-formed name, httpx lets a bare ValueError through.
            raise FetchFailedError("The address did not answer.") from error

    async def close(self) -> None:
        """Close idle connections. May be called twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _follow(self, url: str, client: httpx.AsyncClient) -> bytes:
        for _ in range(self._rules.max_redirects + 1):
            target = await self._checked(url)
            answer = await self._ask(target, client)
            if isinstance(answer, bytes):
                return answer
            url = answer
        raise FetchFailedError(f"There are more than {self._rules.max_redirects} redirects.")

    async def _checked(self, url: str) -> _Target:
        """Parse, check and pin a URL. Raises `FetchRefusedError`."""
        parsed = _parsed(url)
        host, port = _host(parsed), parsed.port or DEFAULT_PORTS[parsed.scheme]
        if not is_allowed(host, parsed.scheme, port, self._rules.hosts):
            raise _refused()
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise _refused() from error
        if not addresses or not all(map(self._public, addresses)):
            raise _refused()
        return _Target(parsed, tuple(parsed.copy_with(host=address) for address in dict.fromkeys(addresses)))

    async def _ask(self, target: _Target, client: httpx.AsyncClient) -> bytes | str:
        """The picture, or where the answer sends us; of several addresses the first that lets us connect."""
        for pinned in target.pinned[:-1]:
            try:
                return await self._ask_at(pinned, target, client)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._ask_at(target.pinned[-1], target, client)

    async def _ask_at(self, pinned: httpx.URL, target: _Target, client: httpx.AsyncClient) -> bytes | str:
        name = target.url.netloc.decode("ascii")
        headers = {"Host": name, "User-Agent": CLIENT, "Accept": "image/*", "Accept-Encoding": "identity"}
        extensions = {"sni_hostname": _host(target.url)}
        patience = httpx.Timeout(self._rules.seconds, connect=self._rules.seconds / (len(target.pinned) + 1))
        stream = client.stream("GET", pinned, headers=headers, extensions=extensions, timeout=patience)
        async with stream as response:
            if response.has_redirect_location:
                return str(target.url.join(response.headers["location"]))
            if response.status_code != httpx.codes.OK:
                raise FetchFailedError("The address answered with no picture.")
            _check_headers(response.headers)
            return await self._body(response)

    async def _body(self, response: httpx.Response) -> bytes:
        limit = self._rules.max_bytes
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and len(declared) < MAX_URL_CHARS and int(declared) > limit:
            raise _too_large(limit)
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
        if sniff(bytes(body[:4096])) is None:
            raise FetchFailedError("The address answered with no picture.")
        return bytes(body)

    def _connected(self, tls: ssl.SSLContext) -> httpx.AsyncClient:
        """The client: no proxy, no cookies, no credentials of the environment, nothing followed, nothing kept open."""
        if self._client is None:
            cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
            limits = httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=0)
            self._client = httpx.AsyncClient(
                verify=tls,
                timeout=self._rules.seconds,
                follow_redirects=False,
                trust_env=False,
                cookies=cookies,
                limits=limits,
            )
        return self._client


def _parsed(url: str) -> httpx.URL:
    if len(url) > MAX_URL_CHARS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise _refused()
    try:
        parsed = httpx.URL(url)
        named = parsed.scheme in DEFAULT_PORTS and not parsed.userinfo and bool(parsed.host)
    except (httpx.InvalidURL, ValueError) as error:
        raise _refused() from error
    if not named:
        raise _refused()
    return parsed.copy_with(fragment=None)


def _host(url: httpx.URL) -> str:
    """The host as it goes over the network: lower case, international names in their ASCII form."""
    return url.raw_host.decode("ascii").lower()


def _check_headers(headers: httpx.Headers) -> None:
    """Only what says that it is a picture, or says nothing; no compression, which would hide the size."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and not kind.startswith("image/") and kind not in {"application/octet-stream", "binary/octet-stream"}:
        raise FetchFailedError("The address answered with no picture.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise FetchFailedError("The address answered with compressed bytes.")


def _refused() -> FetchRefusedError:
    return FetchRefusedError("This address may not be fetched.", hint="Send the picture itself.")


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The picture has more than {limit} bytes.")
