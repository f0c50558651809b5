"""Heartbeats of lanes: how the rest of the system knows that posts are being screened."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, cast

from sqlalchemy import delete, insert, select

from moderation.storage.engine import Database
from moderation.storage.tables import lanes

LaneState: TypeAlias = Literal["starting", "working", "draining"]


@dataclass(frozen=True, slots=True)
class LaneBeat:
    """A sign of life of one lane. `run_id` is the orchestrator's; `posts` counts verdicts since `started_at`."""

    name: str
    run_id: str
    host: str
    pid: int
    started_at: datetime
    beat_at: datetime
    state: LaneState
    posts: int


class LaneStore:
    """The newest heartbeat of each lane."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(self, beat: LaneBeat) -> bool:
        """Replace the lane's heartbeat, and forget lanes that have been silent for a day.

        False when there was none to replace: this is the lane's first, or somebody has given the lane up.
        """
        row = {name: getattr(beat, name) for name in LaneBeat.__slots__}
        forgotten = beat.beat_at - timedelta(days=1)
        with self._database.write() as connection:
            connection.execute(delete(lanes).where(lanes.c.beat_at < forgotten, lanes.c.name != beat.name))
            known = connection.execute(delete(lanes).where(lanes.c.name == beat.name)).rowcount
            connection.execute(insert(lanes).values(**row))
        return known > 0

    def alive(self, *, within_seconds: float, now: datetime) -> list[LaneBeat]:
        """Lanes whose heartbeat is at most `within_seconds` old, by name."""
        query = select(lanes).where(lanes.c.beat_at >= now - timedelta(seconds=within_seconds)).order_by(lanes.c.name)
        with self._database.read() as connection:
            return [
                LaneBeat(
                    name=row.name,
                    run_id=row.run_id,
                    host=row.host,
                    pid=row.pid,
                    started_at=row.started_at,
                    beat_at=row.beat_at,
                    state=cast(LaneState, row.state),
                    posts=row.posts,
                )
                for row in connection.execute(query)
            ]

    def remove(self, name: str) -> None:
        """Forget a lane that ended."""
        with self._database.write() as connection:
            connection.execute(delete(lanes).where(lanes.c.name == name))
