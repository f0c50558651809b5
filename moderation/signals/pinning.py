"""Finds out which bytes a model of a hub has today, so that an operator can compare and pin them."""

import shutil
from collections.abc import Callable
from pathlib import Path

from moderation.domain.errors import InvalidInputError, ModelStoreError
from moderation.signals.pulling import Origins, check_format
from moderation.signals.registry import HubSource, ModelEntry
from moderation.signals.registry.pins import FilePin, Pin
from moderation.signals.wheels import file_digest


def propose_pin(
    entry: ModelEntry, origins: Origins, scratch: Path, say: Callable[[str], None], *, revision: str = ""
) -> Pin:
    """The pin that would complete `entry`: every file is brought to `scratch`, an empty folder, and read there.

    Of the entry's own commit, else of `revision`, else of the newest. From the mirror, if there is one, and then from
    nowhere else: somebody who fetched the files says of which commit they are. Nothing is written to any model store.
    Raises `InvalidInputError` when the entry leaves nothing open or confirms another commit, and `ModelStoreError`.
    """
    source = entry.source
    if not isinstance(source, HubSource) or not entry.gaps:
        raise InvalidInputError(
            f"{entry.name} is pinned already: its entry leaves nothing open.",
            hint=f"Fetch it: `moderation models pull {entry.name}`.",
        )
    if source.revision and revision not in ("", source.revision):
        raise InvalidInputError(
            f"{entry.name} is confirmed at {source.revision}, not at {revision}.",
            hint="Leave --revision out, or write another one into the entry.",
        )
    commit = source.revision or revision
    if not commit and origins.mirror:
        raise InvalidInputError("Say of which commit the files in the mirror are.", hint="Name it with --revision.")
    commit = commit or origins.hub.revision(source)
    files: dict[str, FilePin] = {}
    for file in entry.files:
        target = scratch / file.filename
        if origins.mirror:
            _copy(origins.mirror / entry.name / file.filename, target)
        else:
            say(f"{entry.name}: downloading {file.place} of {source.id} at {commit[:12]}")
            origins.hub.fetch(source, commit, file, target)
        check_format(target)
        files[file.filename] = FilePin(sha256=file_digest(target), bytes=target.stat().st_size)
    return Pin(revision=commit, files=files)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise ModelStoreError(f"{source.parent.name}/{source.name} cannot be read from the mirror: {error}.") from error
