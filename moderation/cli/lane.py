"""`moderation lane`: one lane in this process, outside Dagster, for tests, benchmarks and debugging."""

import os
import signal
import socket
import threading
from dataclasses import asdict
from typing import Annotated

import typer

from moderation.assembly import work_lane
from moderation.cli.output import print_json
from moderation.logs import configure
from moderation.settings import load_settings


def lane(
    name: Annotated[str, typer.Option(help="Unique among living lanes; default: host and process.")] = "",
) -> None:
    """Screen posts in this process until SIGTERM or Ctrl-C; what was claimed is finished first.

    In service, Dagster runs lanes: they are then seen, replaced and measured. This command is for tests and debugging.

    Example: moderation lane --name debug
    """
    settings = load_settings()
    configure(json=settings.log_json)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    unique = name or f"{socket.gethostname()}-{os.getpid()}"
    total = work_lane(settings, name=unique, run_id="", stop=stop, report=lambda report: print_json(asdict(report)))
    print_json(asdict(total))
