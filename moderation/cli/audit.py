"""`moderation audit`: the hash-chained log of every state change."""

import sys
from typing import Annotated

import typer
from rich.progress import Progress

from moderation.cli.output import console, errors, print_json
from moderation.cli.session import session
from moderation.storage.audit import AuditStore

app = typer.Typer(no_args_is_help=True, help="The hash-chained log of every state change.")


@app.command()
def verify(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Walk the whole chain; exits with 1 and names the first event that was edited, removed or moved.

    Keep the printed head somewhere else: a later chain must still contain it.

    Example: moderation audit verify --json
    """
    with session() as opened, Progress(console=errors, transient=True) as progress:
        task = progress.add_task("verifying", total=AuditStore(opened.database).head()[0] or None)
        report = AuditStore(opened.database).verify(progress=lambda done: progress.update(task, completed=done))
    problem = report.problem
    if as_json:
        broken = {"number": problem.number, "problem": problem.problem} if problem else None
        print_json({"ok": problem is None, "events": report.events, "head": report.head, "broken": broken})
    elif problem is None:
        console.print(f"[green]intact[/]: {report.events} events, head {report.head}")
    else:
        errors.print(f"[bold red]broken[/] at event {problem.number}: {problem.problem}")
    if problem is not None:
        sys.exit(1)
