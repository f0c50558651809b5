"""Serves the application until SIGTERM or Ctrl-C: `python -m review_ui.serve --host 127.0.0.1 --port 8000`."""

import argparse
import contextlib
import socket
import sys

import uvicorn
from fastapi import FastAPI

from moderation.domain.errors import ModerationError
from review_ui.app import create_app
from review_ui.console.desk import Desk
from review_ui.site import Site

CONNECTIONS = 512
"""Connections at once, idle ones included; the next is answered 503. Half of the usual limit of 1024 open files."""
SHUTDOWN_SECONDS = 5
"""What a request that is being answered at the end may still take."""


class ApiServer(uvicorn.Server):
    """uvicorn, but whoever waits for a verdict is answered as soon as the end begins."""

    def __init__(self, app: FastAPI, *, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_level="warning",
                access_log=False,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        site = app.state.site
        assert isinstance(site, Site)
        self._watch = site.watch
        desk = app.state.desk
        assert isinstance(desk, Desk)
        self._desk = desk

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer the waiting requests: their posts are accepted, and the verdict can be asked for later."""
        self._desk.closing.set()
        await self._watch.close()
        await super().shutdown(sockets)


def main() -> int:
    """Serve; 1 when settings are refused or the port cannot be had."""
    options = argparse.ArgumentParser(description="The API and its pages.")
    options.add_argument("--host", required=True)
    options.add_argument("--port", required=True, type=int)
    chosen = options.parse_args()
    try:
        server = ApiServer(create_app(), host=chosen.host, port=chosen.port)
    except ModerationError as error:
        sys.stderr.write(f"{error.message} {error.hint}".strip() + "\n")
        return 1
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
