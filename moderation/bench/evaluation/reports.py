"""Writes an evaluation's report: `report.html` to look at, and `report.json` with every figure in it."""

import json
from collections.abc import Sequence
from pathlib import Path

from moderation.bench.evaluation.picture_figures import PictureFigures
from moderation.bench.evaluation.text import TextEvaluation
from moderation.domain.errors import UnavailableError
from moderation.reporting.evaluation.document import Document

JSON_FILE = "report.json"


def write_text_report(folder: Path, document: Document, _found: Sequence[TextEvaluation]) -> Path:
    """The report's file. Raises UnavailableError when the folder cannot be written."""
    return _write(folder, document)


def write_picture_report(folder: Path, document: Document, _found: PictureFigures) -> Path:
    """The report's file. Raises UnavailableError when the folder cannot be written."""
    return _write(folder, document)


def _write(folder: Path, document: Document) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / JSON_FILE
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UnavailableError(f"The report cannot be written to {folder}: {error.strerror}.") from error
    return path
