"""Previews of sweeps in threads: one at a time, bounded, their owner's, and made into one sweep at the most."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from moderation.domain.ids import AccountId, Digest
from moderation.domain.retroaction import Cause, CauseKind, Preview, SweepTerms
from moderation.screening.retroaction import Progress
from review_ui.console.sweep_asked import Asked
from review_ui.console.sweep_trials import KEPT, Check, StoppedError, TooLongError, Trial, Trials
from tests.factories import NOW

ADA, BOB = AccountId("ada"), AccountId("bob")
NOTHING = Preview(3, 0, {})
PATIENCE_SECONDS = 20.0


@pytest.fixture
def trials() -> Iterator[Trials]:
    made = Trials()
    yield made
    made.close()


def a_trial(name: str = "one", owner: AccountId = ADA, bank: str = "BANNED") -> Trial:
    cause = Cause(CauseKind.BANK, Digest("0" * 64), bank=bank)
    return Trial(name, owner, Asked(bank=bank), cause, SweepTerms(), "", NOW)


def over(trials: Trials, name: str = "one", owner: AccountId = ADA) -> Trial:
    until = time.monotonic() + PATIENCE_SECONDS
    while (found := trials.get(name, owner)).running:
        assert time.monotonic() < until
        time.sleep(0.005)
    return found


def quickly(progress: Progress, _check: Check) -> Preview:
    progress(3)
    return NOTHING


def waiting(begun: threading.Event) -> Callable[[Progress, Check], Preview]:
    """Looks on and on, until somebody says so."""

    def look(progress: Progress, check: Check) -> Preview:
        for number in range(1_000_000):
            progress(number)
            begun.set()
            check()
            time.sleep(0.002)
        return NOTHING

    return look


def test_what_was_found_is_kept_for_its_owner(trials: Trials) -> None:
    trials.begin(a_trial(), quickly, lambda: NOW)
    found = over(trials)
    assert (found.found, found.scanned, found.problem, found.finished_at) == (NOTHING, 3, None, NOW)
    for name, owner in (("one", BOB), ("other", ADA)):
        with pytest.raises(NotFoundError):
            trials.get(name, owner)


def test_one_at_a_time_and_the_same_again_is_the_same(trials: Trials) -> None:
    begun = threading.Event()
    trials.begin(a_trial(), waiting(begun), lambda: NOW)
    assert begun.wait(PATIENCE_SECONDS)
    assert trials.begin(a_trial("two"), quickly, lambda: NOW).id == "one", "sent twice it is one"
    for other in (a_trial("two", BOB), a_trial("two", bank="OTHER")):
        with pytest.raises(UnavailableError):
            trials.begin(other, quickly, lambda: NOW)
    with pytest.raises(NotFoundError):
        trials.stop("one", BOB)
    trials.stop("one", ADA)
    assert isinstance(over(trials).problem, StoppedError)
    trials.begin(a_trial("two", BOB), quickly, lambda: NOW)
    assert over(trials, "two", BOB).found == NOTHING


def test_it_is_ended_when_its_time_is_over() -> None:
    trials = Trials(seconds=0.01)
    trials.begin(a_trial(), waiting(threading.Event()), lambda: NOW)
    assert isinstance(over(trials).problem, TooLongError)
    trials.close()


@pytest.mark.filterwarnings("error")
def test_what_nobody_foresaw_ends_it_too_and_says_nothing_of_it(trials: Trials) -> None:
    def look(_progress: Progress, _check: Check) -> Preview:
        raise ZeroDivisionError("a secret")

    trials.begin(a_trial(), look, lambda: NOW)
    problem = over(trials).problem
    assert isinstance(problem, UnavailableError)
    assert "secret" not in problem.message
    trials.begin(a_trial("two"), quickly, lambda: NOW)
    assert over(trials, "two").found == NOTHING


def test_a_server_that_ends_ends_what_runs_and_begins_nothing() -> None:
    trials, begun = Trials(), threading.Event()
    trials.begin(a_trial(), waiting(begun), lambda: NOW)
    assert begun.wait(PATIENCE_SECONDS)
    trials.close()
    assert isinstance(over(trials).problem, StoppedError)
    with pytest.raises(UnavailableError):
        trials.begin(a_trial("two"), quickly, lambda: NOW)


def test_only_the_newest_are_kept(trials: Trials) -> None:
    for number in range(KEPT + 1):
        trials.begin(replace(a_trial(str(number)), asked=Asked(bank=str(number))), quickly, lambda: NOW)
        over(trials, str(number))
    with pytest.raises(NotFoundError):
        trials.get("0", ADA)
    assert trials.get(str(KEPT), ADA).found == NOTHING


def test_many_at_once_make_one_sweep_and_a_refusal_makes_none(trials: Trials) -> None:
    trials.begin(a_trial(), quickly, lambda: NOW)
    over(trials)
    made: list[str] = []

    def create(trial: Trial) -> str:
        time.sleep(0.01)
        made.append(trial.id)
        return f"sweep-{len(made)}"

    def refuse(_trial: Trial) -> str:
        raise InvalidInputError("No.")

    with pytest.raises(InvalidInputError):
        trials.make("one", ADA, refuse)
    with pytest.raises(NotFoundError):
        trials.make("one", BOB, create)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: trials.make("one", ADA, create), range(16)))
    assert found == {"sweep-1"}
    assert made == ["one"]
    assert issubclass(StoppedError, ConflictError)
