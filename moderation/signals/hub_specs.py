"""What a signal made of a registry entry declares; no model is needed to read it."""

from hashlib import sha256

from moderation.domain.signal import Column, ColumnKind, SignalSpec, Surface
from moderation.signals.registry import Classifier, ClassifierColumn, ModelEntry

CODE_VERSION = "1"
"""To be changed whenever the code makes something else of the same model and entry."""
TEXTS = (Surface.CAPTION, Surface.PROMPT)
"""What text classifiers read, in the order of their columns."""


def classifier_of(entry: ModelEntry) -> Classifier:
    """The entry's classifier. Raises `ValueError` when it has none: it is no signal then."""
    if entry.classifier is None:
        raise ValueError(f"{entry.name} has no classifier in its registry entry")
    return entry.classifier


def hub_spec(entry: ModelEntry) -> SignalSpec:
    """The spec of the signal that `entry` describes; a text classifier has each column for caption and prompt."""
    classifier = classifier_of(entry)
    reads_text = classifier.task == "text-classification"
    columns = (
        tuple(_column(column, f"{text}_") for text in TEXTS for column in classifier.columns)
        if reads_text
        else tuple(_column(column) for column in classifier.columns)
    )
    return SignalSpec(
        name=classifier.signal,
        version=f"{CODE_VERSION}.{sha256(classifier.model_dump_json().encode()).hexdigest()[:8]}",
        surface=Surface.POST if reads_text else Surface.IMAGE,
        description=f"{classifier.description} Licence: {entry.licence}.",
        columns=columns,
        cost_ms=classifier.cost_ms,
        time_limit_s=classifier.time_limit_s,
        models=(entry.name,),
        known_failures=tuple(classifier.known_failures),
        languages=tuple(classifier.languages),
    )


def _column(column: ClassifierColumn, prefix: str = "") -> Column:
    recommended = {str(use): threshold for use, threshold in column.recommended.items()}
    return Column(
        f"{prefix}{column.name}", ColumnKind.FLOAT, column.description, low=0.0, high=1.0, recommended=recommended
    )
