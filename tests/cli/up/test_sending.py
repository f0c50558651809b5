import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import httpx
import pytest

from moderation.cli.up.sending import Sender, content_key
from moderation.domain.errors import UnavailableError
from moderation.domain.post import Author

Handler = Callable[[httpx.Request], httpx.Response]


ME = Author("me", 1.5, 2)


@dataclass(frozen=True)
class APost:
    name: str = "one.png"
    image: bytes = b"picture"
    caption: str = "a lake"
    prompt: str = "lake"
    author: Author = ME


def accepted(request: httpx.Request) -> httpx.Response:
    return httpx.Response(202, json={"id": request.headers["Idempotency-Key"], "state": "received"})


def sender(handler: Handler, *, window: int = 10, stop: threading.Event | None = None) -> Sender:
    return Sender(
        "http://127.0.0.1:1",
        "secret",
        window=window,
        stop=stop or threading.Event(),
        transport=httpx.MockTransport(handler),
    )


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.01)


def test_a_post_is_sent_as_a_client_would() -> None:
    requests: list[httpx.Request] = []

    def record(request: httpx.Request) -> httpx.Response:
        request.read()
        requests.append(request)
        return accepted(request)

    sending = sender(record)
    sending.start([APost()])
    until(lambda: sending.sent.finished)
    (request,) = requests
    assert request.url.path == "/v1/posts"
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.headers["Idempotency-Key"] == content_key(APost())
    for part in (b'name="caption"', b"a lake", b'name="account_age_days"', b"1.5", b'name="image"', b"picture"):
        assert part in request.content
    assert list(sending.sent.ids.values()) == ["one.png"]


def test_unknown_facts_of_the_author_are_left_out() -> None:
    bodies: list[bytes] = []

    def record(request: httpx.Request) -> httpx.Response:
        bodies.append(request.read())
        return accepted(request)

    sending = sender(record)
    sending.start([APost(author=Author("me"))])
    until(lambda: sending.sent.finished)
    assert b"account_age_days" not in bodies[0]
    assert b"published_posts" not in bodies[0]


def test_the_key_is_the_content() -> None:
    post = APost()
    others = [
        replace(post, name="two.png"),
        replace(post, image=b"other"),
        replace(post, caption="b"),
        replace(post, prompt="b"),
        replace(post, author=Author("you", 1.5, 2)),
        replace(post, author=Author("me", None, 2)),
    ]
    assert content_key(post) == content_key(APost())
    assert len({content_key(other) for other in (post, *others)}) == len(others) + 1


def test_no_more_is_sent_than_the_window_allows() -> None:
    sending = sender(accepted, window=3)
    sending.start([APost(name=str(number)) for number in range(10)])
    until(lambda: len(sending.sent.ids) == 3)
    assert not sending.sent.finished
    sending.settled(list(sending.sent.ids)[:2])
    until(lambda: len(sending.sent.ids) == 5)
    sending.widen(10)
    until(lambda: sending.sent.finished)
    assert len(sending.sent.ids) == 10


def test_posts_that_have_found_their_end_take_up_no_room() -> None:
    def known(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"id": request.headers["Idempotency-Key"], "state": "held"})

    sending = sender(known, window=1)
    sending.start([APost(name=str(number)) for number in range(10)])
    until(lambda: sending.sent.finished)
    assert len(sending.sent.ids) == 10


def test_a_busy_or_absent_api_is_tried_again() -> None:
    answers: Iterator[httpx.Response | Exception] = iter(
        [
            httpx.Response(503, headers={"Retry-After": "0"}),
            httpx.ConnectError("refused"),
            httpx.Response(429, headers={"Retry-After": "0"}),
        ]
    )

    def flaky(request: httpx.Request) -> httpx.Response:
        answer = next(answers, None)
        if answer is None:
            return accepted(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    sending = sender(flaky)
    sending.start([APost()])
    until(lambda: sending.sent.finished)
    assert len(sending.sent.ids) == 1
    assert sending.sent.error is None


def test_what_intake_refuses_is_named_and_the_rest_goes_on() -> None:
    def picky(request: httpx.Request) -> httpx.Response:
        if b"bad" in request.read():
            return httpx.Response(413, json={"title": "Too large", "detail": "The image is too large."})
        return accepted(request)

    sending = sender(picky)
    sending.start([APost(image=b"bad"), APost(name="good.png")])
    until(lambda: sending.sent.finished)
    assert sending.sent.refused == ["one.png: The image is too large."]
    assert list(sending.sent.ids.values()) == ["good.png"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_taken_ends_the_sending(status: int) -> None:
    sending = sender(lambda _request: httpx.Response(status))
    sending.start([APost(), APost(name="two")])
    until(lambda: sending.sent.finished)
    assert isinstance(sending.sent.error, UnavailableError)


def test_a_source_that_breaks_ends_the_sending_with_its_reason() -> None:
    def broken() -> "list[APost]":
        raise UnavailableError("the file has gone")

    sending = sender(accepted)
    sending.start(post for _ in range(1) for post in broken())
    until(lambda: sending.sent.finished)
    assert sending.sent.error is not None
    assert sending.sent.error.message == "the file has gone"


def test_stop_ends_the_sending() -> None:
    stop = threading.Event()
    sending = sender(accepted, window=1, stop=stop)
    sending.start([APost(name=str(number)) for number in range(10)])
    until(lambda: len(sending.sent.ids) == 1)
    stop.set()
    until(lambda: sending.sent.finished)
    assert len(sending.sent.ids) == 1


def test_the_same_post_twice_is_one_post() -> None:
    sending = sender(accepted)
    sending.start([APost(), APost()])
    until(lambda: sending.sent.finished)
    assert len(sending.sent.ids) == 1
