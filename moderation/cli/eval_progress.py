"""Bars for what an evaluation scores, and what it does after that: intervals take a while too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from moderation.cli.output import errors

Tell = Callable[[str, int, int], None]
"""Told what is being scored, how much of it is done, and how much there is."""


@contextmanager
def progress_bars() -> Iterator[Tell]:
    """A bar for each thing that is being scored, on standard error; nothing where that is no terminal."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        yield _Teller(progress)


class _Teller:
    """Moves one bar; a new name starts the next one."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._name = ""
        self._task = progress.add_task("", total=None, visible=False)

    def __call__(self, name: str, done: int, total: int) -> None:
        """See `Tell`."""
        if name != self._name:
            self._progress.remove_task(self._task)
            self._name, self._task = name, self._progress.add_task(name, total=total)
        doing = name if done < total else f"{name}: figures and intervals"
        self._progress.update(self._task, completed=done, description=doing)
