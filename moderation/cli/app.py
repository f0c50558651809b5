"""The list of commands: one module each, imported here and nowhere else."""

import typer

from moderation.cli import (
    account,
    audit,
    bank,
    bench,
    database,
    exchange,
    key,
    lane,
    models,
    plan,
    policy,
    post,
    retroaction,
    signals,
    submit,
    webhook,
)
from moderation.cli.eval import app as evaluations
from moderation.cli.help_text import unfold_help
from moderation.cli.up import up

app = typer.Typer(
    name="moderation",
    help="Screen AI-generated images and captions before they are published.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command()(up)
app.command()(submit.submit)
app.command(hidden=True)(lane.lane)
app.add_typer(post.app, name="post")
app.add_typer(bank.app, name="bank")
app.add_typer(exchange.app, name="exchange")
app.add_typer(retroaction.app, name="retroaction")
app.add_typer(policy.app, name="policy")
app.add_typer(plan.app, name="plan")
app.add_typer(models.app, name="models")
app.add_typer(signals.app, name="signals")
app.add_typer(webhook.app, name="webhook")
app.add_typer(key.app, name="key")
app.add_typer(account.app, name="account")
app.add_typer(audit.app, name="audit")
app.add_typer(database.app, name="db")
app.add_typer(bench.app, name="bench")
app.add_typer(evaluations, name="eval")
unfold_help(app)


@app.callback()
def root() -> None:
    """Screen AI-generated images and captions before they are published."""
