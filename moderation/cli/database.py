"""`moderation db`: the schema."""

from typing import Annotated

import typer

from moderation.assembly import blob_store, open_database
from moderation.cli.output import console, print_json
from moderation.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The database's schema.")


@app.command()
def migrate(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Bring the schema up to date and make the blob store's folder; safe to run from several processes at once.

    Example: MODERATION_DATABASE_URL=postgresql://me@db/moderation moderation db migrate
    """
    settings = load_settings()
    database = open_database(settings)
    try:
        blob_store(settings).prepare()
        database.migrate()
        if as_json:
            print_json({"dialect": database.dialect, "current": database.is_current()})
        else:
            console.print(f"The schema is current ({database.dialect}).")
    finally:
        database.close()
