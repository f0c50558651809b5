"""The list of commands: one module each, imported here and nowhere else."""

import typer

app = typer.Typer(
    name="moderation",
    help="Screen AI-generated images and captions before they are published.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def root() -> None:
    """Screen AI-generated images and captions before they are published."""
