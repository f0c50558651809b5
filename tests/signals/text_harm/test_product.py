import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from moderation.domain.errors import ModelStoreError
from moderation.signals.models import ModelStore
from moderation.signals.text_harm.model import TextHarmModel
from moderation.signals.text_harm.product import CALIBRATION_FILE, MODEL_FILE, TOKENIZER_FILE, Product

pytestmark = pytest.mark.timeout(400)  # the first test trains and exports, which takes a busy machine minutes


@pytest.fixture
def folder(product_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(product_folder, tmp_path / "product"))


def _rewrite(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((folder / CALIBRATION_FILE).read_text())
    change(document)
    (folder / CALIBRATION_FILE).write_text(json.dumps(document))


def _replace(folder: Path, filename: str, key: str, content: bytes) -> None:
    """Other bytes in a file, with their digest in the calibration, so that only loading can notice."""
    (folder / filename).write_bytes(content)
    _rewrite(folder, lambda document: document.update({key: sha256(content).hexdigest()}))


def test_what_training_wrote_opens(folder: Path) -> None:
    product = Product.open(folder)
    assert product.digest == sha256((folder / MODEL_FILE).read_bytes()).hexdigest()


@pytest.mark.parametrize("filename", [MODEL_FILE, TOKENIZER_FILE, CALIBRATION_FILE])
def test_a_missing_file_is_refused(folder: Path, filename: str) -> None:
    (folder / filename).unlink()
    with pytest.raises(ModelStoreError, match=filename):
        Product.open(folder)


@pytest.mark.parametrize("filename", [MODEL_FILE, TOKENIZER_FILE])
def test_files_that_were_not_calibrated_together_are_refused(folder: Path, filename: str) -> None:
    (folder / filename).write_bytes((folder / filename).read_bytes() + b" ")
    with pytest.raises(ModelStoreError, match=f"another {filename}"):
        Product.open(folder)


def _no_hate(document: dict[str, Any]) -> None:
    del document["surfaces"]["caption"]["hate"]


def _no_prompt(document: dict[str, Any]) -> None:
    del document["surfaces"]["prompt"]


def _falling(document: dict[str, Any]) -> None:
    document["surfaces"]["caption"]["hate"]["curve"] = {"kind": "platt", "slope": -1.0, "intercept": 0.0}


def _thresholds_fall(document: dict[str, Any]) -> None:
    document["surfaces"]["caption"]["hate"]["thresholds"]["high_recall"] = 0.999


def _not_a_number(document: dict[str, Any]) -> None:
    document["surfaces"]["caption"]["hate"]["curve"] = {"kind": "platt", "slope": float("nan"), "intercept": 0.0}


def _uneven(document: dict[str, Any]) -> None:
    document["surfaces"]["caption"]["hate"]["curve"] = {"kind": "isotonic", "logits": [0.0, 1.0], "values": [0.5]}


def _unknown_field(document: dict[str, Any]) -> None:
    document["note"] = "x"


@pytest.mark.parametrize(
    "change", [_no_hate, _no_prompt, _falling, _thresholds_fall, _not_a_number, _uneven, _unknown_field]
)
def test_a_calibration_that_makes_no_sense_is_refused(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    _rewrite(folder, change)
    with pytest.raises(ModelStoreError, match=CALIBRATION_FILE):
        Product.open(folder)


def test_a_truncated_model_is_refused(folder: Path) -> None:
    content = (folder / MODEL_FILE).read_bytes()
    _replace(folder, MODEL_FILE, "model", content[: len(content) // 2])
    with pytest.raises(ModelStoreError, match=MODEL_FILE):
        TextHarmModel.of(Product.open(folder), threads=1)


def test_another_network_is_refused(folder: Path) -> None:
    import onnx  # noqa: PLC0415 - slow to import

    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [other])
    network = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    _replace(folder, MODEL_FILE, "model", network.SerializeToString())
    with pytest.raises(ModelStoreError, match="not a text classifier"):
        TextHarmModel.of(Product.open(folder), threads=1)


def test_a_broken_tokenizer_is_refused(folder: Path) -> None:
    _replace(folder, TOKENIZER_FILE, "tokenizer", b"{}")
    with pytest.raises(ModelStoreError, match=TOKENIZER_FILE):
        TextHarmModel.of(Product.open(folder), threads=1)


@pytest.mark.parametrize("name", ["opennsfw", "toxic-bert"])
def test_a_model_of_another_kind_is_refused_by_what_it_is(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelStoreError, match=f"{name} is no classifier of the kinds of harm") as refused:
        Product.load(ModelStore(tmp_path), name)
    assert "text-harm" in refused.value.hint
