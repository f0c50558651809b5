"""A lane's signs of life, from its first moment: also while it loads models, which may take a minute."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog

from moderation.domain.errors import UnavailableError
from moderation.storage.lanes import LaneBeat, LaneState, LaneStore

log = structlog.get_logger(__name__)

STARTING_BEAT_SECONDS = 1.0


class LaneLife:
    """The heartbeats of one lane, whose `name` must be unique among living lanes.

    A lane whose heartbeat was removed has been given up and replaced, for it was silent for too long; it sets `stop`,
    so that lanes which are merely slow do not add up.
    """

    def __init__(
        self, lanes: LaneStore, *, name: str, run_id: str, stop: threading.Event, clock: Callable[[], datetime]
    ) -> None:
        self._lanes = lanes
        self._name = name
        self._run_id = run_id
        self._stop = stop
        self._clock = clock
        self._started_at = clock()

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Beat in a thread of its own for as long as the block takes. Raises `UnavailableError` without a database."""
        self._beat("starting", 0)
        done = threading.Event()
        thread = threading.Thread(target=self._while_starting, args=(done,), name="lane-starts", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def heartbeat(self, *, posts: int, draining: bool) -> None:
        """See `leases.Heartbeat`."""
        self._insist(known=self._beat("draining" if draining else "working", posts))

    def end(self) -> None:
        """The lane is over."""
        self._lanes.remove(self._name)

    def _while_starting(self, done: threading.Event) -> None:
        while not done.wait(STARTING_BEAT_SECONDS):
            try:
                self._insist(known=self._beat("starting", 0))
            except UnavailableError as error:
                log.warning("heartbeat_missed", reason=error.message, lane=self._name)

    def _insist(self, *, known: bool) -> None:
        if not known and not self._stop.is_set():
            log.warning("lane_given_up", lane=self._name)
            self._stop.set()

    def _beat(self, state: LaneState, posts: int) -> bool:
        """Whether there was a heartbeat to replace."""
        return self._lanes.beat(
            LaneBeat(
                name=self._name,
                run_id=self._run_id,
                host=socket.gethostname(),
                pid=os.getpid(),
                started_at=self._started_at,
                beat_at=self._clock(),
                state=state,
                posts=posts,
            )
        )
