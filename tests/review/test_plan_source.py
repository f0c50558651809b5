from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from moderation.domain.errors import PolicyError, UnavailableError
from moderation.review.compile_plan import compile_plan
from moderation.review.plan import Plan
from moderation.review.plan_source import CHECK_SECONDS, PlanSource
from tests.policy.signals import SPECS
from tests.review.plans import small_text

BROKEN = "version: 1\n"


@dataclass
class Version:
    number: int
    text: str


@dataclass
class Stored:
    """Versions in memory, newest last; `away` is a database that does not answer."""

    versions: list[Version] = field(default_factory=list)
    away: bool = False
    reads: int = 0

    def newest(self) -> int:
        if self.away:
            raise UnavailableError("away")
        return self.versions[-1].number if self.versions else 0

    def history(self, limit: int) -> Sequence[Version]:
        self.reads += 1
        if self.away:
            raise UnavailableError("away")
        return self.versions[::-1][:limit]


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def tick(self) -> None:
        self.seconds += CHECK_SECONDS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "review.yaml"
    path.write_text(small_text())
    return path


def with_undo(seconds: int) -> str:
    return f"{small_text()}undo_seconds: {seconds}\n"


def compiled(text: str, source: str, number: int) -> Plan:
    return compile_plan(text, SPECS, source=source, number=number)


def a_source(stored: Stored, file: Path) -> tuple[PlanSource, Clock]:
    clock = Clock()
    return PlanSource(stored, file, compile_text=compiled, monotonic=clock), clock


def test_the_file_is_in_force_until_a_plan_is_saved(file: Path) -> None:
    stored = Stored()
    source, clock = a_source(stored, file)
    assert (source.current().number, source.current().undo_seconds) == (0, 8)
    stored.versions.append(Version(41, with_undo(30)))
    assert source.current().undo_seconds == 8, "it is looked for once a second"
    clock.tick()
    assert (source.current().number, source.current().undo_seconds) == (41, 30)
    stored.versions.append(Version(57, with_undo(31)))
    assert source.refresh().number == 57


def test_a_changed_file_is_read_again(file: Path) -> None:
    source, clock = a_source(Stored(), file)
    file.write_text(with_undo(20))
    clock.tick()
    assert source.current().undo_seconds == 20


@pytest.mark.parametrize("text", [BROKEN, "\x00", "- a list"])
def test_a_broken_file_changes_nothing_and_is_told_once(file: Path, text: str) -> None:
    source, clock = a_source(Stored(), file)
    before = source.current()
    file.write_text(text)
    with capture_logs() as logs:
        for _ in range(3):
            clock.tick()
            assert source.current() is before
    assert [entry["event"] for entry in logs] == ["review_plan_refused"]
    assert source.problem
    file.write_text(with_undo(9))
    clock.tick()
    assert source.current().undo_seconds == 9
    assert not source.problem


def test_a_file_that_is_gone_changes_nothing(file: Path) -> None:
    source, clock = a_source(Stored(), file)
    before = source.current()
    file.unlink()
    clock.tick()
    assert source.current() is before
    assert "cannot be read" in source.problem


def test_a_broken_stored_plan_leaves_the_last_good_one(file: Path) -> None:
    stored = Stored([Version(3, with_undo(11)), Version(5, with_undo(12)), Version(8, BROKEN)])
    with capture_logs() as logs:
        source, clock = a_source(stored, file)
    assert source.current().number == 5
    assert [entry["event"] for entry in logs] == ["review_plan_refused"]
    clock.tick()
    reads = stored.reads
    assert source.current().number == 5
    assert stored.reads == reads, "what was refused is not compiled again and again"
    stored.versions.append(Version(9, with_undo(13)))
    clock.tick()
    assert source.current().number == 9
    assert not source.problem


def test_when_nothing_stored_can_be_read_the_file_is_in_force(file: Path) -> None:
    source, _ = a_source(Stored([Version(3, BROKEN)]), file)
    assert source.current().number == 0
    assert source.problem


def test_a_database_that_is_away_stops_nobody(file: Path) -> None:
    stored = Stored([Version(3, with_undo(11))], away=True)
    source, clock = a_source(stored, file)
    assert source.current().number == 0
    stored.away = False
    clock.tick()
    assert source.current().number == 3
    stored.away = True
    clock.tick()
    assert source.current().number == 3


def test_without_anything_readable_it_does_not_start(file: Path) -> None:
    file.write_text(BROKEN)
    with pytest.raises(PolicyError, match="review plan"):
        a_source(Stored(), file)
