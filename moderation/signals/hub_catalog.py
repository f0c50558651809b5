"""The signals that registry entries add: their specs, what they need of the pixels, and the loaded types."""

from collections.abc import Mapping, Sequence

from moderation.domain.errors import ModerationError, NotFoundError
from moderation.domain.signal import SignalSpec
from moderation.media.subject import Reduction, SignalType
from moderation.signals.engine.exports import FOLDER
from moderation.signals.engine.inference import Inference
from moderation.signals.engine.modules import open_module
from moderation.signals.engine.options import Device, EngineOptions, Plan
from moderation.signals.engine.placement import ANY, place
from moderation.signals.engine.source import ModuleSource
from moderation.signals.hub_specs import classifier_of, hub_spec
from moderation.signals.hub_texts import load_text_classifier
from moderation.signals.models import ModelStore
from moderation.signals.pictures.classifier import OpenInference
from moderation.signals.pictures.labels import load_image_classifier
from moderation.signals.pictures.preprocessing import read_preprocessing
from moderation.signals.pictures.zero_shot import load_zero_shot
from moderation.signals.registry import ModelEntry, registry


def chosen(names: Sequence[str], entries: Sequence[ModelEntry] | None = None) -> tuple[ModelEntry, ...]:
    """The registry's classifiers that are on by default, then those of these names, in that order, without pins.

    Raises `NotFoundError` for a name that is no classifier: a misspelt name must not screen less.
    """
    known = {entry.name: entry for entry in (registry() if entries is None else entries) if entry.classifier}
    wrong = [name for name in names if name not in known]
    if wrong:
        hint = f"Classifiers: {', '.join(known)}."
        raise NotFoundError(f"No classifier of the registry is called {', '.join(wrong)}.", hint=hint)
    default = [name for name, entry in known.items() if entry.default]
    return tuple(known[name] for name in dict.fromkeys([*default, *names]))


def specs(entries: Sequence[ModelEntry]) -> tuple[SignalSpec, ...]:
    """What the entries' signals declare, in order."""
    return tuple(hub_spec(entry) for entry in entries)


def reductions(entries: Sequence[ModelEntry], store: ModelStore) -> Mapping[str, Reduction]:
    """What the picture classifiers among them need of the full-size pixels, by name; models may share one.

    A model whose configuration cannot be read needs nothing here: loading it fails, and its posts are held.
    """
    found: dict[str, Reduction] = {}
    for entry in entries:
        if classifier_of(entry).task == "text-classification":
            continue
        try:
            reduction = read_preprocessing(store, entry.name).reduction
        except ModerationError:
            continue
        found[reduction.name] = reduction
    return found


def load(entry: ModelEntry, store: ModelStore, open_inference: OpenInference) -> SignalType:
    """The entry's signal, with its model loaded.

    Raises `ModelStoreError` when the model is not pinned, missing, or not what the entry says, and `InferenceError`.
    """
    store.entry(entry.name).check_pinned()
    task = classifier_of(entry).task
    if task == "image-classification":
        return load_image_classifier(store, entry.name, open_inference)
    if task == "zero-shot-image":
        return load_zero_shot(store, entry.name, open_inference)
    return load_text_classifier(store, entry.name, open_inference)


def export_ahead(entry: ModelEntry, store: ModelStore, options: EngineOptions) -> Plan | None:
    """Open the entry's model as a lane will, so that its exports and what measured fastest are kept by then.

    None where nothing can be kept: on CUDA a model is compiled anew at each start. Raises as `load` does.
    """
    if place(ANY, options).device is Device.CUDA:
        return None
    plans: list[Plan] = []
    open_inference = in_engine(store, options)

    def opened(source: ModuleSource) -> Inference:
        engine = open_inference(source)
        plans.append(engine.plan)
        return engine

    load(entry, store, opened)
    return plans[-1]


def in_engine(store: ModelStore, options: EngineOptions) -> OpenInference:
    """Runs modules in the engine, its exports kept beside the models."""
    return lambda source: open_module(source, options, exports=store.root / FOLDER)
