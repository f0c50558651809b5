"""Writes an evaluation's report: `report.html` to look at, and `report.json` with every figure in it."""

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

from moderation.bench.evaluation.text import NamedScorer, TextEvaluation
from moderation.domain.errors import UnavailableError
from moderation.evaluation.pictures import PictureFigures
from moderation.reporting.evaluation.document import Document
from moderation.reporting.evaluation.picture_report import picture_report
from moderation.reporting.evaluation.text_report import TextSection, text_report

JSON_FILE = "report.json"
PAGE_FILE = "report.html"


def write_text_report(folder: Path, document: Document, scorer: NamedScorer, found: Sequence[TextEvaluation]) -> Path:
    """The page's file. Raises UnavailableError when the folder cannot be written."""
    sections = [
        TextSection(each.source.name, each.source.sha256, each.scored, each.result, each.obfuscations, each.baseline)
        for each in found
    ]
    return _write(folder, document, text_report(scorer.name, scorer.digest, sections))


def write_picture_report(folder: Path, document: Document, found: PictureFigures) -> Path:
    """The page's file. Raises UnavailableError when the folder cannot be written."""
    return _write(folder, document, picture_report(found))


def prepare(folder: Path) -> None:
    """Make the folder. Raises UnavailableError when nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _refused(folder, error) from error


def _write(folder: Path, document: Document, page: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / JSON_FILE).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        (folder / PAGE_FILE).write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise _refused(folder, error) from error
    return folder / PAGE_FILE


def _refused(folder: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        f"The report cannot be written to {folder}: {error.strerror}.", hint="Name a folder of yours: --report report."
    )
