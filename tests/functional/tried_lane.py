"""A lane process whose model store knows `opennsfw-2`: other bytes than `opennsfw`, the same scores."""

import hashlib
import signal
import sys
import threading
from pathlib import Path

from moderation import assembly
from moderation.settings import Settings, load_settings
from moderation.signals.models import ModelStore
from moderation.signals.registry import ModelEntry, registry

SECOND = "opennsfw-2"
FILE = "open-nsfw.onnx"
COMMENT = b"\x32\x05other"
"""A second `doc_string` of an ONNX model: protocol buffers that are joined are merged."""


def prepare(models: Path, folder: Path) -> Path:
    """A store in `folder` with every model of `models`, and the second one."""
    folder.mkdir()
    for entry in models.iterdir():
        (folder / entry.name).symlink_to(entry)
    (folder / SECOND).mkdir()
    (folder / SECOND / FILE).write_bytes((models / "opennsfw" / FILE).read_bytes() + COMMENT)
    return folder


def entry(models: Path) -> ModelEntry:
    """The registry's entry of the second model."""
    shipped = next(one for one in registry() if one.name == "opennsfw")
    data = (models / SECOND / FILE).read_bytes()
    changed = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    return shipped.model_copy(update={"name": SECOND, "files": [shipped.files[0].model_copy(update=changed)]})


def store(settings: Settings) -> ModelStore:
    """The model store of such a lane."""
    return ModelStore(settings.models, entries=[*registry(), entry(settings.models)])


def main() -> None:
    """Like `moderation lane`."""
    assembly.model_store = store
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    assembly.work_lane(load_settings(), name=sys.argv[1], run_id="", stop=stop, report=lambda _: None)


if __name__ == "__main__":
    main()
