"""Follows the posts that were sent until each has found its end."""

import time
from collections.abc import Callable

from moderation.cli.up.display import Display
from moderation.cli.up.installation import Installation
from moderation.cli.up.interrupts import Interrupts
from moderation.cli.up.outcomes import UNSETTLED, settled
from moderation.cli.up.sending import Sender
from moderation.domain.errors import UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.post import Post
from moderation.storage.posts import PostStore

POLL_SECONDS = 0.2
LANE_SECONDS = 30.0
"""How long posts wait to be sent until a lane works; then they are sent all the same, and may become overdue."""


class Watch:
    """The posts of this run and their states."""

    def __init__(self, store: PostStore, sender: Sender) -> None:
        self._store = store
        self._sender = sender
        self.posts: dict[PostId, Post] = {}

    def look(self) -> int:
        """Read the states of what was not settled yet; returns how many posts are. Raises `UnavailableError`."""
        waiting = [post_id for post_id in list(self._sender.sent.ids) if not self._has_ended(post_id)]
        if waiting:
            self.posts.update(self._store.many(waiting))
        self._sender.settled(post_id for post_id in waiting if self._has_ended(post_id))
        return settled(self.posts)

    def _has_ended(self, post_id: PostId) -> bool:
        return post_id in self.posts and self.posts[post_id].state not in UNSETTLED

    def over(self) -> bool:
        """True when everything was sent and has found its end."""
        sent = self._sender.sent
        return sent.finished and settled(self.posts) == len(sent.ids)


def follow(  # noqa: PLR0913 - what it looks at, what it shows, and when it gives up
    watch: Watch,
    sender: Sender,
    installation: Installation,
    display: Display,
    interrupts: Interrupts,
    *,
    total: Callable[[], int | None],
    window: int,
    patience_seconds: float,
) -> bool:
    """Show progress until every post has found its end (True), or none has for `patience_seconds` (False).

    `window` posts are on their way at once as soon as a lane works, or after `LANE_SECONDS` without one. Also False
    when interrupted. Raises what ended the sending.
    """
    started_at = moved_at = time.monotonic()
    before, lanes = -1, 0
    while not interrupts.stop.wait(POLL_SECONDS):
        for line in installation.look_after():
            display.say(line)
        try:
            count = watch.look()
            lanes = installation.living_lanes()
            if installation.lane_works() or time.monotonic() - started_at > LANE_SECONDS:
                sender.widen(window)
        except UnavailableError as error:
            display.phase(f"waiting: {error.message}")
            continue
        if lanes:
            installation.start_webserver()
        display.progress(watch.posts, settled=count, total=total(), lanes=lanes)
        if sender.sent.error:
            raise sender.sent.error
        if watch.over():
            return True
        if count != before:
            moved_at, before = time.monotonic(), count
        elif time.monotonic() - moved_at > patience_seconds:
            return False
    return False
