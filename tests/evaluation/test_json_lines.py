from pathlib import Path

import pytest

from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.evaluation.json_lines import json_lines


def test_values_come_with_their_line_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n\n[2]\u2028\n3', encoding="utf-8")
    with pytest.raises(InvalidInputError, match="line 3: not JSON"):
        list(json_lines(path))
    path.write_text('{"a": "\u2028"}\n \n[2]\r\n3\n', encoding="utf-8")
    assert list(json_lines(path)) == [(1, {"a": "\u2028"}), (3, [2]), (4, 3)]


def test_what_is_no_such_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="cannot be read"):
        list(json_lines(tmp_path))
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\xff")
    with pytest.raises(InvalidInputError, match="UTF-8"):
        list(json_lines(path))
    path.write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(InvalidInputError, match="line 1"):
        list(json_lines(path))
