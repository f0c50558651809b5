import json
from pathlib import Path

import pytest

from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.evaluation.picture_files import find_pictures

LABELS = ("S", "nsfw")


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"bytes")
    return folder


def rows(folder: Path, *given: object) -> Path:
    file = folder / "set.jsonl"
    file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in given), encoding="utf-8")
    return file


def test_a_folder_without_labels_knows_nothing(tmp_path: Path) -> None:
    found = find_pictures(put(tmp_path, "b.jpg", "a", "sub/c.png", "README.md", ".hidden/x.png", ".y.png"), LABELS)
    assert [(each.name, each.harmful, each.slice) for each in found.files] == [
        ("a", None, ""),
        ("b.jpg", None, ""),
        ("sub/c.png", None, "sub"),
    ]
    assert found.ignored == ("README.md",)


def test_a_sub_folder_with_a_label_makes_the_others_harmless(tmp_path: Path) -> None:
    found = find_pictures(put(tmp_path, "NSFW/a.png", "NSFW/deep/b.png", "drawings/c.png", "loose.png"), LABELS)
    assert {each.name: each.harmful for each in found.files} == {
        "NSFW/a.png": True,
        "NSFW/deep/b.png": True,
        "drawings/c.png": False,
        "loose.png": None,
    }


def test_rows_name_paths_beside_their_file(tmp_path: Path) -> None:
    file = rows(
        tmp_path,
        {"path": "a.png", "labels": {"S": 1, "V": 0}, "slice": "drawn"},
        {"path": "b.png", "labels": {"S": 0}},
        {"path": "c.png", "labels": {"V": 1}},
        {"path": "d.png"},
    )
    found = find_pictures(file, LABELS)
    assert [each.harmful for each in found.files] == [True, False, None, None]
    assert (found.files[0].path, found.files[0].slice) == (tmp_path / "a.png", "drawn")


@pytest.mark.parametrize(
    "row",
    [
        "{",
        "[]",
        {"labels": {}},
        {"path": 1},
        {"path": "a\0b"},
        {"path": "a\ud800"},
        {"path": "a", "labels": {"S": 2}},
        {"path": "a", "labels": [1]},
        {"path": "a", "slice": 1},
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, row: object) -> None:
    with pytest.raises(InvalidInputError, match="line 2"):
        find_pictures(rows(tmp_path, {"path": "a.png"}, row), LABELS)


def test_a_source_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        find_pictures(tmp_path / "none", LABELS)
    with pytest.raises(InvalidInputError, match="no picture"):
        find_pictures(put(tmp_path, "README.md"), LABELS)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(InvalidInputError, match="a folder, or lines of JSON"):
        find_pictures(tmp_path / "picture.png", LABELS)
