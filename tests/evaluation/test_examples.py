import json
from pathlib import Path

import numpy as np
import pytest

from moderation.domain.errors import InvalidInputError, NotFoundError
from moderation.domain.harm import HarmCategory
from moderation.domain.signal import Surface
from moderation.evaluation.examples import label_matrix, read_examples

CHALLENGES = Path(__file__).resolve().parents[2] / "datasets" / "challenges"
GOOD = {"id": "a:1", "text": "a quiet lake", "labels": {"S": 0, "H": 1, "T": 1}, "source": "a", "more": [1]}


def written(path: Path, *rows: object) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    file = path / "set.jsonl"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_a_row_is_read_with_what_is_known_of_it(tmp_path: Path) -> None:
    (example,) = read_examples(written(tmp_path, "", {**GOOD, "slice": "quiet", "surface": "prompt"}, "  "))
    assert (example.id, example.text, example.slice, example.surface) == (
        "a:1",
        "a quiet lake",
        "quiet",
        Surface.PROMPT,
    )
    assert example.labels == {HarmCategory.SEXUAL: False, HarmCategory.HATE: True}
    assert label_matrix([example])[0].tolist() == pytest.approx([0, 1, *[np.nan] * 6], nan_ok=True)


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    (example,) = read_examples(written(tmp_path, json.dumps({**GOOD, "text": "one\u2028two"}, ensure_ascii=False)))
    assert example.text == "one\u2028two"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "an object"),
        ({"labels": {}}, "an object"),
        ({**GOOD, "text": 5}, "an object"),
        ({**GOOD, "labels": None}, "not an object"),
        ({"text": "a"}, "not an object"),
        ({**GOOD, "labels": {"Sexual": 1}}, "not one of"),
        ({**GOOD, "labels": {"S": 2}}, "neither 0 nor 1"),
        ({**GOOD, "labels": {"S": True}}, "neither 0 nor 1"),
        ({**GOOD, "labels": {"S": "1"}}, "neither 0 nor 1"),
        ({**GOOD, "surface": "image"}, "surface"),
        ({**GOOD, "surface": ["prompt"]}, "surface"),
        ({**GOOD, "slice": 1}, "slice"),
    ],
)
def test_what_is_no_example_is_refused_with_file_and_line(tmp_path: Path, row: object, problem: str) -> None:
    with pytest.raises(InvalidInputError, match=problem) as refused:
        read_examples(written(tmp_path, GOOD, row))
    assert "set.jsonl, line 2" in refused.value.message


def test_files_without_examples_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no example"):
        read_examples(written(tmp_path, ""))
    with pytest.raises(NotFoundError, match="cannot be read"):
        read_examples(tmp_path / "none.jsonl")
    with pytest.raises(NotFoundError, match="cannot be read"):
        read_examples(tmp_path)
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInputError, match="UTF-8"):
        read_examples(tmp_path / "bytes.jsonl")


@pytest.mark.parametrize("file", sorted(CHALLENGES.glob("*.jsonl")), ids=lambda path: str(path.stem))
def test_every_challenge_set_can_be_read_and_says_where_its_rows_belong(file: Path) -> None:
    examples = read_examples(file)
    assert len({example.id for example in examples}) == len({example.text for example in examples}) == len(examples)
    assert all(example.slice and example.surface and example.labels for example in examples)
    harmful = sum(any(example.labels.values()) for example in examples)
    if file.stem in {"functional_hate", "forum_posts"}:
        assert 0 < harmful < len(examples)
    else:
        assert harmful == (len(examples) if file.stem == "harmful" else 0)


def test_the_forum_posts_are_long_enough_and_of_every_kind() -> None:
    examples = read_examples(CHALLENGES / "forum_posts.jsonl")
    words = [len(example.text.split()) for example in examples]
    assert len(examples) >= 240
    assert (min(words) >= 10, max(words) <= 250) == (True, True)
    assert sum(count > 150 for count in words) >= 20, "it measures long texts"
    harmful = [example for example in examples if any(example.labels.values())]
    assert 0.3 <= len(harmful) / len(examples) <= 0.4
    assert sum("diluted" in example.slice for example in harmful) >= 30, "it measures diluted harm"
    assert {example.surface for example in examples} == {Surface.CAPTION, Surface.PROMPT}
    for category in HarmCategory:
        known = [example.labels[category] for example in examples if category in example.labels]
        if category is not HarmCategory.UNSAFE:
            assert len(known) == len(examples), f"every text says whether it is {category}"
            assert sum(known) >= 8, f"too few are {category}"


def test_the_forum_posts_labels_agree_with_each_other() -> None:
    for example in read_examples(CHALLENGES / "forum_posts.jsonl"):
        on = {category for category, value in example.labels.items() if value}
        assert HarmCategory.HATE_THREAT not in on or {HarmCategory.HATE, HarmCategory.VIOLENCE} <= on
        assert HarmCategory.VIOLENCE_GRAPHIC not in on or HarmCategory.VIOLENCE in on
        assert bool(on) == example.slice.endswith((", direct", ", diluted"))
