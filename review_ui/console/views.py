"""Which looks at pictures were audited a moment ago."""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

VIEW_SECONDS = 120.0
"""Frames asked for within this time under one view's id are one look, and one audit event."""
KEPT_VIEWS = 10_000


class Views:
    """Which looks this process has audited a moment ago. Forgetting one only means that it is audited again."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, ...], datetime] = OrderedDict()
        self._turn = threading.Lock()

    def is_new(self, *key: str, now: datetime) -> bool:
        """Whether this look has to be audited: it is the first of its id, or its time is over."""
        with self._turn:
            begun = self._seen.get(key)
            if begun is not None and now - begun < timedelta(seconds=VIEW_SECONDS):
                return False
            self._seen[key] = now
            self._seen.move_to_end(key)
            while len(self._seen) > KEPT_VIEWS:
                self._seen.popitem(last=False)
            return True

    def forget(self, *key: str) -> None:
        """The look could not be audited: whoever tries again is audited anew."""
        with self._turn:
            self._seen.pop(key, None)
