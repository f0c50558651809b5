"""`moderation models describe|pin`: what a registry entry says, and completing one that leaves something open."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer
from rich.table import Table

from moderation.assembly import engine_options, model_store, signal_specs
from moderation.cli.output import console, errors, print_json
from moderation.domain.errors import InvalidInputError
from moderation.settings import load_settings, make_home
from moderation.signals.catalog import SPECS, form_of
from moderation.signals.engine.options import EngineOptions
from moderation.signals.engine.placement import ANY, in_words
from moderation.signals.models import ModelState, ModelStatus
from moderation.signals.pinning import propose_pin
from moderation.signals.pulling import Origins
from moderation.signals.registry import Classifier, HubSource, Isotonic, ModelEntry, PackageSource, Platt
from moderation.signals.registry.pins import Pin

Name = Annotated[str, typer.Argument(help="A model of the registry: see `moderation models list`.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object as the last line.")]
KINDS = MappingProxyType(
    {"image-classification": "image", "zero-shot-image": "zero-shot", "text-classification": "text"}
)


def register(app: typer.Typer) -> None:
    """Add these commands to `moderation models`."""
    for command in (describe, pin):
        app.command()(command)


def describe(name: Name, as_json: Json = False) -> None:
    """Everything that is known of a model, what could not be confirmed, and who loads it.

    Example: moderation models describe falconsai-nsfw
    """
    settings = load_settings()
    status = model_store(settings).verify(name)
    users = loaders(name)
    if as_json:
        runs = runs_in_words(status.entry, engine_options(settings))
        print_json({"model": {**entry_document(status, users), "runs": runs}})
        return
    table = Table(box=None, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for label, value in _lines(status, users, engine_options(settings)):
        table.add_row(label, value)
    console.print(table, markup=False)


def pin(
    name: Name,
    revision: Annotated[str, typer.Option(help="The full commit hash to pin; none: the newest.")] = "",
    mirror: Annotated[
        Path | None, typer.Option(help="A folder that has the files as NAME/FILE, fetched before.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Find out revision, sizes and SHA-256 of a model on its hub, to be compared with its page, and write them down.

    The files go to a temporary folder and are not loaded. Pins stand in `pins.yaml` in the model store; they complete
    an entry and never change what it confirms. Afterwards `moderation models pull NAME` fetches exactly these bytes.

    Example: moderation models pin falconsai-nsfw
    """
    settings = load_settings()
    if settings.models_dir is None:
        make_home(settings.home)
    store = model_store(settings)
    entry = store.declared(name)
    if revision and (len(revision) != 40 or set(revision) - set("0123456789abcdef")):  # noqa: PLR2004 - hexadecimal SHA-1
        raise InvalidInputError(
            "A revision is a full commit hash of 40 hexadecimal digits: branches and tags move.",
            hint="The model's page lists its commits; without --revision the newest is taken.",
        )
    with tempfile.TemporaryDirectory(prefix="pin-") as folder:
        found = propose_pin(entry, Origins(mirror, store.hub), Path(folder), _say, revision=revision)
    if not as_json:
        _show(entry, found)
    if not yes:
        if as_json:
            raise InvalidInputError(
                "With --json nobody can be asked.", hint="Compare the figures first, then say --yes."
            )
        typer.confirm("Do these figures agree with the model's page? Pin them", abort=True, err=True)
    store.pin(name, found)
    if as_json:
        print_json({"name": name, "pin": found.model_dump(mode="json")})
    else:
        console.print(f"{name} is pinned. Fetch it with `moderation models pull {name}`.", markup=False)


def loaders(name: str) -> list[str]:
    """The signals that load the model of that name with the settings in force."""
    return [spec.name for spec in signal_specs(load_settings()) if name in spec.models]


def kind_of(entry: ModelEntry) -> str:
    """What the model is for, in a word."""
    return KINDS[entry.classifier.task] if entry.classifier else "weights"


def entry_document(status: ModelStatus, users: list[str]) -> dict[str, object]:
    """One model for programs; `digest` is null while something is not pinned."""
    entry = status.entry
    return {
        "name": entry.name,
        "kind": kind_of(entry),
        "state": status.state,
        "problem": status.problem,
        "digest": None if entry.gaps else entry.digest,
        "loaded_by": users,
        **entry.model_dump(mode="json", exclude={"name", "files"}),
        "files": {file.filename: {"sha256": file.sha256, "bytes": file.bytes} for file in entry.files},
    }


def runs_in_words(entry: ModelEntry, options: EngineOptions) -> str:
    """Where and in what precision the model runs with these options, and why; empty for one that nothing runs."""
    spec = next((spec for spec in SPECS if entry.name in spec.models), None)
    form = ANY if entry.classifier is not None else form_of(spec) if spec is not None else None
    return "" if form is None else in_words(form, options)


def _lines(status: ModelStatus, users: list[str], options: EngineOptions) -> Iterator[tuple[str, str]]:
    entry = status.entry
    yield entry.name, entry.title
    yield "state", f"{status.state} {status.problem}".strip()
    if status.state is not ModelState.VERIFIED:
        yield "next", f"moderation models {'pin' if status.state is ModelState.UNPINNED else 'pull'} {entry.name}"
    yield "kind", kind_of(entry)
    yield "licence", entry.licence + ("" if entry.facts is None or entry.facts.commercial_use else " (non-commercial!)")
    yield "loaded by", ", ".join(users) or "none"
    yield "runs", runs_in_words(entry, options) or "nothing runs it"
    yield "card", entry.card
    yield "source", _source(entry)
    for file in entry.files:
        size = f"{file.bytes / 1e6:.1f} MB, SHA-256 {file.sha256}" if file.bytes else "size and SHA-256 not pinned"
        yield "file", f"{file.filename}: {size}"
    if entry.facts is not None:
        facts = entry.facts
        yield "architecture", facts.architecture
        yield "input", facts.input
        yield "parameters", f"{facts.parameters / 1e6:.1f} million" if facts.parameters else "not known"
        yield "page", facts.link
        for said in facts.published:
            yield "published", f"{said.figure}, on {said.data} (from {said.source}); not measured here"
        for need in facts.requires:
            yield "requires", need
    if entry.classifier is not None:
        yield from _classifier_lines(entry.classifier)
    for field, why in entry.unconfirmed.items():
        yield "unconfirmed", f"{field}: {why}"


def _classifier_lines(classifier: Classifier) -> Iterator[tuple[str, str]]:
    yield "signal", f"{classifier.signal}: {classifier.description}"
    for column in classifier.columns:
        made = ", ".join(column.labels or column.phrases)
        how = _calibration(column.calibration)
        at = ", ".join(f"{use} {threshold:g}" for use, threshold in column.recommended.items()) or "no threshold"
        yield "column", f"{column.name}: {column.combine} of {made}; {how}; {at}"
    for failure in classifier.known_failures:
        yield "fails", failure


def _calibration(found: Platt | Isotonic | None) -> str:
    if found is None:
        return "not calibrated"
    if isinstance(found, Isotonic):
        return f"isotonic, {len(found.logits)} points"
    return f"Platt a={found.a:g} b={found.b:g}"


def _source(entry: ModelEntry) -> str:
    source = entry.source
    if isinstance(source, HubSource):
        return f"hub {source.id} at {source.revision or 'no pinned revision'}"
    if isinstance(source, PackageSource):
        return f"this installation, {source.folder}"
    return f"wheel {source.package}=={source.version}"


def _show(entry: ModelEntry, found: Pin) -> None:
    console.print(f"{entry.name} at revision {found.revision}", markup=False, soft_wrap=True)
    for filename, file in found.files.items():
        console.print(f"{file.sha256}  {filename}  {file.bytes} bytes", markup=False, soft_wrap=True)
    if entry.facts is not None:
        page = f"{entry.facts.link}/tree/{found.revision}"
        said = f"Compare with the model's page, which lists the SHA-256 of large files: {page}"
        console.print(said, markup=False, soft_wrap=True)
    for field, why in entry.unconfirmed.items():
        console.print(f"Also check {field}: {why}", markup=False)


def _say(line: str) -> None:
    errors.print(line, style="dim", markup=False)
