"""A system without models: lanes do what the test says."""

import threading
from collections.abc import Callable
from pathlib import Path

from moderation.screening.report import LaneReport
from moderation.settings import Settings
from pipelines.resources import System


def a_report(posts: int = 3) -> LaneReport:
    return LaneReport(
        posts=posts,
        batches=1,
        lost=0,
        verdicts={"approve": posts - 1, "hold": 1},
        failures={"image_nsfw": 1},
        stage_seconds={"decode": 0.25},
        latency_p50_s=0.1,
        latency_p95_s=0.2,
        latency_p99_s=0.3,
    )


class FakeSystem(System):
    """`work` is called in place of a lane."""

    def __init__(
        self,
        home: Path,
        work: Callable[[threading.Event], None] = lambda _stop: None,
        *,
        lanes: int = 1,
        database_url: str = "",
    ) -> None:
        self._settings = Settings(home=home, lanes=lanes, database_url=database_url)
        self._work = work
        self.seen: list[Settings] = []

    def settings(self) -> Settings:
        return self._settings

    def work_lane(
        self,
        settings: Settings,
        *,
        name: str,
        run_id: str,
        stop: threading.Event,
        report: Callable[[LaneReport], None],
    ) -> LaneReport:
        assert name.endswith(run_id[:8])
        self.seen.append(settings)
        report(a_report())
        self._work(stop)
        return a_report()
