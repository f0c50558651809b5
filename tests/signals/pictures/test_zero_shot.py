import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoModel, CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from moderation.domain.errors import ModelStoreError
from moderation.media.preprocess import Resized
from moderation.signals.hub_scores import phrases_of
from moderation.signals.models import ModelStore
from moderation.signals.pictures.classifier import HubPictureClassifier
from moderation.signals.pictures.preprocessing import read_preprocessing
from moderation.signals.pictures.zero_shot import load_zero_shot
from moderation.signals.registry import Classifier
from tests.signals import checkpoints
from tests.signals.checkpoints import PHRASES, edit_json, in_torch, picture_pixels, rewrite, store_of

SIGLIP: dict[str, Any] = {
    **{key: value for key, value in PHRASES.items() if key != "neutral"},
    "activation": "sigmoid",
    "template": "This is a photo of {}.",
    "columns": [{**column, "combine": "max"} for column in PHRASES["columns"]],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    mirror = tmp_path_factory.mktemp("mirror")
    return {
        "clip": checkpoints.clip(mirror / "clip"),
        "siglip": checkpoints.siglip(mirror / "siglip", SIGLIP),
    }


@pytest.fixture
def clip_store(tmp_path: Path, folders: dict[str, Path]) -> ModelStore:
    return store_of(tmp_path, folders["clip"], PHRASES)


@pytest.fixture
def siglip_store(tmp_path: Path, folders: dict[str, Path]) -> ModelStore:
    return store_of(tmp_path, folders["siglip"], SIGLIP)


def frames(reduction: Resized, count: int = 3) -> list[np.ndarray[Any, Any]]:
    return [reduction(picture_pixels(seed)) for seed in range(count)]


def whole_model(folder: Path, processor: Any, inputs: dict[str, Any]) -> np.ndarray[Any, Any]:
    """`logits_per_image` of transformers' own forward pass over pictures and texts together."""
    model = AutoModel.from_pretrained(folder).eval()
    pixels = processor.from_pretrained(folder)(
        [picture_pixels(seed) for seed in range(3)], return_tensors="pt", input_data_format="channels_last"
    )
    with torch.no_grad():
        found = model(pixel_values=pixels["pixel_values"], **inputs).logits_per_image.numpy()
    return np.asarray(found)


def test_clip_scores_are_a_softmax_of_each_column_against_the_neutral_phrases(
    clip_store: ModelStore, folders: dict[str, Path]
) -> None:

    tokenizer = Tokenizer.from_file(str(folders["clip"] / "tokenizer.json"))
    tokenizer.enable_padding(pad_id=1)
    encodings = tokenizer.encode_batch(list(phrases_of(Classifier.model_validate(PHRASES))))
    inputs = {
        "input_ids": torch.tensor([encoding.ids for encoding in encodings]),
        "attention_mask": torch.tensor([encoding.attention_mask for encoding in encodings]),
    }
    powers = np.exp(whole_model(folders["clip"], CLIPImageProcessorPil, inputs))
    neutral = powers[:, :2].sum(axis=1)
    signal = load_zero_shot(clip_store, "clip", in_torch)
    found = signal.scores(frames(read_preprocessing(clip_store, "clip").reduction))
    assert found[:, 0] == pytest.approx(powers[:, 2] / (powers[:, 2] + neutral), abs=1e-4)
    both = powers[:, 3] + powers[:, 4]
    assert found[:, 1] == pytest.approx(both / (both + neutral), abs=1e-4)


def test_siglip_scores_are_the_best_phrases_sigmoid(siglip_store: ModelStore, folders: dict[str, Path]) -> None:
    vocabulary = checkpoints.words(SIGLIP)
    plain = [f"this is a photo of {phrase}" for column in SIGLIP["columns"] for phrase in column["phrases"]]
    rows = [[vocabulary.index(word) for word in phrase.split()] + [1] for phrase in plain]
    inputs = {"input_ids": torch.tensor([row + [1] * (16 - len(row)) for row in rows])}
    sigmoids = 1 / (1 + np.exp(-whole_model(folders["siglip"], SiglipImageProcessorPil, inputs)))
    signal = load_zero_shot(siglip_store, "siglip", in_torch)
    found = signal.scores(frames(read_preprocessing(siglip_store, "siglip").reduction))
    assert found[:, 0] == pytest.approx(sigmoids[:, 0], abs=1e-5)
    assert found[:, 1] == pytest.approx(sigmoids[:, 1:].max(axis=1), abs=1e-5)


def test_pictures_and_phrases_make_a_difference(clip_store: ModelStore) -> None:
    signal = load_zero_shot(clip_store, "clip", in_torch)
    found = signal.scores(frames(read_preprocessing(clip_store, "clip").reduction, 8))
    assert found.shape == (8, 2)
    assert found.std(axis=0).min() > 1e-5
    assert abs(found[:, 0] - found[:, 1]).max() > 1e-3


def test_the_text_side_is_computed_once(clip_store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    encode = CLIPModel.get_text_features

    def counted(self: Any, *arguments: Any, **named: Any) -> Any:
        calls.append(1)
        return encode(self, *arguments, **named)

    monkeypatch.setattr(CLIPModel, "get_text_features", counted)
    signal = load_zero_shot(clip_store, "clip", in_torch)
    loaded = len(calls)
    assert loaded == len(phrases_of(Classifier.model_validate(PHRASES)))
    signal.scores(frames(read_preprocessing(clip_store, "clip").reduction))
    assert len(calls) == loaded


def test_other_phrases_are_another_module(tmp_path: Path, clip_store: ModelStore, folders: dict[str, Path]) -> None:
    """Exports are kept by digest: what was made for other phrases must not serve."""
    digests: list[str] = []

    def noted(source: Any) -> Any:
        digests.append(source.digest)
        return in_torch(source)

    load_zero_shot(clip_store, "clip", noted)
    other = {**PHRASES, "neutral": ["a tree", "a house"]}
    load_zero_shot(store_of(tmp_path / "other", folders["clip"], other), "clip", noted)
    assert len(set(digests)) == 2


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_the_activation_must_be_the_models(tmp_path: Path, folders: dict[str, Path], activation: str) -> None:
    name, classifier = ("siglip", PHRASES) if activation == "softmax" else ("clip", SIGLIP)
    with pytest.raises(ModelStoreError, match=activation):
        load_zero_shot(store_of(tmp_path, folders[name], classifier), name, in_torch)


def test_a_phrase_that_does_not_fit_is_refused(tmp_path: Path, folders: dict[str, Path]) -> None:
    long = {**PHRASES, "template": "a photo of a red red red red red red red red red red red {}"}
    with pytest.raises(ModelStoreError, match="at most 16 tokens"):
        load_zero_shot(store_of(tmp_path, folders["clip"], long), "clip", in_torch)


def test_a_broken_tokenizer_is_refused(clip_store: ModelStore) -> None:
    for broken in (b"{}", b"\xff", json.dumps({"model": {"type": "BPE"}}).encode()):
        changed = rewrite(clip_store, "clip", "tokenizer.json", broken)
        with pytest.raises(ModelStoreError, match=r"tokenizer\.json"):
            load_zero_shot(changed, "clip", in_torch)


def test_a_picture_classifier_is_no_zero_shot_model(tmp_path: Path) -> None:
    store = store_of(tmp_path / "store", checkpoints.vit(tmp_path / "mirror" / "vit"), PHRASES)
    with pytest.raises(ModelStoreError, match="vit"):
        load_zero_shot(store, "vit", in_torch)


def test_code_in_the_configuration_is_refused(clip_store: ModelStore) -> None:
    changed = edit_json(clip_store, "clip", "config.json", text_config={"auto_map": {"AutoModel": "x.Y"}})
    with pytest.raises(ModelStoreError, match="auto_map"):
        load_zero_shot(changed, "clip", in_torch)


def test_the_signal_declares_the_entrys_columns(clip_store: ModelStore) -> None:
    signal = load_zero_shot(clip_store, "clip", in_torch)
    assert isinstance(signal, HubPictureClassifier)
    assert [column.name for column in signal.spec.columns] == ["image_phrases_one", "image_phrases_two"]
