"""Which lanes to start and which runs to give up: a pure function of what Dagster and the heartbeats say.

A killed run can stay STARTED for as long as nobody looks, so a run counts as alive only while its lane beats.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

FIRST_BACKOFF_SECONDS = 5.0
MAX_BACKOFF_SECONDS = 60.0
SHORT_LIFE_SECONDS = 30.0
"""A lane that failed sooner than this after its launch counts as a failed start."""

HANDOVER_SECONDS = 30.0
"""A lane this close to its maximum age gets its successor, so that one that is warm always takes posts."""


@dataclass(frozen=True, slots=True)
class LaneRun:
    """A run of the lane job, as Dagster knows it. `slot` is 0 to wanted - 1; `ended_at` is None while in progress."""

    run_id: str
    slot: int
    created_at: datetime
    ended_at: datetime | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """When a lane counts as dead or old, in seconds; `starting` is how long a run may take until its first beat."""

    stale: float
    starting: float
    max_age: float


@dataclass(frozen=True, slots=True)
class Launch:
    """A lane to start. `after` is the run that held the slot before, or ""."""

    slot: int
    after: str

    def key(self, supervisor: str) -> str:
        """The same for the same launch under the same supervisor: a run has one successor, however often one asks."""
        return f"lane-{self.slot}-after-{self.after or f'start-{supervisor}'}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now. `suspects` have no heartbeat; one that is still a suspect at the next look is `dead`."""

    launches: tuple[Launch, ...] = ()
    dead: tuple[str, ...] = ()
    suspects: frozenset[str] = field(default_factory=frozenset)
    waiting: Mapping[int, float] = field(default_factory=dict)
    """Seconds until a slot whose lanes keep failing is tried again."""


def plan_lanes(
    runs: Sequence[LaneRun],
    beats: Mapping[str, datetime],
    *,
    wanted: int,
    suspects: frozenset[str],
    limits: Limits,
    now: datetime,
) -> Plan:
    """Compare the lanes that live with the lanes that are wanted.

    `runs` are the newest runs of each slot, in any order; `beats` maps a run to its lane's last heartbeat.
    A run is alive while its last beat is at most `stale` old, or while it is younger than `starting` and has not
    beaten yet. A run in progress that is neither, twice in a row, is dead: the pause lets a run that ends of its own
    accord say so.
    """
    open_runs = [run for run in runs if run.ended_at is None]
    silent = frozenset(run.run_id for run in open_runs if not _alive(run, beats, limits, now))
    dead = silent & suspects
    launches: list[Launch] = []
    waiting: dict[int, float] = {}
    for slot in range(wanted):
        held = sorted((run for run in runs if run.slot == slot), key=lambda run: run.created_at, reverse=True)
        if any(_holds(run, limits, now) for run in held if run.ended_at is None and run.run_id not in dead):
            continue
        delay = _backoff(held, dead, now)
        if delay > 0:
            waiting[slot] = delay
        else:
            launches.append(Launch(slot, held[0].run_id if held else ""))
    return Plan(tuple(launches), tuple(sorted(dead)), silent - dead, waiting)


def _alive(run: LaneRun, beats: Mapping[str, datetime], limits: Limits, now: datetime) -> bool:
    beat = beats.get(run.run_id)
    if beat is None:
        return now - run.created_at <= timedelta(seconds=limits.starting)
    return now - beat <= timedelta(seconds=limits.stale)


def _holds(run: LaneRun, limits: Limits, now: datetime) -> bool:
    """True while the run needs no successor yet."""
    handover = max(limits.max_age - HANDOVER_SECONDS, limits.max_age / 2)
    return now - run.created_at < timedelta(seconds=handover)


def _backoff(held: Iterable[LaneRun], dead: frozenset[str], now: datetime) -> float:
    """Seconds to wait before the slot is tried again: none after one failed start, then 5, 10, 20 … 60."""
    failures = 0
    last_end: datetime | None = None
    for run in held:
        if run.run_id in dead or run.ended_at is None:
            break
        if not run.failed or (run.ended_at - run.created_at).total_seconds() > SHORT_LIFE_SECONDS:
            break
        last_end = last_end or run.ended_at
        failures += 1
    if failures < 2 or last_end is None:  # noqa: PLR2004 - the first failure is retried at once
        return 0.0
    wait = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** (failures - 2))
    return float(max(0.0, wait - (now - last_end).total_seconds()))
