"""`bench screen`: posts a second of the whole way, beside the bare models on already decoded pictures."""

import os
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

from moderation.assembly import lane_options, lane_threads, screening_parts
from moderation.bench.bare import BareModels, decoded
from moderation.bench.result import BenchResult
from moderation.bench.workspace import filled, submissions, workspace
from moderation.screening.lane import run_lane
from moderation.screening.publish import Publisher
from moderation.screening.report import LaneReport
from moderation.settings import Settings
from moderation.storage.posts import PostStore

RATIO_BAR = 0.85
"""Reached only where a model pass costs several times what decoding and storing a post cost: compare the CPU figures,
which are the floor under `ratio_to_bare` on a machine whose cores are all busy."""
STAGES = ("decode", "signals", "policy", "commit")


def bench_screen(
    settings: Settings, *, posts: int, images: Path | None, rounds: int, tell: Callable[[str], None]
) -> BenchResult:
    """Bare models and full way in turns, `rounds` times; the medians count.

    The full way starts with accepted posts and ends when the last verdict is committed and published; the models are
    loaded before the clock starts. The bare loop runs every model of the catalog with threads for every core, on the
    same posts, decoded before; it runs also with as many threads as the lane gives its models.
    """
    bare: list[float] = []
    full: list[float] = []
    threads: list[float] = []
    bare_cpu: list[float] = []
    full_cpu: list[float] = []
    stages: list[dict[str, float]] = []
    with workspace(settings) as place:
        models = BareModels(place, threads=os.cpu_count() or 1)
        like_lane = BareModels(place, threads=lane_threads(place))
        subjects = decoded(place, list(submissions(posts, images)))
        for warm in (models, like_lane):
            warm.warm_up(subjects)
        tell(f"bare: {', '.join(models.names)}")
        for number in range(rounds):
            before = time.process_time()
            bare.append(models.per_second(subjects))
            bare_cpu.append((time.process_time() - before) / len(subjects))
            threads.append(like_lane.per_second(subjects))
            report, seconds, cpu = _full(place, posts, images, number)
            full.append(report.posts / seconds)
            full_cpu.append(cpu / report.posts)
            stages.append({stage: report.stage_seconds.get(stage, 0) / max(1, report.posts) for stage in STAGES})
            tell(f"round {number + 1}: {full[-1]:.1f} posts/s, bare models {bare[-1]:.1f}/s")
    middle = len(full) // 2
    figures = {
        "posts_per_s": sorted(full)[middle],
        "bare_posts_per_s": sorted(bare)[middle],
        "ratio_to_bare": sorted(a / b for a, b in zip(full, bare, strict=True))[middle],
        "bare_lane_threads_per_s": sorted(threads)[middle],
        "ratio_to_bare_lane_threads": sorted(a / b for a, b in zip(full, threads, strict=True))[middle],
        "cpu_ms_per_post": sorted(full_cpu)[middle] * 1000,
        "bare_cpu_ms_per_post": sorted(bare_cpu)[middle] * 1000,
        **{f"{stage}_ms": sorted(round_[stage] for round_ in stages)[middle] * 1000 for stage in STAGES},
    }
    return BenchResult("screen", figures, targets=(("ratio_to_bare", ">=", RATIO_BAR),))


def _full(settings: Settings, posts: int, images: Path | None, number: int) -> tuple[LaneReport, float, float]:
    """The lane's report, its wall seconds, and the CPU seconds of the lane and of its decoder with its start."""
    home = settings.home / f"round-{number}"
    place = settings.model_copy(update={"home": home, "models_dir": settings.models})
    database = filled(place, submissions(posts, images))
    store, stop = PostStore(database), threading.Event()
    done_at: list[float] = []

    def finished(report: LaneReport) -> None:
        """Reports come when something was done."""

    def watch() -> None:
        while store.oldest_pending_at() is not None:
            time.sleep(0.02)
        done_at.append(time.perf_counter())
        stop.set()

    decoders = _children_cpu()
    with screening_parts(place, database) as parts:
        watcher = threading.Thread(target=watch)
        begin, lane = time.perf_counter(), time.process_time()
        watcher.start()
        report = run_lane(
            parts,
            lane_options(place, "bench"),
            publisher=Publisher(store, clock=parts.clock),
            heartbeat=_silent,
            stop=stop,
            report=finished,
        )
        watcher.join()
        cpu = time.process_time() - lane
    database.close()
    return report, done_at[0] - begin, cpu + _children_cpu() - decoders


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _silent(*, posts: int, draining: bool) -> None:
    """A lane that runs in this process needs no heartbeat."""
