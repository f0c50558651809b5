"""Runs every signal type over a batch, and turns whatever goes wrong into failures. Nothing is ever guessed."""

import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import SimpleQueue
from typing import Protocol, runtime_checkable

from moderation.domain.signal import FailureReason, SignalFailure, SignalResult, SignalSpec
from moderation.media.subject import SignalType, Subject
from moderation.signals.contract import check_distinct, check_order, checked

DETAIL_CHARS = 300
YIELDING = 15
"""The niceness of threads that leave the processor to others."""


@runtime_checkable
class LoadsModels(Protocol):
    """A signal type that loaded models says which bytes: SHA-256 by model name."""

    @property
    def models(self) -> Mapping[str, str]:
        """Digests to pin in every verdict."""
        ...


class SignalRuntime:
    """Runs signal types in their own threads, each under its spec's time limit.

    A thread cannot be stopped: a type that hangs stays `unavailable` until its call returns, and what it then returns
    is thrown away. A type that needs others starts when they have finished, its time limit with it. Raises `ValueError`
    at once when two types share a name or a column, or when one needs a signal that does not stand before it.
    """

    def __init__(self, types: Sequence[SignalType]) -> None:
        specs = [signal.spec for signal in types]
        check_distinct(specs)
        check_order(specs)
        self._workers = [Worker(signal) for signal in types]
        self._versions = {worker.spec.name: worker.spec.version for worker in self._workers}
        self._models = _models(types)
        self._turn = threading.Lock()
        self._seconds: dict[str, float] = {}

    @property
    def versions(self) -> dict[str, str]:
        """Spec version by signal name."""
        return dict(self._versions)

    @property
    def models(self) -> dict[str, str]:
        """SHA-256 by model name, of the models that the signal types loaded."""
        return dict(self._models)

    @property
    def seconds(self) -> dict[str, float]:
        """Wall time by signal name that the last batch took; signals that ran side by side overlap."""
        return dict(self._seconds)

    def measure(self, batch: Sequence[Subject]) -> list[tuple[SignalResult, ...]]:
        """For each subject one result of every signal type, in catalog order. Never raises."""
        subjects = tuple(batch)
        if not subjects:
            return []
        with self._turn:
            found = self._run(subjects)
        columns = [found[worker.spec.name] for worker in self._workers]
        return list(zip(*columns, strict=True)) if columns else [() for _ in subjects]

    def close(self) -> None:
        """Let every thread end once it is free; nothing can be measured any more."""
        with self._turn:
            for worker in self._workers:
                worker.close()

    def _run(self, subjects: tuple[Subject, ...]) -> dict[str, list[SignalResult]]:
        """Results by signal name: everything that needs nothing side by side, then the rest in catalog order."""
        tasks = {worker: worker.start(subjects) for worker in self._workers if not worker.spec.needs}
        found: dict[str, list[SignalResult]] = {}
        waiting = {worker.spec.name: worker for worker in self._workers}

        def finish(name: str) -> None:
            if name not in found:
                worker = waiting[name]
                found[name] = worker.finish(tasks[worker], subjects)

        for worker in self._workers:
            if worker.spec.needs:
                for name in worker.spec.needs:
                    finish(name)
                tasks[worker] = worker.start(with_earlier(subjects, found, worker.spec.needs))
        for worker in self._workers:
            finish(worker.spec.name)
        self._seconds = {worker.spec.name: task.seconds for worker, task in tasks.items() if task}
        return found


@dataclass(slots=True)
class _Task:
    """One batch on its way through one signal type; `done` is set last."""

    batch: tuple[Subject, ...]
    started: float
    results: list[SignalResult] = field(default_factory=list)
    seconds: float = 0.0
    done: threading.Event = field(default_factory=threading.Event)


class Worker:
    """One signal type with its thread, which is a daemon so that a hung call cannot keep the process alive.

    A `yielding` one leaves the processor to every other thread that wants it, where the system can do that.
    """

    def __init__(self, signal: SignalType, *, yielding: bool = False) -> None:
        self.signal = signal
        self.spec: SignalSpec = signal.spec
        self._yielding = yielding
        self._inbox: SimpleQueue[_Task | None] = SimpleQueue()
        self._current: _Task | None = None
        self._thread: threading.Thread | None = None

    def start(self, batch: tuple[Subject, ...]) -> _Task | None:
        """Hand the batch to the thread; None while the thread is still hung in an earlier one."""
        if self._current is not None and not self._current.done.is_set():
            return None
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._serve, name=f"signal-{self.spec.name}", daemon=True)
            self._thread.start()
        self._current = _Task(batch, time.monotonic())
        self._inbox.put(self._current)
        return self._current

    def finish(self, task: _Task | None, batch: tuple[Subject, ...]) -> list[SignalResult]:
        """The batch's results, or failures when the time limit passes first."""
        if task is None:
            return _failures(self.spec, batch, FailureReason.UNAVAILABLE, "still hung in an earlier batch")
        left = task.started + self.spec.time_limit_s - time.monotonic()
        if task.done.wait(max(0.0, left)):
            return task.results
        task.seconds = time.monotonic() - task.started
        return _failures(self.spec, batch, FailureReason.TIMED_OUT, f"over {self.spec.time_limit_s:g} s")

    def close(self) -> None:
        """End the thread once it is free."""
        self._inbox.put(None)

    def _serve(self) -> None:
        if self._yielding:
            _yield_processor()
        while (task := self._inbox.get()) is not None:
            try:
                task.results = measured(self.signal, task.batch)
            except BaseException as error:  # noqa: BLE001 - the thread must outlive SystemExit too
                task.results = _failures(self.spec, task.batch, FailureReason.ERROR, _said(error))
            task.seconds = time.monotonic() - task.started
            task.done.set()


def measured(signal: SignalType, batch: Sequence[Subject]) -> list[SignalResult]:
    """One result for each subject, in order; whatever the signal type raises or gets wrong is a failure."""
    spec = signal.spec
    try:
        results = list(signal.measure(batch))
    except Exception as error:  # noqa: BLE001 - whatever a signal raises is a failure, never a crash
        if len(batch) == 1:
            return _failures(spec, batch, FailureReason.ERROR, _said(error))
        # One post that cannot be measured must not fail its neighbours.
        return [measured(signal, (subject,))[0] for subject in batch]
    if len(results) != len(batch):
        return _failures(spec, batch, FailureReason.WRONG_COUNT, f"{len(results)} results for {len(batch)} posts")
    return [checked(result, spec, subject) for result, subject in zip(results, batch, strict=True)]


def with_earlier(
    subjects: Sequence[Subject], found: Mapping[str, Sequence[SignalResult]], needs: Sequence[str]
) -> tuple[Subject, ...]:
    """The subjects with what the signals `needs` found of them; `found` has their results, in order, by name."""
    return tuple(
        replace(subject, earlier={name: found[name][index] for name in needs}) for index, subject in enumerate(subjects)
    )


def _yield_processor() -> None:
    """Lower this thread's priority. On Linux alone a thread has one of its own."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), YIELDING)


def _failures(spec: SignalSpec, batch: Sequence[Subject], reason: FailureReason, detail: str) -> list[SignalResult]:
    return [SignalFailure(spec.name, reason, detail[:DETAIL_CHARS]) for _ in batch]


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _models(types: Sequence[SignalType]) -> dict[str, str]:
    found: dict[str, str] = {}
    for signal in types:
        if isinstance(signal, LoadsModels):
            found.update(signal.models)
    return found
