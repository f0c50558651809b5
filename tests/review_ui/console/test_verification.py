import threading
from collections.abc import Callable

from moderation.domain.audit import GENESIS
from moderation.domain.errors import UnavailableError
from moderation.storage.audit import AuditReport
from review_ui.console.verification import Verification
from tests.factories import NOW


class SlowChain:
    """A chain of three events that waits in the middle of the walk."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.walks = 0
        self.inside, self.go_on = threading.Event(), threading.Event()

    def verify(self, progress: Callable[[int], None] | None = None) -> AuditReport:
        self.walks += 1
        assert progress is not None
        progress(2)
        self.inside.set()
        assert self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        return AuditReport(3, GENESIS, None)


def test_one_walk_at_a_time_tells_how_far_it_is() -> None:
    chain = SlowChain()
    verification = Verification(chain, lambda: NOW)
    before = verification.last
    walker = threading.Thread(target=verification.run)
    walker.start()
    assert chain.inside.wait(10)
    walk = verification.last
    assert before is None
    assert walk is not None
    assert (walk.events, walk.finished_at, walk.report) == (2, None, None)
    verification.run()
    assert chain.walks == 1
    chain.go_on.set()
    walker.join(10)
    assert verification.last is not None
    assert verification.last.report == AuditReport(3, GENESIS, None)


def test_a_walk_that_fails_says_so_and_can_be_begun_again() -> None:
    for error, told in ((UnavailableError("The database is away."), "away"), (RuntimeError("x"), "see the log")):
        chain = SlowChain(error)
        chain.go_on.set()
        verification = Verification(chain, lambda: NOW)
        for _ in range(2):
            verification.run()
        assert chain.walks == 2
        assert verification.last is not None
        assert told in verification.last.problem
        assert verification.last.finished_at == NOW
