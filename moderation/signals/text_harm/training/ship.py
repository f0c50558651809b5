"""Puts a trained product into the package: its files, its registry entry and the thresholds that specs recommend.

python -m moderation.signals.text_harm.training.ship FOLDER
"""

import sys
from pathlib import Path

import yaml

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.signals.text_harm.calibration import SURFACES, Calibration
from moderation.signals.text_harm.model import MODEL
from moderation.signals.text_harm.product import CALIBRATION_FILE, MODEL_FILE, TOKENIZER_FILE, Product
from moderation.signals.wheels import file_digest

PACKAGE = Path(__file__).resolve().parents[3]
"""The folder of the package `moderation`."""
SHIPPED = "signals/shipped/text-harm"
MOST_BYTES = 30_000_000
"""What a release may add to the repository."""

_CARD = (
    "Eight kinds of harm in English captions, prompts and picture text, by a fine-tuned all-MiniLM-L6-v2 in int8. "
    "Trained here on permissively licensed corpora and generated texts; see docs/models/text-harm.md."
)


def ship(folder: Path, package: Path = PACKAGE) -> None:
    """Copy the product in `folder` into the package.

    Raises `ModelStoreError` when it is no product, `ValueError` when it is too large.
    """
    product = Product.open(folder)
    names = (MODEL_FILE, TOKENIZER_FILE, CALIBRATION_FILE)
    contents = {name: (folder / name).read_bytes() for name in names}
    if sum(map(len, contents.values())) > MOST_BYTES:
        raise ValueError(f"the files are larger than {MOST_BYTES} bytes together")
    target = package / SHIPPED
    target.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (target / name).write_bytes(content)
    entry = {
        "name": MODEL,
        "title": "Harm in captions and prompts",
        "licence": "Apache-2.0 (encoder all-MiniLM-L6-v2); adapted weights under this project's licence",
        "card": _CARD,
        "source": {"kind": "package", "folder": SHIPPED},
        "files": [
            {"filename": name, "sha256": file_digest(target / name), "bytes": len(contents[name])} for name in names
        ],
    }
    text = yaml.safe_dump(entry, sort_keys=False, width=120)
    (package / "signals" / "registry" / f"{MODEL}.yaml").write_text(text, encoding="utf-8")
    module = package / "signals" / "text_harm" / "thresholds.py"
    module.write_text(thresholds_module(product.calibration), encoding="utf-8")


def thresholds_module(calibration: Calibration) -> str:
    """The source of `thresholds.py` for a calibration."""
    lines = [
        f"        (Surface.{Surface(surface).name}, HarmCategory.{HarmCategory(category).name}): _uses("
        f"{own.thresholds.high_recall}, {own.thresholds.balanced}, {own.thresholds.high_precision}),"
        for surface in SURFACES
        for category, own in calibration.surfaces[surface].items()
    ]
    return _MODULE.replace("@LINES@", "\n".join(lines))


_MODULE = '''"""Thresholds of the shipped model, as chosen on validation data: the same as in its `calibration.json`.

They stand here too, because specs are read where no model is (the policy compiler, the console, the command line).
Written by `moderation.signals.text_harm.training.ship`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface


def _uses(high_recall: float, balanced: float, high_precision: float) -> Mapping[str, float]:
    return MappingProxyType(
        {"high recall": high_recall, "balanced": balanced, "high precision": high_precision},
    )


THRESHOLDS: Mapping[tuple[Surface, HarmCategory], Mapping[str, float]] = MappingProxyType(
    {
@LINES@
    }
)


def thresholds(surface: Surface, category: HarmCategory) -> Mapping[str, float]:
    """The thresholds by use ("high recall", "balanced", "high precision") of a column."""
    return THRESHOLDS[surface, category]
'''


if __name__ == "__main__":
    ship(Path(sys.argv[1]))
