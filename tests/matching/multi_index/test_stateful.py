"""Entries come and go, indexes are built, publishing is killed, processes restart: searches answer like the scan."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from numpy.typing import NDArray

from moderation.matching.multi_index.folder import current, pointed, publish
from moderation.matching.multi_index.live import LiveIndex
from tests.matching.index_contract import check_found, codes, scanned, with_flipped

POOL = codes(4, seed=8)
STEPS = 12
"""More calls to the disk than one publishing makes."""


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def killed_at(step: int) -> Iterator[None]:
    """The `step`-th change of the disk, and all after it, do not happen."""
    done = 0

    def dies(call: Any) -> Any:
        def counted(*arguments: Any, **named: Any) -> Any:
            nonlocal done
            done += 1
            if done >= step:
                raise Killed
            return call(*arguments, **named)

        return counted

    def stays(path: Path, **named: Any) -> None:
        if done < step:
            unlink(path, **named)

    unlink = Path.unlink
    changes = (mock.patch.object(os, "fsync", dies(os.fsync)), mock.patch.object(Path, "replace", dies(Path.replace)))
    with changes[0], changes[1], mock.patch.object(Path, "unlink", stays):
        yield


class Banks(RuleBasedStateMachine):
    """`log` is the truth: the changes, numbered from 1; a code adds an entry under the change's number."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="index-"))
        self.log: list[NDArray[np.uint8] | int] = []
        self.live = LiveIndex()
        self.now = datetime.now(UTC)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def held(self, checkpoint: int) -> dict[int, NDArray[np.uint8]]:
        held: dict[int, NDArray[np.uint8]] = {}
        for number, change in enumerate(self.log[:checkpoint], start=1):
            if isinstance(change, int):
                held.pop(change, None)
            else:
                held[number] = change
        return held

    def follow(self) -> None:
        """What a lane does with the changes that it has not seen."""
        for number in range(self.live.checkpoint + 1, len(self.log) + 1):
            change = self.log[number - 1]
            if isinstance(change, int):
                self.live.remove([change])
            else:
                self.live.add([number], change[np.newaxis])
            self.live.checkpoint = number

    def build(self, behind: int) -> None:
        checkpoint = max(0, len(self.log) - behind)
        held = self.held(checkpoint)
        rows = np.array(list(held.values()), dtype=np.uint8).reshape(-1, 32)
        keys = np.array(list(held), dtype=np.int64)
        self.now += timedelta(minutes=6)
        publish(self.folder, rows, keys, checkpoint=checkpoint, now=self.now, replace_newer=True)

    @initialize(count=st.integers(0, 30))
    def begin(self, count: int) -> None:
        self.log.extend(codes(count, seed=4))
        self.follow()

    @rule(code=st.integers(0, 3), bits=st.integers(0, 40), seed=st.integers(0, 99), copies=st.integers(1, 4))
    def add(self, code: int, bits: int, seed: int, copies: int) -> None:
        self.log.extend([with_flipped(POOL[code], bits, seed)] * copies)

    @rule(which=st.integers(0, 10_000))
    def remove(self, which: int) -> None:
        held = sorted(self.held(len(self.log)))
        if held:
            self.log.append(held[which % len(held)])

    @rule()
    def see_changes(self) -> None:
        self.follow()

    @rule(behind=st.integers(0, 3))
    def rebuild(self, behind: int) -> None:
        self.build(behind)
        found = pointed(self.folder)
        assert found is not None
        assert found.checkpoint == max(0, len(self.log) - behind)

    @rule(behind=st.integers(0, 3), step=st.integers(1, STEPS))
    def rebuild_and_die(self, behind: int, step: int) -> None:
        before = pointed(self.folder)
        try:
            with killed_at(step):
                self.build(behind)
        except Killed:
            after = pointed(self.folder)
            assert after == before or (after is not None and after.checkpoint == max(0, len(self.log) - behind))

    @rule()
    def reload(self) -> None:
        """Go over to the published index; one that is older than the base in use is left alone."""
        base = current(self.folder)
        if base is not None and base.checkpoint >= self.live.built_to:
            self.live.rebase(base, base.checkpoint)

    @rule()
    def restart(self) -> None:
        self.live = LiveIndex(current(self.folder))
        self.follow()

    @invariant()
    def it_answers_like_the_scan(self) -> None:
        held = self.held(self.live.checkpoint)
        assert len(self.live) == len(held)
        for radius, limit in ((0, 2), (20, 3), (31, 1000), (45, 1000)):
            check_found(self.live.search(POOL, radius, limit=limit), scanned(held, POOL, radius), limit)


@pytest.mark.usefixtures("never_flat")
class TestBanks(Banks.TestCase):  # type: ignore[misc, valid-type]  # made by Hypothesis
    """Runs it."""

    settings = settings(deadline=None, max_examples=25, stateful_step_count=30)


def test_publishing_makes_fewer_calls_than_are_killed_at() -> None:
    machine = Banks()
    try:
        with killed_at(STEPS + 1):
            machine.build(0)
    finally:
        machine.teardown()
