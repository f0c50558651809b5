"""`moderation key`: API keys, stored hashed and shown once."""

from typing import Annotated

import typer
from rich.table import Table

from moderation.assembly import now
from moderation.cli.output import console, print_json
from moderation.cli.session import session
from moderation.domain.errors import InvalidInputError
from moderation.storage.keys import SCOPES, ApiKeyStore

app = typer.Typer(no_args_is_help=True, help="API keys: hashed at rest, shown once, revocable.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The client, e.g. feed-backend.")],
    scope: Annotated[list[str] | None, typer.Option(help="What it may do; repeat. Default: posts and feed.")] = None,
    per_minute: Annotated[int, typer.Option(min=1, help="Requests a minute.")] = 600,
    as_json: AsJson = False,
) -> None:
    """Make a key. The secret is printed once and cannot be shown again.

    Example: moderation key create feed-backend --scope posts:write --scope posts:read
    """
    scopes = frozenset(scope or {"posts:write", "posts:read", "feed:read"})
    if unknown := sorted(scopes - SCOPES):
        raise InvalidInputError(f"No such scope: {', '.join(unknown)}.", hint=f"There are {', '.join(sorted(SCOPES))}.")
    with session() as opened:
        _, secret = ApiKeyStore(opened.database).create(name, scopes=scopes, per_minute=per_minute, now=now())
    if as_json:
        print_json({"name": name, "scopes": sorted(scopes), "secret": secret})
    else:
        console.print(f"Key of {name}, shown only now: [bold]{secret}[/]")


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The client.")], as_json: AsJson = False) -> None:
    """Make a key worthless, at once.

    Example: moderation key revoke feed-backend
    """
    with session() as opened:
        ApiKeyStore(opened.database).revoke(name, now=now())
    if as_json:
        print_json({"revoked": name})
    else:
        console.print(f"Revoked the key of {name}.")


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List the keys, never their secrets.

    Example: moderation key list
    """
    with session() as opened:
        keys = ApiKeyStore(opened.database).list()
    rows = [
        {
            "name": key.name,
            "scopes": " ".join(sorted(key.scopes)),
            "per_minute": key.per_minute,
            "created": key.created_at.isoformat(timespec="seconds"),
            "last_used": key.last_used_at.isoformat(timespec="seconds") if key.last_used_at else "never",
            "revoked": key.revoked_at.isoformat(timespec="seconds") if key.revoked_at else "",
        }
        for key in keys
    ]
    if as_json:
        print_json({"keys": rows})
        return
    table = Table("name", "scopes", "per minute", "created", "last used", "revoked", box=None, header_style="bold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)
