"""The real parts, for Dagster: opened when an op, a check or a sensor needs them, never at import."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

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


class System(dg.ConfigurableResource[None]):
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
