"""A lane process whose candidate, whatever it is, ends the process in which it measures."""

import signal
import sys
import threading

from moderation import assembly
from moderation.screening.serving import Catalog
from moderation.settings import Settings, load_settings
from tests.functional.crashing_catalog import CrashingCatalog
from tests.functional.tried_lane import store


def catalog(settings: Settings) -> Catalog:
    """The catalog of such a lane."""
    return CrashingCatalog(store(settings), assembly.engine_options(settings), ())


def main() -> None:
    """Like `moderation lane`."""
    assembly.signal_catalog = catalog
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    assembly.work_lane(load_settings(), name=sys.argv[1], run_id="", stop=stop, report=lambda _: None)


if __name__ == "__main__":
    main()
