import json
from pathlib import Path

import pytest
import yaml
from PIL import Image

from moderation.bench.evaluation import pictures
from moderation.settings import load_settings
from moderation.signals.registry import ClassifierColumn, Platt
from tests.bench.evaluation.test_picture_calibration import overconfident, scores_of
from tests.cli.conftest import Run

ROWS = [
    {"text": "a quiet lake at dawn", "labels": dict.fromkeys(["S", "H", "V", "HR", "SH"], 0)},
    {"text": "hardcore porn video", "labels": {"S": 1, "H": 0, "V": 0}},
    {"text": "explicit porn of two adults", "labels": {"S": 1}},
    {"text": "two cups of tea", "labels": dict.fromkeys(["S", "H", "V", "HR", "SH"], 0)},
]


@pytest.fixture(scope="session")
def models_in_use() -> Path:
    """The store that `make test` fills; read before a test gets a home of its own."""
    return load_settings().models.resolve()


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    return file


def test_figures_as_json(run: Run, rows: Path) -> None:
    outcome = run(
        "eval", "text", str(rows), "--model", "terms", "--rounds", "100", "--obfuscate", "fullwidth", "--json"
    )
    assert outcome.code == 0, outcome.err
    assert outcome.json["model"] == {"name": "terms", "digest": ""}
    (found,) = outcome.json["sets"]
    sexual = found["columns"]["sexual"]
    assert (sexual["n"], sexual["positives"], sexual["average_precision"]["value"]) == (4, 2, 1.0)
    assert (sexual["recall"]["value"], sexual["false_alarms"]["value"]) == (1.0, 0.0)
    assert (found["any"]["harmful"], found["any"]["harmless"]) == (2, 2)
    assert found["obfuscations"]["fullwidth"]["kept"]["value"] == 1.0
    assert found["slices"]["length: 1-5 words"]["examples"] == 4
    assert len(found["sha256"]) == 64


def test_tables_name_categories_slices_and_the_baseline(run: Run, rows: Path) -> None:
    outcome = run("eval", "text", str(rows), "--model", "terms", "--baseline", "terms", "--rounds", "100")
    assert outcome.code == 0, outcome.err
    for word in ("rows  4 texts", "sexual", "false alarms", "term lists", "100.0 % (34.2 to 100.0)"):
        assert word in outcome.out


def test_names_from_files_are_no_markup(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "[red]rows.jsonl"
    row = {"text": "a quiet lake at dawn", "labels": dict.fromkeys(["S", "H", "V", "HR", "SH"], 0), "slice": "[/b] x"}
    file.write_text("\n".join([json.dumps(row)] * 5), encoding="utf-8")
    outcome = run("eval", "text", str(file), "--model", "terms", "--rounds", "100")
    assert outcome.code == 0, outcome.err
    assert "part: [/b] x" in outcome.out
    assert "[red]rows" in outcome.out


def test_a_row_of_the_model_cards(run: Run, rows: Path) -> None:
    outcome = run("eval", "text", str(rows), "--model", "terms", "--markdown", "--rounds", "100")
    assert outcome.out.strip().startswith("| rows | 4 | 50.0 % (")


def test_a_report_is_written_and_named(run: Run, rows: Path, tmp_path: Path) -> None:
    folder = tmp_path / "some" / "report"
    outcome = run("eval", "text", str(rows), "--model", "terms", "--rounds", "100", "--report", str(folder), "--json")
    assert outcome.code == 0, outcome.err
    assert "average precision" in (folder / "report.html").read_text(encoding="utf-8")
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == outcome.json
    (folder.parent / "file").write_text("")
    refused = run("eval", "text", str(rows), "--model", "terms", "--report", str(folder.parent / "file" / "x"))
    assert refused.code == 1
    assert "cannot be written" in " ".join(refused.err.split())


@pytest.mark.parametrize(
    "arguments",
    [("--surface", "image"), ("--obfuscate", "rot13"), ("--baseline", "dice"), ("--model", "no-such-model")],
)
def test_unknown_names_are_one_clear_error(run: Run, rows: Path, arguments: tuple[str, str]) -> None:
    outcome = run("eval", "text", str(rows), *arguments)
    assert outcome.code == 1
    assert "error" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_bad_row_is_named_before_anything_is_scored(run: Run, rows: Path) -> None:
    rows.write_text(rows.read_text(encoding="utf-8") + '\n{"text": 1}\n', encoding="utf-8")
    outcome = run("eval", "text", str(rows), "--model", "terms")
    assert outcome.code == 1
    assert "line 5" in outcome.err
    assert outcome.out == ""


def test_recorded_figures_become_the_tables_of_a_document(run: Run, rows: Path, tmp_path: Path) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page.md"
    page.write_text("# Models\n<!-- figures: begin --><!-- figures: end -->\n", encoding="utf-8")
    recorded = run("eval", "text", str(rows), "--model", "terms", "--rounds", "100", "--record", str(figures))
    assert recorded.code == 0, recorded.err
    printed = run("eval", "table", "--figures", str(figures))
    assert "| rows | 4 | 100.0 % (34.2 to 100.0) | 0.0 % (0.0 to 65.8) |" in printed.out
    assert run("eval", "table", "--figures", str(figures), "--write", str(page)).code == 0
    assert printed.out.strip() in page.read_text(encoding="utf-8")
    refused = run("eval", "table", "--figures", str(figures), "--write", str(tmp_path / "none.md"))
    assert refused.code == 1
    assert "Traceback" not in refused.err


def test_nothing_to_measure_is_said(run: Run) -> None:
    outcome = run("eval", "text", "--model", "terms")
    assert outcome.code == 1
    assert "nothing to measure" in outcome.err


def test_pictures_as_json_with_the_unreadable_ones_named(
    run: Run, models_in_use: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (64, 64), (30, 90, 200)).save(folder / "blue.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    monkeypatch.setenv("MODERATION_MODELS_DIR", str(models_in_use))
    report = tmp_path / "report"
    outcome = run("eval", "image", str(folder), "--rounds", "100", "--report", str(report), "--json")
    assert outcome.code == 0, outcome.err
    assert (outcome.json["pictures"], outcome.json["measured"]) == (2, 1)
    assert [each["name"] for each in outcome.json["unmeasured"]] == ["broken.jpg"]
    assert set(outcome.json["columns"]["image_nsfw"]["thresholds"]) == {"high recall", "balanced", "high precision"}
    assert "broken.jpg" in (report / "report.html").read_text(encoding="utf-8")


def test_pictures_without_a_model_are_an_error(run: Run, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "black.png")
    outcome = run("eval", "image", str(tmp_path / "black.png"))
    assert "a folder, or lines of JSON" in " ".join(outcome.err.split())
    (tmp_path / "set").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "set" / "black.png")
    outcome = run("eval", "image", str(tmp_path / "set"))
    assert outcome.code == 1
    assert "moderation models pull" in outcome.err


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ("", ("has no example", "Each line is like")),
        ('{"text": "a", "labels": {"nsfw": 1}}', ("line 1", "'nsfw' is not one of S, H, H2", "README.md")),
        ("id,text\n1,hello", ("line 1: not JSON", "Each line is like")),
    ],
)
def test_a_wrong_file_of_texts_says_what_is_needed(
    run: Run, tmp_path: Path, contents: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(contents, encoding="utf-8")
    outcome = run("eval", "text", str(file), "--model", "terms")
    assert outcome.code == 1
    assert all(word in " ".join(outcome.err.split()) for word in words), outcome.err


def test_a_missing_file_is_an_error_with_a_next_step(run: Run, tmp_path: Path) -> None:
    for kind, words in (("text", "Needed are lines of JSON"), ("image", "Needed is a folder of pictures")):
        outcome = run("eval", kind, str(tmp_path / "none.jsonl"))
        assert outcome.code == 1
        assert words in " ".join(outcome.err.split())


def test_categories_without_a_harmful_text_are_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "calm.jsonl"
    file.write_text(json.dumps(ROWS[0]), encoding="utf-8")
    outcome = run("eval", "text", str(file), "--model", "terms", "--rounds", "100")
    assert outcome.code == 0, outcome.err
    assert "no harmful text of sexual, hate, violence, harassment, self_harm" in " ".join(outcome.out.split())


def test_what_cannot_be_written_is_refused_before_anything_is_measured(run: Run, rows: Path, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    file.write_text("{}", encoding="utf-8")
    for option, target in (("--record", file), ("--report", file / "report")):
        outcome = run("eval", "text", str(rows), "--model", "terms", option, str(target))
        assert (outcome.code, outcome.out) == (1, "")
        assert "Traceback" not in outcome.err
    assert file.read_text(encoding="utf-8") == "{}"


def test_labels_that_mark_nothing_are_refused_with_what_there_is(run: Run, tmp_path: Path) -> None:
    for part in ("nude", "dressed"):
        (tmp_path / "set" / part).mkdir(parents=True)
        Image.new("RGB", (64, 64)).save(tmp_path / "set" / part / "black.png")
    outcome = run("eval", "image", str(tmp_path / "set"), "--label", "naked")
    assert outcome.code == 1
    assert "labelled naked" in outcome.err
    assert "dressed, nude" in outcome.err


def test_pictures_of_which_none_could_be_read_are_an_error(
    run: Run, models_in_use: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODERATION_MODELS_DIR", str(models_in_use))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "broken.jpg").write_bytes(b"no picture")
    outcome = run("eval", "image", str(tmp_path / "set"), "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert "No picture of" in outcome.err
    assert "broken.jpg: unsupported" in " ".join(outcome.err.split())


def test_what_takes_no_calibration_is_refused_before_anything_is_measured(run: Run, tmp_path: Path) -> None:
    for part in ("nude", "dressed"):
        (tmp_path / "set" / part).mkdir(parents=True)
        Image.new("RGB", (64, 64)).save(tmp_path / "set" / part / "black.png")
    outcome = run("eval", "image", str(tmp_path / "set"), "--label", "nude", "--calibrate")
    assert (outcome.code, outcome.out) == (1, "")
    assert "image_nsfw takes no calibration" in outcome.err


def test_a_calibration_is_printed_as_the_registry_takes_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels, scores = overconfident()
    monkeypatch.setattr(pictures, "score_pictures", lambda *_: scores_of(labels, scores))
    (tmp_path / "set" / "nude").mkdir(parents=True)
    Image.new("RGB", (64, 64)).save(tmp_path / "set" / "nude" / "black.png")
    words = ("eval", "image", str(tmp_path / "set"), "--label", "nude", "--signal", "image_falconsai", "--calibrate")
    shown = run(*words, "--rounds", "100")
    assert shown.code == 0, shown.err
    name, _, line = shown.out.strip().splitlines()[-1].partition("  ")
    column = {"name": name, "description": "d", "labels": ["nsfw"], **yaml.safe_load(line)}
    calibration = ClassifierColumn.model_validate(column).calibration
    assert isinstance(calibration, Platt)
    document = run(*words, "--rounds", "100", "--json").json
    assert document["calibration"][name]["entry"] == calibration.model_dump()
    assert set(document["calibration"][name]["log_loss"]) == {"as_it_is", "platt", "isotonic"}
