import json
from pathlib import Path

from typer.testing import CliRunner

from datasets.captions.__main__ import app
from datasets.captions.frames import families


def test_rows_are_written_as_json_lines(tmp_path: Path) -> None:
    out = tmp_path / "captions.jsonl"
    result = CliRunner().invoke(app, ["--rows", "2", "--seed", "5", "--out", str(out)])
    assert result.exit_code == 0
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert f"{len(rows)} rows in" in result.output
    assert len(rows) >= 2 * len(families()) - 20
    assert set(rows[0]) == {"id", "text", "labels", "source", "surface", "group", "split"}


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--rows", "1", "--out", str(tmp_path / "absent" / "captions.jsonl")])
    assert result.exit_code == 1
    assert "No such file" in result.output


def test_help_has_an_example() -> None:
    assert "Example" in CliRunner().invoke(app, ["--help"]).output
