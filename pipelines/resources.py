"""The real parts, for Dagster: opened when an op, a check or a sensor needs them, never at import."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from moderation import logs
from moderation.screening.quarantine import Quarantine
from moderation.screening.report import LaneReport
from moderation.screening.retention import Retention
from moderation.settings import Settings, load_settings
from moderation.storage.audit import AuditStore
from moderation.storage.engine import Database
from moderation.storage.lanes import LaneStore
from moderation.storage.posts import PostStore
from moderation.storage.screenings import ScreeningStore


@dataclass(frozen=True, slots=True)
class Stores:
    """What sensors and checks read."""

    posts: PostStore
    screenings: ScreeningStore
    lanes: LaneStore
    audit: AuditStore


class System:
    """This installation, as its environment describes it."""

    def settings(self) -> Settings:
        """The settings in force. Raises `SettingsError`."""
        return load_settings()

    @contextmanager
    def stores(self) -> Iterator[Stores]:
        """The stores, on connections of their own. Raises `UnavailableError` when the database does not answer."""
        database = Database.open(self.settings().database, pool_size=2)
        try:
            yield Stores(PostStore(database), ScreeningStore(database), LaneStore(database), AuditStore(database))
        finally:
            database.close()

    @contextmanager
    def quarantine(self) -> Iterator[Quarantine]:
        """Quarantine of bank entries. Raises `UnavailableError` when the database does not answer."""
        from moderation.assembly import quarantine  # noqa: PLC0415 - brings the lanes' libraries

        settings = self.settings()
        logs.configure(json=settings.log_json)
        database = Database.open(settings.database, pool_size=2)
        try:
            yield quarantine(settings, database)
        finally:
            database.close()

    @contextmanager
    def retention(self) -> Iterator[Retention]:
        """Retention of images. Raises `UnavailableError` when the database does not answer."""
        from moderation.assembly import retention  # noqa: PLC0415 - brings the lanes' libraries

        settings = self.settings()
        logs.configure(json=settings.log_json)
        database = Database.open(settings.database, pool_size=2)
        try:
            yield retention(settings, database)
        finally:
            database.close()

    def work_lane(
        self,
        settings: Settings,
        *,
        name: str,
        run_id: str,
        stop: threading.Event,
        report: Callable[[LaneReport], None],
    ) -> LaneReport:
        """Be a lane until it ends; see `moderation.assembly.work_lane`."""
        from moderation.assembly import work_lane  # noqa: PLC0415 - brings the models' libraries; only lanes need them

        logs.configure(json=settings.log_json)
        return work_lane(settings, name=name, run_id=run_id, stop=stop, report=report)
