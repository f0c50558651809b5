"""What a person sees while posts are screened, and afterwards."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from moderation.cli.up.outcomes import Summary
from moderation.domain.ids import PostId
from moderation.domain.post import Post, PostState

PLAIN_SECONDS = 2.0
"""Where there is no terminal, a line at most this often."""

COLOURS = {PostState.PUBLISHED: "green", PostState.HELD: "yellow", PostState.REJECTED: "red"}


class Display:
    """A live bar on a terminal, now and then a line elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None, detail="")
        self._last, self._said_at = "", 0.0

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._bar.stop()

    def say(self, line: str) -> None:
        """A line that stays."""
        self._console.print(line, style="dim", markup=False)

    def phase(self, text: str) -> None:
        """What is going on before posts move."""
        self._bar.update(self._task, description=text)
        self._plain(text)

    def progress(self, posts: Mapping[PostId, Post], *, settled: int, total: int | None, lanes: int) -> None:
        """How far screening is. `total` is None while it is not known."""
        counts = Counter(post.state for post in posts.values())
        words = [f"[{colour}]{counts[state]} {state}[/]" for state, colour in COLOURS.items() if counts[state]]
        doing = "screening" if lanes else "starting a lane (see logs/code-server.log)"
        self._bar.update(self._task, description=doing, completed=settled, total=total, detail=", ".join(words))
        plain = ", ".join(f"{counts[state]} {state}" for state in COLOURS if counts[state])
        self._plain(f"{doing}: {settled} of {total if total is not None else '?'} posts {plain}".rstrip())

    def _plain(self, line: str) -> None:
        if self._console.is_terminal or line == self._last or time.monotonic() - self._said_at < PLAIN_SECONDS:
            return
        self._last, self._said_at = line, time.monotonic()
        self._console.print(line, markup=False)


def summary_table(summary: Summary) -> Table:
    """Posts by state, deciding rule and queue."""
    table = Table("outcome", "rule", "queue", "posts", box=None, header_style="bold", title_justify="left")
    table.columns[3].justify = "right"
    for state, rule, queue, count in summary.rows:
        colour = COLOURS.get(PostState(state), "default")
        table.add_row(f"[{colour}]{state}[/]", rule, queue, str(count))
    return table


def summary_lines(summary: Summary, refused: Sequence[str]) -> list[str]:
    """Throughput and latency, and what intake refused."""
    lines = [f"{summary.posts} posts, {summary.screened_now} screened now"]
    if summary.screened_now:
        lines[0] += f" at {summary.posts_per_s:.1f} a second"
    if summary.p50_s:
        lines.append(
            f"from intake to verdict: p50 {summary.p50_s:.2f} s, p95 {summary.p95_s:.2f} s, p99 {summary.p99_s:.2f} s"
        )
    lines.extend(f"refused at intake: {line}" for line in refused)
    return lines
