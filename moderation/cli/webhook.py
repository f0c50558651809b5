"""`moderation webhook`: who is told, what was delivered, and what was not."""

from datetime import datetime
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.table import Table

from moderation.assembly import now
from moderation.cli.output import console, print_json
from moderation.cli.session import session
from moderation.domain.errors import InvalidInputError
from moderation.screening.webhooks import new_secret, signing_key
from moderation.storage.outbox import OutboxStore

app = typer.Typer(no_args_is_help=True, help="Signed webhooks (Standard Webhooks), their failures and redelivery.")
ACTOR = "cli"
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="A name of your own, e.g. feed.")],
    url: Annotated[str, typer.Argument(help="Where events are posted to: https, or http inside your own network.")],
    secret: Annotated[str, typer.Option(envvar="MODERATION_WEBHOOK_SECRET", help="`whsec_…`; made if absent.")] = "",
    as_json: AsJson = False,
) -> None:
    """Send every event from now on to URL. The signing secret is printed once.

    Example: moderation webhook add feed https://feed.example/moderation
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise InvalidInputError(f"{url} is not an http or https address without credentials.")
    made = secret or new_secret()
    signing_key(made)
    with session() as opened:
        OutboxStore(opened.database).add_endpoint(name, url, made, now=now())
    if as_json:
        print_json({"endpoint": name, "url": url, **({} if secret else {"secret": made})})
    else:
        console.print(f"Events go to {name} ({url}).")
        if not secret:
            console.print(f"Signing secret, shown only now: [bold]{made}[/]")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="The endpoint.")], as_json: AsJson = False) -> None:
    """Send nothing more to an endpoint.

    Example: moderation webhook remove feed
    """
    with session() as opened:
        OutboxStore(opened.database).remove_endpoint(name, now=now())
    if as_json:
        print_json({"removed": name})
    else:
        console.print(f"Removed {name}.")


@app.command("list")
def list_endpoints(as_json: AsJson = False) -> None:
    """List the endpoints, what waits for delivery, and the dead letters.

    An endpoint that gives no answer is paused for a while; the others are not delayed by it.

    Example: moderation webhook list
    """
    with session() as opened:
        store = OutboxStore(opened.database)
        endpoints, backlog, dead = store.endpoints(), store.backlog(), store.dead(100)
    if as_json:
        letters = [
            {"message": letter.message.id, "type": letter.message.type, "endpoint": letter.endpoint.name}
            for letter in dead
        ]
        names = [
            {
                "name": endpoint.name,
                "url": endpoint.url,
                "silent_since": _time(endpoint.silent_since),
                "paused_until": _time(endpoint.paused_until),
            }
            for endpoint in endpoints
        ]
        print_json({"endpoints": names, "backlog": backlog, "dead": letters})
        return
    columns = ("endpoint", "url", "waiting", "dead letters", "silent since", "paused until")
    table = Table(*columns, box=None, header_style="bold")
    for endpoint in endpoints:
        letters_here = sum(letter.endpoint.name == endpoint.name for letter in dead)
        counts = (str(backlog.get(endpoint.name, 0)), str(letters_here))
        pause = (_time(endpoint.silent_since) or "", _time(endpoint.paused_until) or "")
        table.add_row(endpoint.name, endpoint.url, *counts, *pause)
    console.print(table)
    for letter in dead:
        console.print(f"dead: {letter.message.id} {letter.message.type} → {letter.endpoint.name}", style="red")


def _time(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


@app.command()
def redeliver(
    message: Annotated[str | None, typer.Argument(help="A message id; without one, every dead letter.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only to this endpoint.")] = None,
    as_json: AsJson = False,
) -> None:
    """Deliver again, with the same id: one message, or everything that was given up. Ends pauses.

    Example: moderation webhook redeliver --endpoint feed
    """
    with session() as opened:
        count = OutboxStore(opened.database).redeliver(
            message_id=message, endpoint=endpoint, dead_only=message is None, actor=ACTOR, now=now()
        )
    if as_json:
        print_json({"redelivering": count})
    else:
        console.print(f"{count} deliveries are due again.")
