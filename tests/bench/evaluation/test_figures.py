import json
from pathlib import Path

import pytest

from moderation.bench.evaluation.figures import (
    RELEASED,
    figures_of,
    picture_key,
    read_figures,
    record_pictures,
    record_text,
)
from moderation.domain.errors import InvalidInputError, UnavailableError

SET = {"set": "one", "examples": 3, "sha256": "ab", "columns": {}, "any": {}, "slices": {}, "obfuscations": {}}
TEXT: dict[str, object] = {"model": {"name": "m", "digest": "d"}, "sets": [SET]}
PICTURES: dict[str, object] = {"signal": "s", "source": "p", "models": {}, "pictures": 2, "measured": 2, "columns": {}}


def test_what_was_recorded_is_read_and_other_sets_stay(tmp_path: Path) -> None:
    path = tmp_path / "models" / "figures.json"
    record_text(path, TEXT)
    record_text(path, {**TEXT, "sets": [{**SET, "set": "two"}]})
    record_text(path, {**TEXT, "sets": [{**SET, "examples": 4}]})
    record_pictures(path, PICTURES)
    assert (figures_of("one", "text", path) or {})["examples"] == 4
    assert (figures_of("two", "text", path) or {})["model"] == TEXT["model"]
    assert "slices" not in (figures_of("two", "text", path) or {})
    assert (figures_of(picture_key(PICTURES), "pictures", path) or {})["measured"] == 2
    assert figures_of("three", "text", path) is None


def test_without_a_file_nothing_was_recorded(tmp_path: Path) -> None:
    assert figures_of("one", "text", tmp_path / "none.json") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "text": [], "pictures": {}}'])
def test_a_file_of_another_kind_is_refused_and_never_written_over(tmp_path: Path, text: str) -> None:
    path = tmp_path / "figures.json"
    path.write_text(text, encoding="utf-8")
    for act in (lambda: read_figures(path), lambda: record_text(path, TEXT)):
        with pytest.raises(InvalidInputError, match="figures"):
            act()
    assert path.read_text(encoding="utf-8") == text


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UnavailableError, match="cannot be written"):
        record_text(tmp_path / "file" / "figures.json", TEXT)


def test_the_released_figures_can_be_read() -> None:
    assert set(read_figures(RELEASED)) == {"version", "text", "pictures"}
    assert json.dumps(read_figures(RELEASED), allow_nan=False)
