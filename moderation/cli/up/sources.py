"""Where the posts come from: the samples, or a person's own files."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

from datasets.files import Entry, scan
from datasets.samples import SamplePost, sample_posts
from moderation.cli.up.background import in_background
from moderation.cli.up.outcomes import NO_RULE, Outcome
from moderation.cli.up.sending import Sendable
from moderation.domain.post import PostState
from moderation.domain.verdict import Verdict


class Source(Protocol):
    """Posts to send."""

    def begin(self) -> None:
        """Begin to make the posts, if that takes long. Called once, before `posts`."""
        ...

    def posts(self) -> Iterable[Sendable]:
        """The posts, in order; may block while they are made."""
        ...

    def total(self) -> int | None:
        """How many there are; None while that is not known."""
        ...

    def remarks(self, names: Sequence[str], outcomes: Sequence[Outcome]) -> list[str]:
        """What is to be said of the outcomes, which belong to the posts called `names`, in the same order."""
        ...


class Files:
    """A folder of images, or a `.jsonl` or `.csv` file. Raises for a wrong path or row when made."""

    def __init__(self, path: Path) -> None:
        self._entries: list[Entry] = scan(path)

    def begin(self) -> None:
        """Nothing to make."""

    def posts(self) -> Iterable[Sendable]:
        """The posts; each image is read when it is its turn."""
        return (entry.read() for entry in self._entries)

    def total(self) -> int | None:
        """How many posts the path has."""
        return len(self._entries)

    def remarks(self, names: Sequence[str], outcomes: Sequence[Outcome]) -> list[str]:  # noqa: ARG002 - of the protocol
        """Nothing is known of files."""
        return []


class Samples:
    """The sample posts, drawn on a thread of their own."""

    def __init__(self) -> None:
        self._drawn: Future[list[SamplePost]] = Future()

    def begin(self) -> None:
        """Begin to draw: a few seconds, best while processes start."""
        self._drawn = in_background(sample_posts)

    def posts(self) -> Iterable[Sendable]:
        """The samples, one after the other, once they are drawn."""
        yield from self._drawn.result()

    def total(self) -> int | None:
        """How many samples there are, once they are drawn."""
        return len(self._drawn.result()) if self._drawn.done() else None

    def remarks(self, names: Sequence[str], outcomes: Sequence[Outcome]) -> list[str]:
        """Which samples did not end as the shipped policy makes them."""
        expected = {sample.name: sample for sample in self._drawn.result()}
        wrong = [
            f"{name}: expected {expected[name].expected} {expected[name].rule}, got {outcome.post.state} {outcome.rule}"
            for name, outcome in zip(names, outcomes, strict=True)
            if name in expected and not _as_expected(expected[name], outcome)
        ]
        right = len(outcomes) - len(wrong)
        return [f"{right} of {len(outcomes)} ended as the samples expect under the shipped policy", *wrong]


class Nothing:
    """No posts: serve what comes from outside."""

    def begin(self) -> None:
        """Nothing to make."""

    def posts(self) -> Iterable[Sendable]:
        """No posts."""
        return ()

    def total(self) -> int | None:
        """None of them."""
        return 0

    def remarks(self, names: Sequence[str], outcomes: Sequence[Outcome]) -> list[str]:  # noqa: ARG002 - of the protocol
        """Nothing to say."""
        return []


def _as_expected(sample: SamplePost, outcome: Outcome) -> bool:
    states = {
        Verdict.APPROVE: PostState.PUBLISHED,
        Verdict.HOLD: PostState.HELD,
        Verdict.REJECT: PostState.REJECTED,
    }
    return outcome.post.state is states[sample.expected] and outcome.rule == (sample.rule or NO_RULE)
