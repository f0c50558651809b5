"""`moderation models prune`: removes kept exports that nothing can use any more."""

import time
from pathlib import Path
from typing import Annotated

import typer

from moderation.assembly import model_store
from moderation.cli.output import console, print_json
from moderation.cli.session import Session, session
from moderation.domain.errors import ModelStoreError
from moderation.domain.ids import Digest
from moderation.signals.engine.exports import FOLDER
from moderation.signals.engine.pruning import Leftover, leftovers, remove
from moderation.signals.models import ModelStore
from moderation.storage.model_roles import ModelRoleStore

Json = Annotated[bool, typer.Option("--json", help="One JSON object as the last line.")]


def prune(
    yes: Annotated[bool, typer.Option("--yes", help="Remove them; without it they are only listed.")] = False,
    as_json: Json = False,
) -> None:
    """List kept ONNX exports that nothing can use any more, and with --yes remove them.

    These are exports of models that neither the registry and the store nor a role have, those that other versions of
    torch, ONNX or this software made, and halves that an interrupted export left. An export that a lane opens or makes
    at the moment stays, lanes that run are not disturbed, and what is removed too much is made again when it is needed.

    Example: moderation models prune --yes
    """
    with session() as opened:
        store = model_store(opened.settings)
        wanted = in_use(store, opened)
    folder = store.root / FOLDER
    try:
        found = leftovers(folder, wanted, now=time.time())
        removed = remove(folder, found) if yes else []
    except OSError as error:
        said = f"Exports in {folder} cannot be pruned: {error}."
        raise ModelStoreError(said, hint="Run it as the user that the lanes run as.") from error
    if as_json:
        print_json(_document(folder, found, removed))
    else:
        _tell(folder, found, removed, yes=yes)


def in_use(store: ModelStore, opened: Session) -> frozenset[Digest]:
    """Digests of the models that the registry names and the store has, and of those that have or had a role.

    Raises `ModelStoreError` when the store's pins cannot be read: then nothing is known to be unused.
    """
    entries = [store.entry(name) for name in store.names]
    present = {entry.digest for entry in entries if not entry.gaps and (store.root / entry.name).is_dir()}
    roles = ModelRoleStore(opened.database).current().values()
    pins = [pin for one in roles for pin in (one.live, one.candidate, one.former) if pin is not None]
    return frozenset({*present, *(pin.digest for pin in pins)})


def register(app: typer.Typer) -> None:
    """Add this command to `moderation models`."""
    app.command()(prune)


def _tell(folder: Path, found: list[Leftover], removed: list[Leftover], *, yes: bool) -> None:
    for one in found:
        state = "" if not yes else "removed  " if one in removed else "in use now, stays  "
        console.print(f"{state}{one.path.name}  {_size(one.bytes)}  {one.why}", markup=False, soft_wrap=True)
    if not found:
        console.print(f"Nothing to remove in {folder}.", markup=False, soft_wrap=True)
    elif yes:
        console.print(f"Removed {len(removed)} of {len(found)} files, {_size(sum(one.bytes for one in removed))}.")
    else:
        console.print(f"{len(found)} files, {_size(sum(one.bytes for one in found))}. Nothing was removed yet.")
        console.print("Remove them: moderation models prune --yes", style="dim")


def _document(folder: Path, found: list[Leftover], removed: list[Leftover]) -> dict[str, object]:
    files = [{"file": one.path.name, "bytes": one.bytes, "why": one.why, "removed": one in removed} for one in found]
    return {"folder": str(folder), "files": files, "removed_bytes": sum(one.bytes for one in removed)}


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
