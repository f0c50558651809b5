"""Sends posts through the real intake, as any client would, and never more than screening can follow."""

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

import httpx

from moderation.cli.up.outcomes import UNSETTLED
from moderation.domain.errors import ModerationError, UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.post import Author

SENDERS = 4
RETRY_SECONDS = 120.0
"""How long a post is tried again while the API does not answer or asks for patience."""

FIRST_PAUSE_SECONDS = 0.25
MAX_PAUSE_SECONDS = 5.0
LOOK_SECONDS = 0.05


class Sendable(Protocol):
    """A post of any source; `name` says where it comes from."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def image(self) -> bytes: ...  # noqa: D102
    @property
    def caption(self) -> str: ...  # noqa: D102
    @property
    def prompt(self) -> str: ...  # noqa: D102
    @property
    def author(self) -> Author: ...  # noqa: D102


@dataclass(slots=True)
class Sent:
    """What has been sent so far. Read it from any thread; only the sender changes it."""

    ids: dict[PostId, str] = field(default_factory=dict)
    """The accepted posts in order of acceptance, with the name each was sent under."""
    refused: list[str] = field(default_factory=list)
    finished: bool = False
    error: ModerationError | None = None


class Sender:
    """Sends posts in the background. The same post sent again is the same post: its key is its content."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        window: int,
        stop: threading.Event,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=httpx.Timeout(30.0, connect=5.0),
            trust_env=False,
            transport=transport,
        )
        self._window = window
        self._stop = stop
        self._lock = threading.Lock()
        self._waiting: set[PostId] = set()
        self._flying = 0
        self.sent = Sent()

    def start(self, posts: Iterable[Sendable]) -> None:
        """Send `posts` on a thread of its own; they are taken from the iterable as screening makes room."""
        threading.Thread(target=self._send_all, args=(posts,), name="sender", daemon=True).start()

    def widen(self, window: int) -> None:
        """Allow so many posts on their way at once."""
        with self._lock:
            self._window = window

    def settled(self, ids: Iterable[PostId]) -> None:
        """Tell which of the accepted posts have found their end, so that more may be sent."""
        with self._lock:
            self._waiting.difference_update(ids)

    def _send_all(self, posts: Iterable[Sendable]) -> None:
        try:
            with self._client, ThreadPoolExecutor(SENDERS, thread_name_prefix="send") as pool:
                for post in posts:
                    self._wait_for_room()
                    if self._stop.is_set() or self.sent.error:
                        break
                    with self._lock:
                        self._flying += 1
                    pool.submit(self._send, post)
        except ModerationError as error:
            self.sent.error = error
        except Exception as error:  # noqa: BLE001 - shown as the reason why sending ended, never swallowed
            self.sent.error = UnavailableError(f"The posts could not be read: {error!r}.")
        finally:
            self.sent.finished = True

    def _wait_for_room(self) -> None:
        while not self._stop.is_set() and not self.sent.error:
            with self._lock:
                if self._flying + len(self._waiting) < self._window:
                    return
            self._stop.wait(LOOK_SECONDS)

    def _send(self, post: Sendable) -> None:
        try:
            self._post(post)
        except ModerationError as error:
            self.sent.error = error
        except Exception as error:  # noqa: BLE001 - shown as the reason why sending ended, never swallowed
            self.sent.error = UnavailableError(f"{post.name} could not be sent: {error!r}.")
        finally:
            with self._lock:
                self._flying -= 1

    def _post(self, post: Sendable) -> None:
        waited, pause = 0.0, FIRST_PAUSE_SECONDS
        while not self._stop.is_set():
            problem, patience = self._try(post)
            if not problem:
                return
            if waited > RETRY_SECONDS:
                raise UnavailableError(f"{post.name} was not accepted for {waited:.0f} s: {problem}")
            pause = patience or min(MAX_PAUSE_SECONDS, pause * 2)
            self._stop.wait(pause)
            waited += pause

    def _try(self, post: Sendable) -> tuple[str, float]:
        """Why the post must be sent again, and after how many seconds (0: as you like); "" when it is done with."""
        try:
            reply = self._client.post(
                "/v1/posts",
                data=_fields(post),
                files={"image": ("image", post.image, "application/octet-stream")},
                headers={"Idempotency-Key": content_key(post)},
            )
        except httpx.TransportError as error:
            return repr(error), 0.0
        if reply.is_success:
            self._accepted(post, reply.json())
            return "", 0.0
        if reply.status_code == httpx.codes.TOO_MANY_REQUESTS or reply.is_server_error:
            return f"HTTP {reply.status_code}", _seconds(reply.headers.get("Retry-After", ""))
        if reply.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            raise UnavailableError(f"The API does not take this key: HTTP {reply.status_code}.")
        self.sent.refused.append(f"{post.name}: {_problem(reply)}")
        return "", 0.0

    def _accepted(self, post: Sendable, view: Mapping[str, object]) -> None:
        """Note an accepted post. One that was sent before and has found its end takes up no room."""
        post_id = PostId(str(view["id"]))
        with self._lock:
            if post_id not in self.sent.ids and view.get("state") in UNSETTLED:
                self._waiting.add(post_id)
            self.sent.ids.setdefault(post_id, post.name)


def content_key(post: Sendable) -> str:
    """An idempotency key that is the same for the same post, and for no other."""
    author = post.author
    parts = (post.name, post.caption, post.prompt, author.id, author.account_age_days, author.published_posts)
    return sha256(repr(parts).encode() + b"\0" + post.image).hexdigest()


def _fields(post: Sendable) -> dict[str, str]:
    author = post.author
    optional = {"account_age_days": author.account_age_days, "published_posts": author.published_posts}
    known = {name: str(value) for name, value in optional.items() if value is not None}
    return {"caption": post.caption, "prompt": post.prompt, "author": author.id, **known}


def _seconds(header: str) -> float:
    return min(MAX_PAUSE_SECONDS, float(header)) if header.isdecimal() else 0.0


def _problem(reply: httpx.Response) -> str:
    try:
        document = reply.json()
    except ValueError:
        return f"HTTP {reply.status_code}"
    return str(document.get("detail") or document.get("title") or f"HTTP {reply.status_code}")
