import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from moderation.domain.errors import PolicyError, UnavailableError
from moderation.domain.ids import Digest
from moderation.domain.post import Post
from moderation.domain.signal import SignalResult
from moderation.domain.verdict import Judgement
from moderation.screening.policy_source import PolicySource


class Named:
    def __init__(self, text: str) -> None:
        if "broken" in text:
            raise PolicyError("it is broken")
        self.text = text
        self.digest = Digest(hashlib.sha256(text.encode()).hexdigest())

    def evaluate(self, posts: Sequence[Post], results: Sequence[Sequence[SignalResult]]) -> list[Judgement]:
        return []


class Shelf:
    """Where policy texts are remembered; can be away."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.down = False

    def remember(self, digest: Digest, text: str) -> None:
        if self.down:
            raise UnavailableError("away")
        self.texts[digest] = text


class Source:
    def __init__(self, path: Path) -> None:
        self.path, self.shelf, self.seconds = path, Shelf(), 0.0
        path.write_text("first")
        self.source = PolicySource(
            path, compile_text=Named, remember=self.shelf.remember, monotonic=lambda: self.seconds
        )

    def text(self) -> str:
        self.seconds += 2
        judge = self.source.current()
        assert isinstance(judge, Named)
        return judge.text


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "policy.yaml")


def test_a_changed_file_is_in_force_and_remembered(source: Source) -> None:
    source.path.write_text("second")
    assert source.text() == "second"
    assert sorted(source.shelf.texts.values()) == ["first", "second"]


def test_a_broken_file_changes_nothing_but_the_problem(source: Source) -> None:
    source.path.write_text("broken")
    assert source.text() == "first"
    assert source.source.problem == "it is broken"
    source.path.write_text("third")
    assert source.text() == "third"
    assert source.source.problem == ""


def test_going_back_to_the_policy_in_force_clears_the_problem(source: Source) -> None:
    source.path.write_text("broken")
    source.text()
    source.path.write_text("first")
    assert source.text() == "first"
    assert source.source.problem == ""


def test_a_file_that_vanished_leaves_the_policy_in_force(source: Source) -> None:
    source.path.unlink()
    assert source.text() == "first"
    assert "cannot be read" in source.source.problem


def test_a_policy_that_cannot_be_remembered_is_not_in_force_until_it_can(source: Source) -> None:
    source.shelf.down = True
    source.path.write_text("second")
    assert source.text() == "first"
    source.shelf.down = False
    assert source.text() == "second"


def test_the_first_policy_must_be_valid(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("broken")
    with pytest.raises(PolicyError):
        PolicySource(path, compile_text=Named, remember=Shelf().remember)
