import threading
from collections.abc import Callable, Collection, Sequence

import pytest
from numpy import uint8
from numpy.typing import NDArray

from moderation.domain.errors import UnavailableError
from moderation.matching.hashes.frame_hashes import FrameHashes
from moderation.matching.hits import IndexStatus, LookedUp, Matched
from moderation.media.subject import Rgb
from review_ui.api.matching.searching import STALE_SECONDS, Searcher, SearchState


class Banks:
    """A matcher whose banks can be away."""

    def __init__(self) -> None:
        self.away = False
        self.refreshed = 0

    def refresh(self) -> None:
        if self.away:
            raise UnavailableError("The banks are away.")
        self.refreshed += 1

    def match(
        self, pictures: Sequence[Sequence[FrameHashes]], previews: Sequence[Sequence[Rgb]] | None
    ) -> list[Matched]:
        return []

    def look_up(
        self,
        code: NDArray[uint8],
        *,
        quality: int | None = None,
        banks: Collection[str] = (),
        radius: int | None = None,
        limit: int = 100,
    ) -> LookedUp:
        return LookedUp((), "0")

    def status(self) -> IndexStatus:
        return IndexStatus("0", 0, 0, 0, 0, 0.0)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def searcher(banks: Banks, open_matcher: Callable[[], Banks] | None = None) -> tuple[Searcher, Clock]:
    clock = Clock()
    return Searcher(open_matcher or (lambda: banks), clock_s=clock), clock


def test_every_answer_is_of_the_newest_banks() -> None:
    banks = Banks()
    search, _ = searcher(banks)
    assert search.fresh() is search.fresh()
    assert banks.refreshed == 2


def test_banks_that_cannot_be_seen_are_an_error_and_are_tried_again() -> None:
    banks = Banks()
    search, _ = searcher(banks)
    banks.away = True
    for _ in range(2):
        with pytest.raises(UnavailableError):
            search.fresh()
    banks.away = False
    assert search.fresh() is banks
    banks.away = True
    with pytest.raises(UnavailableError):
        search.fresh()


def test_the_state_is_in_hmas_words() -> None:
    banks = Banks()
    search, clock = searcher(banks)
    banks.away = True
    assert search.state() is SearchState.NOT_LOADED
    banks.away = False
    clock.now_s += 2
    assert search.state() is SearchState.ALIVE
    banks.away = True
    clock.now_s += STALE_SECONDS
    assert search.state() is SearchState.ALIVE
    clock.now_s += 2
    assert search.state() is SearchState.STALE
    banks.away = False
    clock.now_s += 2
    assert search.state() is SearchState.ALIVE


def test_whoever_asks_for_the_state_causes_few_refreshes() -> None:
    banks = Banks()
    search, clock = searcher(banks)
    for _ in range(100):
        search.state()
        clock.now_s += 0.05
    assert banks.refreshed <= 6


def test_while_it_is_loaded_others_are_sent_away() -> None:
    loading, go_on = threading.Event(), threading.Event()

    def slowly() -> Banks:
        loading.set()
        assert go_on.wait(10)
        return Banks()

    search, _ = searcher(Banks(), slowly)
    thread = threading.Thread(target=search.fresh)
    thread.start()
    try:
        assert loading.wait(10)
        with pytest.raises(UnavailableError, match="loaded"):
            search.fresh()
        assert search.state() is SearchState.NOT_LOADED
    finally:
        go_on.set()
        thread.join(10)
    assert search.fresh() is not None
