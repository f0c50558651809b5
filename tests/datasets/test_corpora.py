import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from datasets import corpora
from datasets.corpora import EvaluationOnlyError, load, load_terms, load_training, names
from datasets.manifests import CorpusKind, Manifest, Use, manifests
from datasets.rows import TextSurface, split_of
from moderation.domain.errors import ConflictError, InvalidInputError, NotFoundError

EVALUATION_ONLY = "eval_only_stormfront2018"


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    return shared / "datasets"


def described(path: Path, rows: int, **changes: object) -> dict[str, Manifest]:
    """Manifests in which `path` is the only corpus."""
    fields = {
        "name": "small", "file": path.name, "title": "Small", "source": "here", "licence": "CC0-1.0",
        "attribution": "nobody", "sha256": sha256(path.read_bytes()).hexdigest(), "rows": rows, "use": "train",
    }  # fmt: skip
    return {"small": Manifest.model_validate(fields | changes)}


def written(folder: Path, *lines: object) -> Path:
    path = folder / "small.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return path


def use(monkeypatch: pytest.MonkeyPatch, found: dict[str, Manifest]) -> None:
    monkeypatch.setattr("datasets.manifests.manifests", lambda: found)
    monkeypatch.setattr("datasets.corpora.manifests", lambda: found)


def test_rows_are_loaded_with_surface_and_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(
        tmp_path,
        {"id": "1", "text": "photo of a fox in a park", "labels": {"S": 0, "T": 1}, "source": "x", "more": 1},
        {"id": "2", "text": "a fox on a couch", "labels": {}, "source": "x"},
    )
    slots = ["photo of", "in a park", "on a couch"]
    use(monkeypatch, described(path, 2, prompt_openings=["photo of"], slot_phrases=slots, surface="caption"))
    one, other = load("small", tmp_path)
    assert (one.id, one.surface, one.labels) == ("1", TextSurface.PROMPT, {"S": 0, "T": 1})
    assert (other.id, other.surface, other.labels) == ("2", TextSurface.CAPTION, {})
    assert one.group == other.group == "a fox"
    assert one.source == "small"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{"id": "1", "text": "a"}], ":1: not a row"),
        ([{"id": "1", "text": "a", "labels": {"S": 0}, "source": "x"}, {"id": "2"}], ":2: not a row"),
        ([{"id": "1", "text": "a", "labels": {"S": 2}, "source": "x"}], ":1: not a row"),
        ([{"id": "1", "text": "a", "labels": {"Q": 0}, "source": "x"}], ":1: not a row"),
        ([[]], ":1: not a row"),
    ],
)
def test_malformed_rows_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[object], message: str
) -> None:
    use(monkeypatch, described(written(tmp_path, *lines), len(lines)))
    with pytest.raises(InvalidInputError, match=message):
        load("small", tmp_path)


def test_another_file_than_the_described_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, {"id": "1", "text": "a", "labels": {}, "source": "x"})
    use(monkeypatch, described(path, 1, sha256="0" * 64))
    with pytest.raises(ConflictError, match="not the file") as refusal:
        load("small", tmp_path)
    assert "here" in refusal.value.hint
    use(monkeypatch, described(path, 2))
    with pytest.raises(ConflictError, match="1 rows"):
        load("small", tmp_path)


def test_a_corpus_for_evaluation_is_never_given_for_training(tmp_path: Path) -> None:
    assert EVALUATION_ONLY in names(Use.EVALUATE)
    assert EVALUATION_ONLY not in names(Use.TRAIN)
    with pytest.raises(EvaluationOnlyError, match="evaluation only") as refusal:
        load_training(EVALUATION_ONLY, tmp_path)
    assert "edos_train" in refusal.value.hint


def test_missing_things_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="No corpus"):
        load("absent", tmp_path)
    with pytest.raises(NotFoundError, match="cannot be read"):
        load("catqa", tmp_path)
    with pytest.raises(NotFoundError, match="not a folder") as refusal:
        load("catqa", tmp_path / "absent")
    assert corpora.FOLDER_VARIABLE in refusal.value.hint
    monkeypatch.setenv(corpora.FOLDER_VARIABLE, str(tmp_path / "elsewhere"))
    with pytest.raises(NotFoundError, match="elsewhere"):
        load("catqa")


def test_rows_and_terms_are_not_mistaken_for_each_other(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="rows"):
        load_terms("catqa", folder)
    with pytest.raises(InvalidInputError, match="terms"):
        load("lexicon_en", folder)


def test_manifests_name_licence_and_labels() -> None:
    for manifest in manifests().values():
        assert manifest.licence
        assert manifest.attribution
        assert bool(manifest.labels) == (manifest.kind is CorpusKind.ROWS)


def test_shipped_corpora_are_the_described_ones(folder: Path) -> None:
    for name in names():
        if manifests()[name].rows < 3_000:
            rows = load(name, folder)
            assert {letter for row in rows for letter in row.labels} == set(manifests()[name].labels)
            assert len({row.id for row in rows}) == len(rows)
    assert load_terms("lexicon_en", folder)[0].severity == 1.0


def test_templates_of_the_written_captions_stay_on_one_side(folder: Path) -> None:
    rows = load_training("synth_captions", folder)
    assert len({row.group for row in rows}) < 300
    for action in ("riding a bicycle", "should be lynched", "red paint splashed"):
        assert len({split_of(row) for row in rows if action in row.text}) == 1


def test_rewritten_prompts_stand_with_their_originals(folder: Path) -> None:
    prompts = {row.group for row in load("nibbler_prompts_train", folder)}
    assert any(row.group in prompts for row in load("nibbler_rewrites_train", folder))


def test_a_changed_byte_is_noticed(folder: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(folder / "catqa.jsonl", tmp_path))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ConflictError, match="not the file"):
        load("catqa", tmp_path)
