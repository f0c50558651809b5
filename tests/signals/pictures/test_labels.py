import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from transformers import AutoModelForImageClassification
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from moderation.domain.errors import ModelStoreError
from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import FailureReason, Score, SignalFailure
from moderation.media.subject import Frame, Picture, Subject
from moderation.signals.contract import checked
from moderation.signals.hub_checkpoint import FORBIDDEN_KEYS
from moderation.signals.models import ModelStore
from moderation.signals.pictures.classifier import HubPictureClassifier
from moderation.signals.pictures.labels import load_image_classifier
from moderation.signals.pictures.preprocessing import read_preprocessing
from tests import factories
from tests.signals import checkpoints
from tests.signals.checkpoints import PICTURES, edit_json, in_torch, picture_pixels, rewrite, store_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoints.vit(tmp_path_factory.mktemp("mirror") / "toy")


@pytest.fixture
def store(tmp_path: Path, folder: Path) -> ModelStore:
    return store_of(tmp_path, folder, PICTURES)


@pytest.fixture
def signal(store: ModelStore) -> HubPictureClassifier:
    return load_image_classifier(store, "toy", in_torch)


def a_subject(store: ModelStore, *seeds: int) -> Subject:
    reduction = read_preprocessing(store, "toy").reduction
    pixels = [picture_pixels(seed) for seed in seeds]
    frames = tuple(Frame(rgb, {reduction.name: reduction(rgb)}) for rgb in pixels)
    return Subject(factories.a_post(), Picture(factories.facts("png", 120, 90, frames=len(frames)), frames))


def reference(folder: Path, *seeds: int) -> list[dict[str, float]]:
    """What transformers says with its own processor: label scores of each picture."""
    processor = ViTImageProcessorPil.from_pretrained(folder)
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    pixels = processor([picture_pixels(seed) for seed in seeds], return_tensors="pt", input_data_format="channels_last")
    with torch.no_grad():
        scores = model(**pixels).logits.softmax(-1).numpy()
    labels = [model.config.id2label[index] for index in range(scores.shape[1])]
    return [dict(zip(labels, row.tolist(), strict=True)) for row in scores]


def values(signal: HubPictureClassifier, *subjects: Subject) -> list[dict[str, Any]]:
    results = [checked(result, signal.spec, subjects[0]) for result in signal.measure(subjects)]
    assert all(isinstance(result, Score) for result in results), results
    return [dict(result.values) for result in results if isinstance(result, Score)]


def test_scores_are_those_of_transformers(store: ModelStore, folder: Path, signal: HubPictureClassifier) -> None:
    found = values(signal, *(a_subject(store, seed) for seed in range(4)))
    expected = reference(folder, *range(4))
    for own, labels in zip(found, expected, strict=True):
        assert own["image_toy_nsfw"] == pytest.approx(labels["nsfw"], abs=1e-5)
        assert own["image_toy_any"] == pytest.approx(labels["nsfw"] + labels["suggestive"], abs=1e-5)
    assert len({round(own["image_toy_nsfw"], 3) for own in found}) > 1


def test_the_worst_frame_counts_in_every_column(store: ModelStore, signal: HubPictureClassifier) -> None:
    singles = values(signal, *(a_subject(store, seed) for seed in range(3)))
    (together,) = values(signal, a_subject(store, 0, 1, 2))
    for column, score in together.items():
        assert score == pytest.approx(max(single[column] for single in singles), abs=1e-5)


def test_a_post_without_a_picture_fails_alone(store: ModelStore, signal: HubPictureClassifier) -> None:
    refused = Subject(factories.a_post(), Refusal(RefusalReason.TRUNCATED, ""))
    first, second, third = signal.measure([a_subject(store, 0), refused, a_subject(store, 1)])
    assert second == SignalFailure("image_toy", FailureReason.UNDECODABLE, RefusalReason.TRUNCATED)
    assert [result.values for result in (first, third) if isinstance(result, Score)] == values(
        signal, a_subject(store, 0), a_subject(store, 1)
    )
    assert signal.measure([]) == []


def test_frames_of_another_shape_are_an_error(store: ModelStore, signal: HubPictureClassifier) -> None:
    subject = a_subject(store, 0)
    assert isinstance(subject.picture, Picture)
    name = read_preprocessing(store, "toy").reduction.name
    for reduced in ({}, {name: np.zeros((4, 4, 3), np.uint8)}, {name: np.zeros((32, 32, 3), np.float32)}):
        picture = Picture(subject.picture.facts, (Frame(subject.picture.frames[0].rgb, reduced),))
        with pytest.raises((KeyError, ValueError)):
            signal.measure([Subject(subject.post, picture)])


def test_the_spec_and_the_pins_come_from_the_entry(store: ModelStore, signal: HubPictureClassifier) -> None:
    spec = signal.spec
    assert (spec.name, spec.models) == ("image_toy", ("toy",))
    assert [column.name for column in spec.columns] == ["image_toy_nsfw", "image_toy_any"]
    assert spec.columns[0].recommended == {"balanced": 0.5}
    assert "MIT" in spec.description
    assert signal.models == {"toy": store.entry("toy").digest}


def test_labels_in_another_order_mean_the_same(tmp_path: Path, store: ModelStore) -> None:
    """A publisher may number the labels otherwise: columns go by name."""
    config = json.loads(store.read("toy", "config.json"))
    turned = {"0": "nsfw", "1": "normal", "2": "suggestive"}
    assert config["id2label"] != turned
    before = load_image_classifier(store, "toy", in_torch)
    subject = a_subject(store, 0)
    straight = before.scores([next(iter(subject.picture.frames[0].reduced.values()))])  # type: ignore[union-attr]
    changed = edit_json(store, "toy", "config.json", id2label=turned, label2id=None)
    after = load_image_classifier(changed, "toy", in_torch)
    logits = np.array([[3.0, 2.0, 1.0]])
    assert before._columns(logits)[0, 0] == pytest.approx(np.exp(1) / np.exp([1, 2, 3]).sum())
    assert after._columns(logits)[0, 0] == pytest.approx(np.exp(3) / np.exp([1, 2, 3]).sum())
    assert straight.shape == (1, 2)


@pytest.mark.parametrize(
    "labels",
    [
        {"0": "normal", "1": "suggestive"},
        {"0": "normal", "1": "suggestive", "2": "NSFW"},
        {"0": "normal", "1": "suggestive", "2": "nsfw", "3": "drawing"},
        {"0": "normal", "1": "nsfw", "2": "nsfw"},
        {"1": "normal", "2": "suggestive", "3": "nsfw"},
        {},
    ],
)
def test_other_labels_are_refused(store: ModelStore, labels: dict[str, str]) -> None:
    changed = edit_json(store, "toy", "config.json", id2label=labels, label2id=None)
    with pytest.raises(ModelStoreError, match="label"):
        load_image_classifier(changed, "toy", in_torch)


@pytest.mark.parametrize("key", sorted(FORBIDDEN_KEYS))
def test_a_configuration_that_brings_code_is_refused(store: ModelStore, key: str) -> None:
    for changes in ({key: {"AutoModel": "modeling.Toy"}}, {"nested": [{key: "x"}]}):
        with pytest.raises(ModelStoreError, match=key):
            load_image_classifier(edit_json(store, "toy", "config.json", **changes), "toy", in_torch)


@pytest.mark.parametrize("changes", [{"model_type": "bert"}, {"model_type": "no-such"}, {"model_type": None}])
def test_another_kind_of_model_is_refused(store: ModelStore, changes: dict[str, object]) -> None:
    with pytest.raises(ModelStoreError):
        load_image_classifier(edit_json(store, "toy", "config.json", **changes), "toy", in_torch)


class Tripwire:
    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was loaded",))


def test_a_pickle_under_the_name_of_safetensors_is_refused(store: ModelStore) -> None:
    changed = rewrite(store, "toy", "model.safetensors", pickle.dumps({"weights": Tripwire()}))
    with pytest.raises(ModelStoreError, match="not safetensors"):
        load_image_classifier(changed, "toy", in_torch)


def test_weights_that_lack_something_or_have_another_shape_are_refused(store: ModelStore) -> None:
    state = load(store.read("toy", "model.safetensors"))
    lacking = {key: tensor for key, tensor in state.items() if key != "classifier.weight"}
    wider = state | {"classifier.weight": torch.zeros(7, 32)}
    for weights in (lacking, wider, {}):
        changed = rewrite(store, "toy", "model.safetensors", save(weights))
        with pytest.raises(ModelStoreError, match=r"does not fit|lacks weights"):
            load_image_classifier(changed, "toy", in_torch)


def lying(weights: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The same tensors under a header that says something else of them."""
    (length,) = struct.unpack("<Q", weights[:8])
    header = json.loads(weights[8 : 8 + length])
    change(header)
    said = json.dumps(header).encode()
    return struct.pack("<Q", len(said)) + said + weights[8 + length :]


def beyond_the_end(header: dict[str, Any]) -> None:
    header["classifier.bias"]["data_offsets"][1] += 2**40


def larger_than_its_bytes(header: dict[str, Any]) -> None:
    header["classifier.bias"]["shape"] = [2**40]


def overlapping(header: dict[str, Any]) -> None:
    header["classifier.bias"]["data_offsets"] = header["classifier.weight"]["data_offsets"]


def huge_product(header: dict[str, Any]) -> None:
    header["classifier.bias"]["shape"] = [2**33, 2**33]


def other_type(header: dict[str, Any]) -> None:
    header["classifier.bias"]["dtype"] = "PICKLE"


@pytest.mark.parametrize("change", [beyond_the_end, larger_than_its_bytes, overlapping, huge_product, other_type])
def test_a_header_that_lies_about_its_tensors_is_refused(
    store: ModelStore, change: Callable[[dict[str, Any]], None]
) -> None:
    changed = rewrite(store, "toy", "model.safetensors", lying(store.read("toy", "model.safetensors"), change))
    with pytest.raises(ModelStoreError, match="not safetensors"):
        load_image_classifier(changed, "toy", in_torch)


def test_a_header_that_is_longer_than_the_file_is_refused(store: ModelStore) -> None:
    for length in (2**63, 2**64 - 1, 99_000_000):
        weights = struct.pack("<Q", length) + store.read("toy", "model.safetensors")[8:]
        with pytest.raises(ModelStoreError, match="not safetensors"):
            load_image_classifier(rewrite(store, "toy", "model.safetensors", weights), "toy", in_torch)


@pytest.mark.parametrize("changes", [{"num_hidden_layers": 10**9}, {"vision_config": {"num_hidden_layers": 1e12}}])
def test_more_layers_than_any_model_has_are_refused_before_they_are_built(
    store: ModelStore, changes: dict[str, object]
) -> None:
    with pytest.raises(ModelStoreError, match="layers"):
        load_image_classifier(edit_json(store, "toy", "config.json", **changes), "toy", in_torch)


def test_weights_that_are_not_finite_give_no_score(store: ModelStore) -> None:
    state = load(store.read("toy", "model.safetensors"))
    state["classifier.bias"] = torch.full_like(state["classifier.bias"], float("nan"))
    changed = rewrite(store, "toy", "model.safetensors", save(state))
    signal = load_image_classifier(changed, "toy", in_torch)
    with pytest.raises(ValueError, match="finite"):
        signal.measure([a_subject(store, 0)])


def test_bytes_that_are_not_the_pinned_ones_never_load(store: ModelStore) -> None:
    for filename in ("model.safetensors", "config.json", "preprocessor_config.json"):
        place = store.root / "toy" / filename
        right = place.read_bytes()
        for damage in (right[:-1], right + b" ", b"", None):
            if damage is None:
                place.unlink()
            else:
                place.write_bytes(damage)
            with pytest.raises(ModelStoreError, match=r"not the pinned|not in the model store"):
                load_image_classifier(store, "toy", in_torch)
        place.write_bytes(right)
    load_image_classifier(store, "toy", in_torch)
