"""Pages do not wait for the first reading of all hashes."""

import threading
from collections.abc import Sequence

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import PostId
from moderation.matching.hashes.pdq import Code
from moderation.review.near_pictures import NearPost
from review_ui.console.near_at_hand import NearAtHand

FOUND = [NearPost(PostId("a"), 3)]


class SlowNear:
    """Reads when it is let."""

    def __init__(self) -> None:
        self.may_read = threading.Event()
        self.readings = 0
        self.broken = False

    def refresh(self) -> int:
        self.readings += 1
        if self.broken:
            raise UnavailableError("The database does not answer.")
        self.may_read.wait(30)
        return 1

    def search(self, codes: Sequence[Code], *, radius: int) -> list[NearPost]:
        return FOUND


def test_whoever_asks_during_the_first_reading_is_told_so_and_asks_again() -> None:
    near = SlowNear()
    at_hand = NearAtHand(near, wait_seconds=0.01)
    assert at_hand.search([], radius=31) is None
    assert at_hand.search([], radius=31) is None
    near.may_read.set()
    assert NearAtHand(near, wait_seconds=30).search([], radius=31) == FOUND
    assert near.readings == 2, "two asked during one reading"


def test_a_reading_that_fails_is_tried_again() -> None:
    near = SlowNear()
    near.broken = True
    near.may_read.set()
    at_hand = NearAtHand(near, wait_seconds=0.2)
    assert at_hand.search([], radius=31) is None
    near.broken = False
    assert at_hand.search([], radius=31) == FOUND
