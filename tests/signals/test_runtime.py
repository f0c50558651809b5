import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Surface,
)
from moderation.media.subject import Picture, Subject
from moderation.signals.runtime import SignalRuntime
from tests.factories import a_post, facts

Measure = Callable[[Sequence[Subject]], object]


def a_spec(name: str, *, time_limit_s: float = 30.0, version: str = "1") -> SignalSpec:
    column = Column(name, ColumnKind.INTEGER, "How many letters the caption has.", low=0)
    return SignalSpec(name, version, Surface.CAPTION, "For tests.", (column,), 0.1, time_limit_s)


class Stub:
    """A signal type that does what it is told."""

    def __init__(self, name: str, measure: Measure, *, time_limit_s: float = 30.0, version: str = "1") -> None:
        self._spec = a_spec(name, time_limit_s=time_limit_s, version=version)
        self._measure = measure

    @property
    def spec(self) -> SignalSpec:
        return self._spec

    def measure(self, batch: Sequence[Subject]) -> Sequence[SignalResult]:
        return self._measure(batch)  # type: ignore[return-value]  # some lie about it


def needing(name: str, needs: str) -> Stub:
    """Says how many of its batch came with the result of `needs`, and with nothing else."""

    def measure(batch: Sequence[Subject]) -> list[SignalResult]:
        return [
            Score(name, {name: int(list(one.earlier) == [needs])}, detail={"saw": said(one.earlier[needs])})
            for one in batch
        ]

    stub = Stub(name, measure)
    stub._spec = replace(stub._spec, needs=(needs,))
    return stub


def said(result: SignalResult) -> str:
    return str(result.reason) if isinstance(result, SignalFailure) else str(dict(result.values))


def counting(name: str = "letters") -> Stub:
    return Stub(name, lambda batch: [Score(name, {name: len(subject.post.caption)}) for subject in batch])


def subjects(*captions: str) -> list[Subject]:
    return [Subject(a_post(caption=caption), Picture(facts(), ())) for caption in captions]


def reasons(results: list[tuple[SignalResult, ...]], position: int = 0) -> list[FailureReason | None]:
    column = [result[position] for result in results]
    return [result.reason if isinstance(result, SignalFailure) else None for result in column]


def test_a_signal_sees_the_results_that_it_needs_of_its_own_post() -> None:
    runtime = SignalRuntime([counting("other"), counting(), needing("after", "letters")])
    results = runtime.measure(subjects("a", "bb"))
    assert [result[2] for result in results] == [
        Score("after", {"after": 1}, detail={"saw": "{'letters': 1}"}),
        Score("after", {"after": 1}, detail={"saw": "{'letters': 2}"}),
    ]


def test_a_failure_is_a_result_that_can_be_needed() -> None:
    def broken(batch: Sequence[Subject]) -> object:
        raise RuntimeError("broken")

    runtime = SignalRuntime([Stub("letters", broken), needing("after", "letters")])
    [(_, after)] = runtime.measure(subjects("a"))
    assert isinstance(after, Score)
    assert after.detail == {"saw": "error"}


def test_the_time_limit_of_a_signal_begins_when_what_it_needs_has_finished() -> None:
    def slowly(batch: Sequence[Subject]) -> object:
        time.sleep(0.3)
        return counting().measure(batch)

    slow = Stub("letters", slowly)
    after = needing("after", "letters")
    after._spec = replace(after._spec, time_limit_s=0.25)
    [(_, result)] = SignalRuntime([slow, after]).measure(subjects("a"))
    assert isinstance(result, Score)


def test_a_signal_that_needs_a_missing_one_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="after needs letters"):
        SignalRuntime([needing("after", "letters")])


def test_each_subject_gets_every_signals_result_in_order() -> None:
    runtime = SignalRuntime([counting("first"), counting("second")])
    results = runtime.measure(subjects("a", "bb", "ccc"))
    assert results == [(Score("first", {"first": length}), Score("second", {"second": length})) for length in (1, 2, 3)]
    assert set(runtime.seconds) == {"first", "second"}


def test_nothing_in_nothing_out() -> None:
    assert SignalRuntime([counting()]).measure([]) == []
    assert SignalRuntime([]).measure(subjects("a", "b")) == [(), ()]


def test_a_signal_that_throws_is_a_failure_and_its_neighbour_still_measures() -> None:
    def throw(batch: Sequence[Subject]) -> object:
        raise RuntimeError("no luck")

    results = SignalRuntime([Stub("broken", throw), counting()]).measure(subjects("a", "bb"))
    assert [result[0] for result in results] == [
        SignalFailure("broken", FailureReason.ERROR, "RuntimeError: no luck")
    ] * 2
    assert reasons(results, 1) == [None, None]


def test_one_post_that_cannot_be_measured_does_not_fail_the_others() -> None:
    def picky(batch: Sequence[Subject]) -> object:
        if any(subject.post.caption == "poison" for subject in batch):
            raise ValueError("poison")
        return [Score("picky", {"picky": len(subject.post.caption)}) for subject in batch]

    results = SignalRuntime([Stub("picky", picky)]).measure(subjects("a", "poison", "ccc"))
    assert reasons(results) == [None, FailureReason.ERROR, None]
    assert results[2] == (Score("picky", {"picky": 3}),)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_number_of_results_fails_every_post(count: int) -> None:
    runtime = SignalRuntime([Stub("lossy", lambda batch: [Score("lossy", {"lossy": 1})] * count)])
    assert reasons(runtime.measure(subjects("a", "b"))) == [FailureReason.WRONG_COUNT] * 2


@pytest.mark.parametrize("answer", [None, 7, "no", object()])
def test_what_is_not_even_a_list_is_a_failure(answer: object) -> None:
    runtime = SignalRuntime([Stub("odd", lambda batch: answer)])
    assert all(runtime.measure(subjects("a", "b", "c")))
    assert None not in reasons(runtime.measure(subjects("a", "b", "c")))


def test_a_result_of_the_wrong_shape_fails_only_its_own_post() -> None:
    def sloppy(batch: Sequence[Subject]) -> object:
        wrong = [Score("sloppy", {"sloppy": -1}), Score("sloppy", {}), Score("other", {"sloppy": 1}), None]
        return [*wrong, Score("sloppy", {"sloppy": 4})]

    results = SignalRuntime([Stub("sloppy", sloppy)]).measure(subjects("a", "b", "c", "d", "e"))
    assert reasons(results) == [FailureReason.WRONG_SHAPE] * 4 + [None]


def test_a_signal_that_wants_to_exit_is_a_failure_and_lives_on() -> None:
    def leave(batch: Sequence[Subject]) -> object:
        if batch[0].post.caption == "exit":
            sys.exit(3)
        return [Score("leaver", {"leaver": 1})]

    runtime = SignalRuntime([Stub("leaver", leave)])
    assert reasons(runtime.measure(subjects("exit"))) == [FailureReason.ERROR]
    assert reasons(runtime.measure(subjects("stay"))) == [None]


class Hanging:
    """Hangs until it is released, then answers."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.calls = 0
        self.returned = threading.Event()

    def __call__(self, batch: Sequence[Subject]) -> object:
        self.calls += 1
        if batch[0].post.caption == "hang":
            self.release.wait(30)
            self.returned.set()
        return [Score("hanging", {"hanging": 999}) for _ in batch]


def test_a_signal_that_hangs_is_a_failure_and_stays_one_until_it_returns() -> None:
    hanging = Hanging()
    runtime = SignalRuntime([Stub("hanging", hanging, time_limit_s=0.1), counting()])
    first = runtime.measure(subjects("hang", "b"))
    assert reasons(first) == [FailureReason.TIMED_OUT] * 2
    assert reasons(first, 1) == [None, None]

    second = runtime.measure(subjects("a"))
    assert reasons(second) == [FailureReason.UNAVAILABLE]
    assert reasons(second, 1) == [None]
    assert hanging.calls == 1

    hanging.release.set()
    assert hanging.returned.wait(10)
    answers = (reasons(runtime.measure(subjects("a"))) for _ in range(1000))
    assert any(answer == [None] for answer in answers)


def test_a_late_answer_is_never_taken_for_a_later_batch() -> None:
    hanging = Hanging()
    runtime = SignalRuntime([Stub("hanging", hanging, time_limit_s=0.1)])
    assert reasons(runtime.measure(subjects("hang", "b", "c"))) == [FailureReason.TIMED_OUT] * 3
    hanging.release.set()
    for _ in range(100):
        results = runtime.measure(subjects("a"))
        assert len(results) == 1
        assert reasons(results)[0] in {FailureReason.UNAVAILABLE, None}


def test_batches_from_several_threads_do_not_mix() -> None:
    runtime = SignalRuntime([counting("first"), counting("second")])
    wrong: list[object] = []

    def work(length: int) -> None:
        for _ in range(30):
            expected = [(Score("first", {"first": length}), Score("second", {"second": length}))] * length
            found = runtime.measure(subjects(*["x" * length] * length))
            if found != expected:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(length,)) for length in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_two_signals_of_one_name_or_column_are_refused() -> None:
    with pytest.raises(ValueError, match="letters"):
        SignalRuntime([counting(), counting()])


def test_it_knows_versions_and_models() -> None:
    class WithModel(Stub):
        models = {"weights": "ab" * 32}  # noqa: RUF012 - as short as a stub may be

    plain, loaded = counting(), WithModel("loaded", lambda batch: [], version="7")
    runtime = SignalRuntime([plain, loaded])
    assert runtime.versions == {"letters": "1", "loaded": "7"}
    assert runtime.models == {"weights": "ab" * 32}
