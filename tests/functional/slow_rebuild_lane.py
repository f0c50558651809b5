"""A lane process that cannot read the banks anew, instead of a bad index file, before a file says so."""

import signal
import sys
import threading
import time
from pathlib import Path

from moderation import assembly
from moderation.matching.entries.contents import Contents
from moderation.settings import load_settings

RELEASE = "rebuild-now"
"""In the home folder."""


class SlowContents(Contents):
    """As with banks that take minutes to read."""

    release: Path

    def _rebuild(self) -> None:
        while not self.release.exists():
            time.sleep(0.05)
        super()._rebuild()


def main() -> None:
    """Like `moderation lane`."""
    settings = load_settings()
    SlowContents.release = settings.home / RELEASE
    setattr(sys.modules["moderation.matching.matcher"], "Contents", SlowContents)  # noqa: B010 - it is not exported
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    assembly.work_lane(settings, name=sys.argv[1], run_id="", stop=stop, report=lambda _: None)


if __name__ == "__main__":
    main()
