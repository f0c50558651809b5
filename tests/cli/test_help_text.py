"""Every command's help fits terminals of every width."""

from collections.abc import Iterator

import pytest
import typer

from moderation.cli.app import app
from moderation.cli.help_text import SINGLE, unfold_help
from tests.cli.conftest import Run


def helps(group: typer.Typer) -> Iterator[str]:
    yield from (command.help or "" for command in group.registered_commands)
    for each in group.registered_groups:
        assert each.typer_instance is not None
        yield from helps(each.typer_instance)


def test_paragraphs_are_joined_and_stay_apart() -> None:
    own = typer.Typer()

    @own.command()
    def one() -> None:
        """Do it.

        The first line
        and the second.

            kept
            apart

        Example: one
        """

    group = typer.Typer()
    group.add_typer(own, name="own")
    unfold_help(group)
    unfold_help(group)
    (command,) = own.registered_commands
    assert command.help == "Do it.\n\nThe first line and the second.\n\n    kept\n    apart\n\nExample: one"


def test_no_command_breaks_a_line_where_its_source_does() -> None:
    found = list(helps(app))
    assert len(found) > 50
    assert all(found)
    assert not [text for text in found if SINGLE.search(text)]
    assert not [text for text in found if " - " in text.splitlines()[-1]]


def test_a_narrow_terminal_shows_whole_lines(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    shown = run("models", "pull", "--help").out
    assert "A model that cannot be had does not keep" in " ".join(shown.split())
    lines = [line.strip() for line in shown.splitlines()]
    start = next(place for place, line in enumerate(lines) if line.startswith("A transformers model is exported"))
    assert all(len(line) > 40 for line in lines[start : start + 3])
