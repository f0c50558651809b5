import os
import signal
from pathlib import Path

import pytest

from moderation.cli.up.interrupts import SIGNALS, Interrupts
from moderation.cli.up.lock import only_one
from moderation.domain.errors import ConflictError


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_stops_and_the_second_hurries(number: signal.Signals) -> None:
    interrupts = Interrupts()
    with interrupts.caught():
        os.kill(os.getpid(), number)
        assert interrupts.stop.wait(5)
        assert not interrupts.hurry.is_set()
        os.kill(os.getpid(), number)
        assert interrupts.hurry.wait(5)


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts().caught():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_home_belongs_to_one(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(ConflictError, match=str(os.getpid())), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        assert (tmp_path / "up.lock").read_text() == str(os.getpid())
