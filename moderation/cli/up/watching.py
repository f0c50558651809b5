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


class Watch:
    """The posts of this run and their states."""

    def __init__(self, store: PostStore, sender: Sender) -> None:
        self._store = store
        self._sender = sender
        self.posts: dict[PostId, Post] = {}

    def look(self) -> int:
        """Read the states of what was not settled yet; returns how many posts are. Raises `UnavailableError`."""
        waiting = [
            post_id
            for post_id in list(self._sender.sent.ids)
            if post_id not in self.posts or self.posts[post_id].state in UNSETTLED
        ]
        if waiting:
            self.posts.update(self._store.many(waiting))
        count = settled(self.posts)
        self._sender.settled(count)
        return count

    def over(self) -> bool:
        """True when everything was sent and has found its end."""
        sent = self._sender.sent
        return sent.finished and settled(self.posts) == len(sent.ids)


def follow(
    watch: Watch,
    sender: Sender,
    installation: Installation,
    display: Display,
    interrupts: Interrupts,
    *,
    total: Callable[[], int | None],
    patience_seconds: float,
) -> bool:
    """Show progress until every post has found its end (True), or none has for `patience_seconds` (False).

    Also False when interrupted. Raises what ended the sending.
    """
    moved_at, before, lanes = time.monotonic(), -1, 0
    while not interrupts.stop.wait(POLL_SECONDS):
        for line in installation.look_after():
            display.say(line)
        try:
            count = watch.look()
            lanes = installation.living_lanes()
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
