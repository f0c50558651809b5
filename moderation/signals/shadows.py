"""Candidate models measure beside the live ones, after the verdict is committed, and can change nothing of it.

Nobody waits for a candidate: one thread asks it about as many posts of a batch as it is expected to measure within a
bound, at low priority, and what comes while it is busy is skipped and counted.
"""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Full, Queue

import structlog

from moderation.domain.ids import ScreeningId
from moderation.domain.model_role import ModelPin, ShadowResult
from moderation.domain.signal import SignalResult
from moderation.media.subject import SignalType, Subject
from moderation.signals.apart import Apart
from moderation.signals.runtime import Worker, with_earlier

log = structlog.get_logger(__name__)

SECONDS = 0.5
"""How long a candidate may be busy with one batch."""
SMOOTHING = 0.3
"""Weight of the newest batch in the estimate of a candidate's time for a post."""

Skipped = Mapping[tuple[str, ModelPin], int]
Record = Callable[[Sequence[ShadowResult], Skipped], None]
"""Stores results of stored screenings, and how many posts were skipped, by slot and candidate."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that is tried for a slot; `load` gives its signal type, or one that fails every post."""

    slot: str
    pin: ModelPin
    load: Callable[[], SignalType]


@dataclass(frozen=True, slots=True)
class Picked:
    """The posts of a judged batch that candidates will be asked about, with what the live signals found of each.

    `most` has how many of them each candidate gets, in the candidates' order.
    """

    subjects: tuple[Subject, ...]
    results: tuple[tuple[SignalResult, ...], ...]
    ids: tuple[ScreeningId, ...]
    asked: tuple["_Asked", ...]
    most: tuple[int, ...]

    def only(self, stored: Collection[ScreeningId]) -> "Picked":
        """Those whose screening was stored."""
        kept = [place for place, one in enumerate(self.ids) if one in stored]
        return Picked(
            tuple(self.subjects[place] for place in kept),
            tuple(self.results[place] for place in kept),
            tuple(self.ids[place] for place in kept),
            self.asked,
            self.most,
        )


class Shadows:
    """The candidates of one lane. No method raises, waits or touches a verdict, except `close`, which waits.

    `seconds` bounds how long a candidate is busy with one batch, once it is known how fast it is.
    """

    def __init__(self, record: Record, *, seconds: float = SECONDS) -> None:
        self._record = record
        self._seconds = seconds
        self._asked: tuple[_Asked, ...] = ()
        self._inbox: Queue[Picked | None] = Queue(1)
        self._skipped: Counter[tuple[str, ModelPin]] = Counter()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def pins(self) -> dict[str, ModelPin]:
        """The candidates that are asked, by slot."""
        return {one.candidate.slot: one.candidate.pin for one in self._asked}

    def use(self, candidates: Sequence[Candidate]) -> None:
        """Ask these from the next batch on. They are loaded when they are first asked, on the thread that asks."""
        before = {(one.candidate.slot, one.candidate.pin): one for one in self._asked}
        after = {(one.slot, one.pin): before.get((one.slot, one.pin)) or _Asked(one) for one in candidates}
        self._asked = tuple(after.values())
        for key in before.keys() - after.keys():
            before[key].retire()

    def pick(
        self,
        subjects: Sequence[Subject],
        results: Sequence[tuple[SignalResult, ...]],
        ids: Sequence[ScreeningId],
    ) -> Picked | None:
        """What to keep of a judged batch until it is committed; None when no candidate will be asked."""
        try:
            return self._pick(self._asked, subjects, results, ids)
        except Exception:
            log.exception("shadow_lost")
            return None

    def submit(self, picked: Picked, stored: Collection[ScreeningId]) -> None:
        """Ask the candidates about those of the posts whose screening was stored."""
        try:
            self._submit(picked.only(stored))
        except Exception:
            log.exception("shadow_lost")

    def close(self, *, seconds: float = 1.0) -> None:
        """Finish what was submitted, for at most so long; what is not stored then is lost. Then ask nobody any more."""
        if self._thread is not None:
            with suppress(Full):
                self._inbox.put(None, timeout=seconds)
                self._thread.join(timeout=seconds)
        self.use([])

    def _pick(
        self,
        asked: tuple["_Asked", ...],
        subjects: Sequence[Subject],
        results: Sequence[tuple[SignalResult, ...]],
        ids: Sequence[ScreeningId],
    ) -> Picked | None:
        if not asked or not subjects:
            return None
        if self._inbox.full():
            self._skip(asked, len(subjects))
            return None
        most = tuple(one.most(self._seconds, len(subjects)) for one in asked)
        for one, taken in zip(asked, most, strict=True):
            self._skip([one], len(subjects) - taken)
        kept = max(most)
        return Picked(tuple(subjects[:kept]), tuple(results[:kept]), tuple(ids[:kept]), asked, most)

    def _submit(self, ours: Picked) -> None:
        if not ours.ids:
            return
        try:
            self._inbox.put_nowait(ours)
        except Full:
            for one, most in zip(ours.asked, ours.most, strict=True):
                self._skip([one], min(most, len(ours.ids)))
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="shadows", daemon=True)
            self._thread.start()

    def _skip(self, asked: Sequence["_Asked"], posts: int) -> None:
        if posts > 0:
            with self._lock:
                self._skipped.update({(one.candidate.slot, one.candidate.pin): posts for one in asked})

    def _serve(self) -> None:
        while (picked := self._inbox.get()) is not None:
            for one, most in zip(picked.asked, picked.most, strict=True):
                try:
                    self._ask(one, picked, most)
                except Exception as error:  # noqa: BLE001 - a candidate may do anything, and nothing depends on it
                    log.warning("shadow_lost", slot=one.candidate.slot, model=one.candidate.pin.name, error=str(error))
                    self._skip([one], min(most, len(picked.ids)))

        with suppress(Exception):
            self._put_down([])

    def _ask(self, one: "_Asked", picked: Picked, most: int) -> None:
        found = one.ask(picked, most)
        self._put_down(found)
        self._skip([one], min(most, len(picked.ids)) - len(found))

    def _put_down(self, found: Sequence[ShadowResult]) -> None:
        with self._lock:
            skipped, self._skipped = self._skipped, Counter()
        try:
            if found or skipped:
                self._record(found, dict(skipped))
        except Exception:
            with self._lock:
                self._skipped.update(skipped)
            raise


class _Asked:
    """One candidate with its own thread, and how long it takes for a post."""

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self._worker: Worker | None = None
        self._seconds_per_post = 0.0
        self._retired = threading.Event()
        self._starting = threading.Lock()

    def most(self, seconds: float, posts: int) -> int:
        """How many of `posts` it is expected to measure within `seconds`, at least one; one while that is not known."""
        if self._seconds_per_post <= 0:
            return 1
        return max(1, min(posts, int(seconds / self._seconds_per_post)))

    def retire(self) -> None:
        """Ask it no more; its thread ends once it is free."""
        with self._starting:
            self._retired.set()
            if self._worker is not None:
                self._worker.close()
                if isinstance(self._worker.signal, Apart):
                    self._worker.signal.close()

    def ask(self, picked: Picked, most: int) -> list[ShadowResult]:
        """What it says of the first `most` posts; nothing while it is still hung in an earlier batch.

        Nothing either when it was retired before it started, which may be while it is loaded.
        """
        subjects, ids = picked.subjects[:most], picked.ids[:most]
        if self._retired.is_set() or not subjects:
            return []
        worker = self._worker or Worker(self.candidate.load(), yielding=True)
        if isinstance(worker.signal, Apart) and not self._prepared(worker, worker.signal):
            return []
        found = {
            result.signal: [row[place] for row in picked.results] for place, result in enumerate(picked.results[0])
        }
        asked = with_earlier(subjects, found, worker.spec.needs)
        with self._starting:
            if self._retired.is_set():
                return []
            self._worker = worker
            task = worker.start(asked)
        results = worker.finish(task, subjects)
        if task is None:
            return []
        each = task.seconds / len(subjects)
        before = self._seconds_per_post or each
        self._seconds_per_post = before + SMOOTHING * (each - before)
        return [ShadowResult(one, self.candidate.pin, result, each) for one, result in zip(ids, results, strict=True)]

    def _prepared(self, worker: Worker, apart: Apart) -> bool:
        """Whether its process runs; what was retired meanwhile is ended."""
        self._worker = worker
        ready = apart.prepare()
        if self._retired.is_set():
            apart.close()
        return ready
