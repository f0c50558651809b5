"""Loads a picture classifier that has labels: `AutoModelForImageClassification`."""

import numpy as np
from numpy.typing import NDArray

from moderation.signals.engine.source import ModuleSource
from moderation.signals.hub_checkpoint import WEIGHTS, check_labels, load_module, read_config
from moderation.signals.hub_scores import Scores, label_columns
from moderation.signals.hub_specs import classifier_of
from moderation.signals.models import ModelStore
from moderation.signals.pictures.classifier import (
    LOGITS,
    PIXELS,
    HubPictureClassifier,
    OpenInference,
    example_pixels,
)
from moderation.signals.pictures.preprocessing import read_preprocessing


def load_image_classifier(store: ModelStore, name: str, open_inference: OpenInference) -> HubPictureClassifier:
    """The classifier of that name. Every file is compared with its pinned digest, kept exports or not.

    Raises `ModelStoreError` when a file is missing, not the pinned one or not understood, or when the labels are not
    those of the entry, and `InferenceError` when the model does not run.
    """
    entry = store.entry(name)
    classifier = classifier_of(entry)
    config = read_config(store, name)
    labels = check_labels(name, config, classifier.labels)
    preprocessing = read_preprocessing(store, name)
    store.path(name, WEIGHTS)

    def columns(logits: NDArray[np.generic]) -> Scores:
        return label_columns(logits, classifier, labels)

    source = ModuleSource(
        name=name,
        digest=entry.digest,
        load=lambda: load_module(store, name, config, "image"),
        example={PIXELS: example_pixels(preprocessing)},
        scores=lambda outputs: columns(outputs[LOGITS]).astype(np.float32),
    )
    return HubPictureClassifier(entry, preprocessing, open_inference(source), columns)
