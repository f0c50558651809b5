"""Candidates are asked about what was committed, for a bounded time, and whatever they do stays theirs."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from moderation.domain.ids import Digest, ScreeningId
from moderation.domain.model_role import ModelPin, ShadowResult
from moderation.domain.signal import FailureReason, Score, SignalFailure, SignalResult
from moderation.media.subject import Subject
from moderation.signals.shadows import Candidate, Picked, Shadows, Skipped
from tests.signals.test_runtime import Stub, counting, needing, said, subjects

PIN = ModelPin("second", Digest("2" * 64))
OTHER = ModelPin("third", Digest("3" * 64))


class Desk:
    """Where results are put down."""

    def __init__(self) -> None:
        self.found: list[ShadowResult] = []
        self.skipped: Counter[tuple[str, ModelPin]] = Counter()
        self.broken = 0

    def __call__(self, found: Sequence[ShadowResult], skipped: Skipped) -> None:
        if self.broken:
            self.broken -= 1
            raise OSError("the desk is away")
        self.found += found
        self.skipped.update(skipped)

    def until(self, posts: int) -> None:
        end = time.monotonic() + 10
        while len(self.found) < posts and time.monotonic() < end:
            time.sleep(0.005)
        assert len(self.found) == posts


@pytest.fixture
def desk() -> Desk:
    return Desk()


def results(batch: Sequence[Subject]) -> list[tuple[SignalResult, ...]]:
    """What the live signal found."""
    return [(Score("letters", {"letters": -1}),) for _ in batch]


def ids(batch: Sequence[Subject]) -> list[ScreeningId]:
    return [ScreeningId(f"screening of {subject.post.id}") for subject in batch]


def picked(shadows: Shadows, batch: Sequence[Subject]) -> Picked | None:
    return shadows.pick(batch, results(batch), ids(batch))


def ask(shadows: Shadows, batch: Sequence[Subject]) -> None:
    kept = picked(shadows, batch)
    if kept is not None:
        shadows.submit(kept, set(ids(batch)))


def trying(desk: Desk, stub: Stub, *, seconds: float = 0.5, pin: ModelPin = PIN) -> Shadows:
    shadows = Shadows(desk, seconds=seconds)
    shadows.use([Candidate("letters", pin, lambda: stub)])
    return shadows


def test_without_a_candidate_nothing_is_kept(desk: Desk) -> None:
    shadows = Shadows(desk)
    assert picked(shadows, subjects("a")) is None
    shadows.close()


def test_a_candidate_says_what_it_found_of_each_post(desk: Desk) -> None:
    shadows = trying(desk, counting())
    batches = [subjects("a"), subjects("bb", "ccc")]
    for number, batch in enumerate(batches, 1):
        ask(shadows, batch)
        desk.until(2 * number - 1)
    assert [(one.screening_id, one.model, one.result) for one in desk.found] == [
        (ids([subject])[0], PIN, Score("letters", {"letters": len(subject.post.caption)}))
        for batch in batches
        for subject in batch
    ]
    assert all(one.seconds >= 0 for one in desk.found)
    shadows.close()


def test_it_sees_what_the_live_signals_found_that_it_needs(desk: Desk) -> None:
    shadows = Shadows(desk)
    shadows.use([Candidate("after", PIN, lambda: needing("after", "letters"))])
    ask(shadows, subjects("a"))
    desk.until(1)
    assert desk.found[0].result == Score("after", {"after": 1}, detail={"saw": said(Score("letters", {"letters": -1}))})


def test_only_what_was_stored_is_asked_about(desk: Desk) -> None:
    shadows = trying(desk, counting())
    ask(shadows, subjects("a"))
    desk.until(1)
    batch = subjects("a", "bb", "ccc")
    kept = picked(shadows, batch)
    assert kept is not None
    shadows.submit(kept, {ids(batch)[1]})
    desk.until(2)
    assert desk.found[-1].screening_id == ids(batch)[1]
    shadows.submit(kept, set())
    shadows.close()
    assert len(desk.found) == 2


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        (lambda batch: 1 / 0, FailureReason.ERROR),
        (lambda batch: [Score("letters", {"letters": -5})], FailureReason.WRONG_SHAPE),
        (lambda batch: [Score("letters", {"lies": 1})], FailureReason.WRONG_SHAPE),
        (lambda batch: [Score("other", {"letters": 1})], FailureReason.WRONG_SHAPE),
        (lambda batch: [Score("letters", {"letters": 1})] * 3, FailureReason.WRONG_COUNT),
        (lambda batch: None, FailureReason.ERROR),
    ],
)
def test_what_goes_wrong_is_what_it_said(
    desk: Desk, measure: Callable[[Sequence[Subject]], object], reason: FailureReason
) -> None:
    shadows = trying(desk, Stub("letters", measure))
    ask(shadows, subjects("a"))
    desk.until(1)
    result = desk.found[0].result
    assert isinstance(result, SignalFailure)
    assert result.reason is reason
    shadows.close()


def test_a_candidate_that_cannot_even_be_loaded_is_skipped(desk: Desk) -> None:
    def load() -> Stub:
        raise MemoryError("too large")

    shadows = Shadows(desk)
    shadows.use([Candidate("letters", PIN, load)])
    for _ in range(3):
        ask(shadows, subjects("a", "bb"))
        time.sleep(0.05)
    shadows.use([Candidate("letters", OTHER, counting)])
    ask(shadows, subjects("a"))
    desk.until(1)
    assert desk.skipped == {("letters", PIN): 6}
    shadows.close()


def test_one_that_hangs_holds_nobody_up_and_is_counted(desk: Desk) -> None:
    release = threading.Event()

    def hang(batch: Sequence[Subject]) -> object:
        release.wait(20)
        return [Score("letters", {"letters": 1}) for _ in batch]

    shadows = trying(desk, Stub("letters", hang, time_limit_s=0.3))
    started = time.monotonic()
    for _ in range(20):
        ask(shadows, subjects("a", "bb"))
    assert time.monotonic() - started < 0.3
    desk.until(1)
    assert isinstance(desk.found[0].result, SignalFailure)
    assert desk.found[0].result.reason is FailureReason.TIMED_OUT
    release.set()
    for _ in range(200):
        ask(shadows, subjects("a"))
        time.sleep(0.005)
        if len(desk.found) > 1:
            break
    assert isinstance(desk.found[-1].result, Score)
    shadows.close()
    assert desk.skipped[("letters", PIN)] >= 37


def test_it_is_asked_about_as_many_posts_as_fit_into_the_bound(desk: Desk) -> None:
    sizes: list[int] = []

    def slow(batch: Sequence[Subject]) -> object:
        sizes.append(len(batch))
        time.sleep(0.02 * len(batch))
        return [Score("letters", {"letters": 1}) for _ in batch]

    shadows = trying(desk, Stub("letters", slow), seconds=0.1)
    for _ in range(4):
        ask(shadows, subjects(*["a"] * 16))
        desk.until(sum(sizes) or 1)
        time.sleep(0.15)
    assert sizes[0] == 1
    assert all(1 <= size <= 5 for size in sizes[1:])
    assert max(sizes) > 1
    shadows.close()
    assert len(desk.found) + desk.skipped[("letters", PIN)] == 64


def test_what_could_not_be_put_down_is_counted_as_skipped(desk: Desk) -> None:
    shadows = trying(desk, counting())
    desk.broken = 1
    ask(shadows, subjects("a"))
    time.sleep(0.1)
    ask(shadows, subjects("b"))
    desk.until(1)
    assert desk.skipped == {("letters", PIN): 1}
    shadows.close()


def test_another_candidate_takes_over_and_the_first_is_asked_no_more(desk: Desk) -> None:
    shadows = trying(desk, counting())
    ask(shadows, subjects("a"))
    desk.until(1)
    assert shadows.pins == {"letters": PIN}
    shadows.use([Candidate("letters", OTHER, counting)])
    ask(shadows, subjects("a"))
    desk.until(2)
    assert [one.model for one in desk.found] == [PIN, OTHER]
    shadows.use([])
    assert picked(shadows, subjects("a")) is None
    shadows.close()


def test_the_same_candidate_is_not_loaded_again(desk: Desk) -> None:
    loaded: list[int] = []

    def load() -> Stub:
        loaded.append(1)
        return counting()

    shadows = Shadows(desk)
    for number in range(3):
        shadows.use([Candidate("letters", PIN, load)])
        ask(shadows, subjects("a"))
        desk.until(number + 1)
    assert loaded == [1]
    shadows.close()


def test_closing_waits_for_what_was_submitted_but_not_for_ever(desk: Desk) -> None:
    def slow(batch: Sequence[Subject]) -> object:
        time.sleep(0.2)
        return [Score("letters", {"letters": 1})]

    shadows = trying(desk, Stub("letters", slow))
    ask(shadows, subjects("a"))
    shadows.close(seconds=5)
    assert len(desk.found) == 1
    hung = trying(desk, Stub("letters", lambda batch: threading.Event().wait(3)))
    ask(hung, subjects("a"))
    started = time.monotonic()
    hung.close(seconds=0.2)
    assert time.monotonic() - started < 1


def threads_of_candidates() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "signal-letters"}


def gone(threads: set[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(timeout=5)
    return not any(thread.is_alive() for thread in threads)


def test_one_that_is_retired_while_it_is_loaded_is_not_asked_and_leaves_no_thread(desk: Desk) -> None:
    before, loading, go_on = threads_of_candidates(), threading.Event(), threading.Event()

    def load() -> Stub:
        loading.set()
        go_on.wait(5)
        return counting()

    shadows = Shadows(desk)
    shadows.use([Candidate("letters", PIN, load)])
    ask(shadows, subjects("a"))
    assert loading.wait(5)
    shadows.use([])
    go_on.set()
    shadows.close()
    assert gone(threads_of_candidates() - before)
    assert desk.found == []
    assert desk.skipped == {("letters", PIN): 1}


def test_closing_ends_the_threads_of_the_candidates_too(desk: Desk) -> None:
    before = threads_of_candidates()
    shadows = trying(desk, counting())
    ask(shadows, subjects("a"))
    desk.until(1)
    used = threads_of_candidates() - before
    assert len(used) == 1
    shadows.close()
    assert gone(used)
    assert shadows.pins == {}
