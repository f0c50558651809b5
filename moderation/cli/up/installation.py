"""Every process of an installation: started in an order that is quick, stopped in an order that loses nothing."""

import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future

import httpx

from moderation.assembly import now
from moderation.cli.up import programs
from moderation.cli.up.interrupts import Interrupts
from moderation.cli.up.ports import free_port
from moderation.cli.up.preparing import InterruptedStartError
from moderation.cli.up.supervisor import Supervisor
from moderation.domain.errors import ModerationError, UnavailableError
from moderation.settings import Settings
from moderation.storage.engine import Database
from moderation.storage.lanes import LaneBeat, LaneStore

API_SECONDS = 60.0
DRAIN_SECONDS = 30.0
"""Longer than a lane needs for what it has claimed."""

RECENT_SECONDS = 60.0
WEBSERVER_DELAY_SECONDS = 15.0
LOOK_SECONDS = 0.1


class Installation:
    """The processes, and where they are reached."""

    def __init__(self, settings: Settings, database: Database, interrupts: Interrupts) -> None:
        self._settings = settings
        self._lanes = LaneStore(database)
        self._interrupts = interrupts
        self._supervisor = Supervisor(settings.home / "logs")
        self._api_port = free_port(settings.api_host, settings.api_port)
        self._dagster_port = free_port(settings.api_host, settings.dagster_port, taken=frozenset({self._api_port}))
        self._environment: dict[str, str] = {}
        self._models: Future[None] | None = None
        self._started_at = 0.0

    @property
    def api_url(self) -> str:
        """Where the API listens."""
        return f"http://{_reachable(self._settings.api_host)}:{self._api_port}"

    @property
    def dagster_url(self) -> str:
        """Where Dagster's pages are."""
        return f"http://{_reachable(self._settings.api_host)}:{self._dagster_port}"

    def start(self, dagster: Mapping[str, str], models: "Future[None]") -> None:
        """Start the API and the code server. The others follow when it is their time; see `look_after`."""
        self._models, self._started_at = models, time.monotonic()
        self._environment = programs.environment(
            self._settings, dagster, api_port=self._api_port, dagster_port=self._dagster_port
        )
        self._supervisor.start(programs.code_server(self._environment))
        self._supervisor.start(programs.api(self._settings, self._environment))
        self.look_after()

    def look_after(self) -> list[str]:
        """Restart what has ended, and start what is still to come. Returns news, a line each.

        The daemon starts lanes, and so waits for the models and for the code server. Dagster's pages are slow to start
        and nobody screens with them: they give way to the first lane for a while. Raises `ModelStoreError` when a
        model cannot be had.
        """
        if self._models is not None and self._models.done() and not self._runs(programs.DAEMON):
            self._models.result()
            if self._code_is_served():
                self._supervisor.start(programs.daemon(self._environment))
        if not self._runs(programs.WEBSERVER) and time.monotonic() - self._started_at > WEBSERVER_DELAY_SECONDS:
            self.start_webserver()
        return self._supervisor.look_after()

    def start_webserver(self) -> None:
        """Start Dagster's pages, unless they are there."""
        if not self._runs(programs.WEBSERVER):
            self._supervisor.start(programs.webserver(self._settings, self._environment))

    def living_lanes(self) -> int:
        """Lanes that beat, wherever they run. Raises `UnavailableError`."""
        return len(self._living())

    def wait_for_api(self, on_news: Callable[[str], None]) -> None:
        """Return when the API answers. Raises `UnavailableError` with the end of its log when it does not."""
        until = time.monotonic() + API_SECONDS
        with httpx.Client(base_url=self.api_url, timeout=2.0, trust_env=False) as client:
            while time.monotonic() < until:
                if self._interrupts.stop.wait(LOOK_SECONDS):
                    raise InterruptedStartError("Stopped before everything was ready.")
                for line in self.look_after():
                    on_news(line)
                try:
                    if client.get("/healthz").is_success:
                        return
                except httpx.TransportError:
                    continue
        process = self._supervisor.process(programs.API)
        tail = process.tail() if process else ""
        raise UnavailableError(f"The API did not start in {API_SECONDS:.0f} s.\n{tail}", hint="See logs/api.log.")

    def lane_works(self) -> bool:
        """True when a lane has loaded its models. Raises `UnavailableError`."""
        return any(lane.state == "working" for lane in self._living())

    def stop(self) -> None:
        """No new posts and no new lanes; let lanes finish what they have claimed; then stop everything else."""
        hurry = self._interrupts.hurry.is_set
        self._supervisor.ask([programs.DAEMON, programs.API, programs.WEBSERVER])
        self._supervisor.stop([programs.DAEMON], hurry=hurry)
        self._supervisor.drain(self._lane_pids, DRAIN_SECONDS, hurry=hurry)
        self._supervisor.stop([programs.API, programs.WEBSERVER, programs.CODE_SERVER], hurry=hurry)

    def _living(self) -> list[LaneBeat]:
        return self._lanes.alive(within_seconds=self._settings.lane_stale_seconds, now=now())

    def _lane_pids(self) -> list[int]:
        try:
            beats = self._lanes.alive(within_seconds=RECENT_SECONDS, now=now())
        except ModerationError:
            return []
        return [beat.pid for beat in beats if beat.host == socket.gethostname()]

    def _code_is_served(self) -> bool:
        path = self._environment["MODERATION_CODE_SOCKET"]
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(path) == 0

    def _runs(self, name: str) -> bool:
        return self._supervisor.process(name) is not None


def _reachable(host: str) -> str:
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - where one connects to when all addresses are served
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
