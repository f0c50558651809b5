"""`moderation submit`: posts from files, through the same intake as the API."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from datasets.files import load
from moderation.assembly import blob_store, intake, now
from moderation.cli.output import console, errors, print_json
from moderation.cli.session import Session, session
from moderation.domain.errors import ModerationError, UnavailableError
from moderation.domain.ids import PostId
from moderation.domain.post import PENDING, Author, Post
from moderation.screening.intake import Submission
from moderation.storage.posts import PostStore

POLL_SECONDS = 0.1


def submit(
    paths: Annotated[list[Path], typer.Argument(help="Images, folders, or .jsonl/.csv files.")],
    caption: Annotated[str | None, typer.Option(help="Caption, instead of the files'.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Prompt, instead of the files'.")] = None,
    author: Annotated[str | None, typer.Option(help="Author, instead of the files'.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the verdicts.")] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait at the most.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Accept posts from files; the lanes that `moderation up` keeps alive screen them.

    A .jsonl or .csv file has `image,caption,prompt,author`, with images relative to the file. What is refused is
    named, and the rest goes on; the exit status is 1 if anything was refused or has no verdict in time.

    Example: moderation submit ./pictures --caption "a quiet lake" --wait
    """
    with session() as opened:
        accepted, refused = _accept_all(opened, _submissions(paths, caption, prompt, author))
        posts = _wait(opened, accepted, timeout) if wait else PostStore(opened.database).many(accepted)
    pending = sum(post.state in PENDING for post in posts.values())
    if as_json:
        rows = [{"id": post.id, "state": post.state.value} for post in posts.values()]
        print_json({"posts": rows, "refused": refused, "pending": pending})
    else:
        _print(list(posts.values()), refused)
    if refused or (wait and pending):
        raise typer.Exit(1)


def _submissions(
    paths: Iterable[Path], caption: str | None, prompt: str | None, author: str | None
) -> Iterator[tuple[str, Submission]]:
    """Every post with its name; what the command line says replaces what the files say."""
    for path in paths:
        for found in load(path):
            yield (
                found.name,
                Submission(
                    image=found.image,
                    caption=found.caption if caption is None else caption,
                    prompt=found.prompt if prompt is None else prompt,
                    author=found.author if author is None else Author(author),
                ),
            )


def _accept_all(opened: Session, submissions: Iterable[tuple[str, Submission]]) -> tuple[list[PostId], list[str]]:
    door = intake(opened.settings, opened.database, blob_store(opened.settings))
    accepted: list[PostId] = []
    refused: list[str] = []
    for name, submission in submissions:
        try:
            result = door.accept(submission, client="cli", idempotency_key=None, now=now())
        except UnavailableError:
            raise
        except ModerationError as error:
            refused.append(f"{name}: {error.message}")
        else:
            accepted.append(result.post.id)
    return accepted, refused


def _wait(opened: Session, ids: list[PostId], timeout: float) -> dict[PostId, Post]:
    store, until = PostStore(opened.database), time.monotonic() + timeout
    columns = (TextColumn("screening"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("screening", total=len(ids))
        while True:
            posts = store.many(ids)
            done = sum(post.state not in PENDING for post in posts.values())
            progress.update(task, completed=done)
            if done == len(ids) or time.monotonic() >= until:
                return posts
            time.sleep(POLL_SECONDS)


def _print(posts: list[Post], refused: list[str]) -> None:
    table = Table(box=None, header_style="bold")
    table.add_column("post", no_wrap=True, min_width=36)
    for column in ("state", "caption"):
        table.add_column(column)
    for post in posts:
        table.add_row(post.id, post.state.value, post.caption[:60])
    console.print(table)
    counts = Counter(post.state.value for post in posts)
    console.print(", ".join(f"{count} {state}" for state, count in counts.most_common()) or "nothing was accepted")
    for line in refused:
        errors.print(f"refused: {line}", style="red", markup=False)
