"""Help as it is written in docstrings, for terminals of every width."""

import inspect
import re

import typer

SINGLE = re.compile(r"(?<!\n)\n(?!\s)")
"""The end of a line inside a paragraph; the next line is not indented."""


def unfold_help(app: typer.Typer) -> None:
    """Join the lines of each paragraph of every command's help: Typer keeps breaks that fit a source file's width.

    Paragraphs stay apart, and so do indented lines.
    """
    for command in app.registered_commands:
        written = command.help or inspect.getdoc(command.callback) or ""
        command.help = SINGLE.sub(" ", inspect.cleandoc(written)) or None
    for group in app.registered_groups:
        if group.typer_instance is not None:
            unfold_help(group.typer_instance)
