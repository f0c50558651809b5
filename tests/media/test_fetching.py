"""Fetching by URL from a loopback server, with a resolver that lies."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.errors import ModerationError, TooLargeError
from moderation.media.addresses import is_public, parse_allowed
from moderation.media.fetching import Fetcher, FetchFailedError, FetchRefusedError, FetchRules

PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
LOOPBACK = "127.0.0.1"
HOST = "images.example"
SECRET = "not-to-be-told"

Respond = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    """A server on the loopback interface; `seen` has the head of every request."""

    port: int = 0
    seen: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}/a.png?token={SECRET}"


@dataclass
class Names:
    """A resolver: each look-up of a name takes the next of its answers, the last one for ever."""

    answers: dict[str, list[list[str]]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        known = self.answers.get(host)
        if known is None:
            raise OSError("no such name")
        return known.pop(0) if len(known) > 1 else known[0]


@asynccontextmanager
async def serving(respond: Respond, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()

    tasks: set[asyncio.Task[None] | None] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            server.seen.append(head)
            await respond(head, writer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            tasks.discard(asyncio.current_task())

    listening = await asyncio.start_server(answer, LOOPBACK, 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        try:
            yield server
        finally:
            for task in [task for task in tasks if task is not None]:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await asyncio.sleep(0)


def answer_with(body: bytes = PNG, *, status: str = "200 OK", **headers: str) -> Respond:
    async def respond(_head: str, writer: asyncio.StreamWriter) -> None:
        stated = {"Content-Type": "image/png", "Content-Length": str(len(body)), "Connection": "close"}
        stated |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in stated.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return respond


def redirect_to(*locations: str) -> Respond:
    """The first request is sent to the first location and so on; after the last comes the picture."""
    left = list(locations)

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        if left:
            await answer_with(b"", status="302 Found", Location=left.pop(0))(head, writer)
        else:
            await answer_with()(head, writer)

    return respond


def fetch(
    respond: Respond,
    *,
    url: Callable[[Server], str] = lambda server: server.url,
    answers: dict[str, list[list[str]]] | None = None,
    hosts: Sequence[str] = (HOST,),
    inside: bool = True,
    **rules: Any,
) -> tuple[bytes, Server, Names]:
    """Fetch from a server that answers so; `inside`: the loopback interface counts as public."""
    names = Names(answers if answers is not None else {HOST: [[LOOPBACK]]})

    async def ask() -> tuple[bytes, Server, Names]:
        async with serving(respond) as server:
            allowed = tuple(parse_allowed(f"{host}:{server.port}" if ":" not in host else host) for host in hosts)
            chosen = FetchRules(allowed, **{"max_bytes": 10_000, "seconds": 5.0} | rules)
            public = (lambda address: address in {LOOPBACK, "::1"}) if inside else is_public
            fetcher = Fetcher(chosen, resolver=names, public=public, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
            try:
                return await fetcher.fetch(url(server)), server, names
            finally:
                await fetcher.close()

    return asyncio.run(ask())


def refusal(error: type[ModerationError], respond: Respond | None = None, **asked: Any) -> ModerationError:
    with pytest.raises(error) as caught:
        fetch(respond or answer_with(), **asked)
    assert SECRET not in caught.value.message
    return caught.value


def test_a_picture_is_fetched_with_the_names_host_and_no_credentials() -> None:
    found, server, names = fetch(answer_with())
    assert found == PNG
    (head,) = server.seen
    assert f"host: {HOST}:{server.port}" in head.lower()
    assert "cookie" not in head.lower()
    assert "authorization" not in head.lower()
    assert names.asked == [HOST]


def test_nothing_is_fetched_unless_hosts_are_allowed() -> None:
    assert refusal(FetchRefusedError, hosts=()).code == "fetch_refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://other.example/a.png",
        "http://{host}/a.png",
        "http://127.0.0.1:{port}/a.png",
        "http://2130706433:{port}/a.png",
        "http://0x7f000001:{port}/a.png",
        "http://0x7f.1:{port}/a.png",
        "http://0177.0.0.1:{port}/a.png",
        "http://127.1:{port}/a.png",
        "http://[::1]:{port}/a.png",
        "http://[::ffff:127.0.0.1]:{port}/a.png",
        "http://[::ffff:7f00:1]:{port}/a.png",
        "http://user:password@{host}:{port}/a.png",
        "http://{host}@127.0.0.1:{port}/a.png",
        "http://{host}:{port}@evil.example/a.png",
        "http://{host}:{port}\\@evil.example/a.png",
        "http://{host}.:{port}/a.png",
        "http://{host}%00.evil.example:{port}/a.png",
        "http://{host}%2eevil:{port}/a.png",
        "http://im\u0430ges.example:{port}/a.png",
        "file:///etc/passwd",
        "ftp://{host}:{port}/a.png",
        "gopher://{host}:{port}/a.png",
        "//{host}:{port}/a.png",
        "{host}:{port}/a.png",
        "http:///a.png",
        "http://{host}:{port}/a b.png",
        "http://{host}:{port}/\r\nX: 1",
        "http://{host}:99999/a.png",
        "http://xn--a:{port}/a.png",
        "http://xn--.{host}:{port}/a.png",
        "http://xn---:{port}/a.png",
        "",
        "http://{host}:{port}/" + "a" * 3_000,
    ],
)
def test_a_url_that_is_not_allowed_is_refused_unasked(url: str) -> None:
    reached: list[Server] = []

    def filled(server: Server) -> str:
        reached.append(server)
        return url.replace("{host}", HOST).replace("{port}", str(server.port))

    answers = {HOST: [[LOOPBACK]], "other.example": [[LOOPBACK]], "evil.example": [[LOOPBACK]]}
    refusal(FetchRefusedError, url=filled, answers=answers)
    assert reached[0].seen == []


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f000001", "localhost", "127.1"])
def test_the_list_of_hosts_opens_no_way_inside(host: str) -> None:
    """Even an allowed host's address must be public."""
    refusal(
        FetchRefusedError,
        url=lambda server: f"http://{host}:{server.port}/",
        hosts=("127.0.0.1", "localhost", "*"),
        answers={name: [[LOOPBACK]] for name in ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001")},
        inside=False,
    )


@pytest.mark.parametrize(
    "addresses",
    [
        [LOOPBACK],
        ["10.0.0.5"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fd00:ec2::254"],
        ["64:ff9b::7f00:1"],
        ["8.8.8.8", "10.0.0.5"],
        ["8.8.8.8", "::1"],
        [],
    ],
)
def test_every_address_of_the_name_must_be_public(addresses: list[str]) -> None:
    refusal(FetchRefusedError, answers={HOST: [addresses]}, inside=False)


def test_a_name_that_is_unknown_is_told_from_one_inside_by_nothing() -> None:
    unknown = refusal(FetchRefusedError, answers={}, inside=False)
    inside = refusal(FetchRefusedError, answers={HOST: [["10.0.0.5"]]}, inside=False)
    not_listed = refusal(FetchRefusedError, url=lambda _: "http://other.example/", inside=False)
    assert unknown.message == inside.message == not_listed.message


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A second look-up would answer with another address (rebinding); there is none."""
    found, server, names = fetch(answer_with(), answers={HOST: [[LOOPBACK], ["10.0.0.5"]]})
    assert found == PNG
    assert len(server.seen) == 1
    assert names.asked == [HOST]


def test_an_address_that_does_not_answer_is_passed_over_for_the_next() -> None:
    found, server, names = fetch(answer_with(), answers={HOST: [["::1", LOOPBACK]]})
    assert found == PNG
    assert len(server.seen) == 1
    assert names.asked == [HOST]
    refusal(FetchFailedError, answers={HOST: [["::1", "::1"]]})


def test_an_address_that_hangs_leaves_time_for_the_next() -> None:
    """Nobody accepts at the first address, and its queue is full: a connection to it is neither made nor refused."""
    names = Names({HOST: [["::1", LOOPBACK]]})

    async def ask() -> bytes:
        async with serving(answer_with()) as server:
            rules = FetchRules((parse_allowed(f"{HOST}:{server.port}"),), 10_000, seconds=2.0)
            fetcher = Fetcher(rules, resolver=names, public=lambda _: True, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
            with ExitStack() as opened:
                queue = opened.enter_context(socket.socket(socket.AF_INET6))
                queue.bind(("::1", server.port))
                queue.listen(0)
                for _ in range(3):
                    waiting = opened.enter_context(socket.socket(socket.AF_INET6))
                    waiting.setblocking(False)
                    waiting.connect_ex(("::1", server.port))
                try:
                    return await fetcher.fetch(server.url)
                finally:
                    await fetcher.close()

    assert asyncio.run(ask()) == PNG


@pytest.mark.parametrize("address", ["2606:4700::1", "93.184.215.14"])
def test_any_checked_address_can_stand_in_for_the_name(address: str) -> None:
    pinned = httpx.URL(f"https://{HOST}:8443/a.png?b=1").copy_with(host=address)
    assert pinned.host == address
    assert (pinned.port, pinned.raw_path) == (8443, b"/a.png?b=1")


def test_redirects_are_followed_and_each_is_checked() -> None:
    found, server, names = fetch(redirect_to("/b.png", "c.png", "../d.png"))
    assert found == PNG
    assert [head.split()[1] for head in server.seen][1:] == ["/b.png", "/c.png", "/d.png"]
    assert len(names.asked) == 4


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://inside.example:{port}/",
        "//inside.example:{port}/",
        "file:///etc/passwd",
        "http://user@images.example:{port}/",
        "http://0x7f.1:{port}/",
        "http://[::1]:{port}/",
        "gopher://images.example:{port}/_x",
    ],
)
def test_a_redirect_into_a_private_range_is_refused(location: str) -> None:
    asked: list[Server] = []

    async def respond(head: str, writer: asyncio.StreamWriter) -> None:
        where = location.replace("{port}", str(asked[0].port))
        await answer_with(b"", status="302 Found", Location=where)(head, writer)

    def remembered(server: Server) -> str:
        asked.append(server)
        return server.url

    answers = {HOST: [[LOOPBACK]], "inside.example": [["10.0.0.5"]], "localhost": [[LOOPBACK]]}
    refusal(FetchRefusedError, respond, url=remembered, hosts=(HOST, "inside.example"), answers=answers)
    assert len(asked[0].seen) == 1


def test_a_name_that_is_bound_anew_between_redirects_is_checked_again() -> None:
    refusal(FetchRefusedError, redirect_to("/b.png"), answers={HOST: [[LOOPBACK], ["10.0.0.5"]]})


def test_redirects_end() -> None:
    refusal(FetchFailedError, redirect_to("/1", "/2", "/3", "/4"))
    refusal(FetchFailedError, redirect_to("/1", "/2"), max_redirects=1)


@pytest.mark.parametrize(
    "location",
    [
        "http://[",
        "http://images.example:port/",
        "http://\x7f/",
        "http://xn--a/",
        "//xn--a",
        "http:////[:]",
        "http:////][",
    ],
)
def test_a_redirect_to_nonsense_is_refused(location: str) -> None:
    with pytest.raises((FetchRefusedError, FetchFailedError)):
        fetch(redirect_to(location))


@pytest.mark.parametrize("status", ["404 Not Found", "500 No", "206 Partial Content", "204 No Content", "301 Moved"])
def test_an_answer_without_a_picture_is_a_failure(status: str) -> None:
    refusal(FetchFailedError, answer_with(b"", status=status))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<html>", {"Content_Type": "text/html"}),
        (PNG, {"Content_Type": "text/html"}),
        (b"<html>", {}),
        (b"", {}),
        (PNG, {"Content_Encoding": "gzip"}),
        (PNG, {"Content_Encoding": "br"}),
        (b"%PDF-1.7", {"Content_Type": "application/octet-stream"}),
    ],
)
def test_what_is_no_picture_is_a_failure(body: bytes, headers: dict[str, str]) -> None:
    refusal(FetchFailedError, answer_with(body, **headers))


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/WEBP; q=1", "application/octet-stream", ""])
def test_kinds_that_may_be_a_picture_are_taken(kind: str) -> None:
    assert fetch(answer_with(Content_Type=kind))[0] == PNG


def test_a_body_that_says_that_it_is_huge_is_not_read() -> None:
    refusal(TooLargeError, answer_with(PNG, Content_Length="10001"))


def test_a_body_that_turns_out_huge_is_cut_off() -> None:
    async def endless(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + PNG)
        while True:
            writer.write(bytes(4096))
            await writer.drain()

    refusal(TooLargeError, endless)


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
def test_a_slow_drip_ends_in_time(part: bytes) -> None:
    async def drip(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(part)
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.02)

    refusal(FetchFailedError, drip, seconds=0.2)


def test_a_resolver_that_hangs_ends_in_time() -> None:
    async def never(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    fetcher = Fetcher(
        FetchRules((parse_allowed(HOST),), 1_000, seconds=0.1),
        resolver=never,
        tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    with pytest.raises(FetchFailedError):
        asyncio.run(fetcher.fetch(f"http://{HOST}/"))


def test_a_server_that_hangs_up_or_speaks_nonsense_is_a_failure() -> None:
    async def nonsense(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00\xff" * 50 + b"\r\n\r\n")

    async def nothing(_head: str, _writer: asyncio.StreamWriter) -> None:
        pass

    for respond in (nonsense, nothing, answer_with(PNG, Content_Length=str(len(PNG) + 5))):
        refusal(FetchFailedError, respond)


def test_headers_without_end_are_a_failure() -> None:
    async def endless(_head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-A: " + b"a" * 4096 + b"\r\n")
            await writer.drain()

    refusal(FetchFailedError, endless)


def self_signed(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a server of that name shows, and what a client trusts that trusts it."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    asked = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    asked += [
        "-keyout",
        str(key),
        "-out",
        str(certificate),
        "-subj",
        f"/CN={name}",
        "-addext",
        f"subjectAltName=DNS:{name}",
    ]
    subprocess.run(asked, check=True, capture_output=True)
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(certificate, key)
    return shown, ssl.create_default_context(cafile=str(certificate))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates with openssl")
def test_https_checks_the_certificate(tmp_path: Path) -> None:
    """A certificate that nobody vouches for is none, and a client must not fall back to anything."""

    async def ask(trusted: ssl.SSLContext, certificate: ssl.SSLContext) -> bytes:
        async with serving(answer_with(), tls=certificate) as server:
            rules = FetchRules((parse_allowed(f"{HOST}:{server.port}"),), 1_000, seconds=5)
            fetcher = Fetcher(rules, resolver=Names({HOST: [[LOOPBACK]]}), public=lambda _: True, tls=trusted)
            try:
                return await fetcher.fetch(f"https://{HOST}:{server.port}/")
            finally:
                await fetcher.close()

    for name, trusted in ((HOST, False), ("other.example", True)):
        certificate, authority = self_signed(name, tmp_path)
        with pytest.raises(FetchFailedError):
            asyncio.run(ask(authority if trusted else ssl.create_default_context(), certificate))
    certificate, authority = self_signed(HOST, tmp_path)
    assert asyncio.run(ask(authority, certificate)) == PNG


@given(url=st.text(max_size=80) | st.from_regex(r"https?://[a-z0-9.:@\[\]%\\-]{0,40}(/[!-~]{0,20})?", fullmatch=True))
def test_any_text_as_a_url_is_refused_typed(url: str) -> None:
    fetcher = Fetcher(
        FetchRules((parse_allowed("*"),), 1_000, seconds=5),
        resolver=Names({}),
        tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    with pytest.raises((FetchRefusedError, FetchFailedError)):
        asyncio.run(fetcher.fetch(url))
