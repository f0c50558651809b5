from pathlib import Path

import pytest

from moderation.domain.errors import ModelStoreError, NotFoundError
from moderation.domain.signal import Surface
from moderation.media.reductions import describe_reduction, resolve_reduction
from moderation.signals import hub_catalog
from moderation.signals.catalog import SPECS
from moderation.signals.contract import check_distinct
from moderation.signals.engine.options import EngineOptions, Precision
from moderation.signals.models import ModelStore
from moderation.signals.registry import registry
from tests.signals import checkpoints
from tests.signals.checkpoints import PHRASES, PICTURES, TEXTS, entry_for, in_torch, picture_pixels

CLASSIFIERS = [entry for entry in registry() if entry.classifier]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    checkpoints.vit(folder / "vit")
    checkpoints.clip(folder / "clip")
    checkpoints.bert(folder / "bert")
    return folder


@pytest.fixture
def store(tmp_path: Path, mirror: Path) -> ModelStore:
    kinds = {"vit": PICTURES, "clip": PHRASES, "bert": TEXTS}
    entries = [entry_for(mirror / name, classifier) for name, classifier in kinds.items()]
    return ModelStore(tmp_path, entries=entries, mirror=mirror)


def test_the_shipped_classifiers_have_distinct_specs() -> None:
    specs = hub_catalog.specs(CLASSIFIERS)
    check_distinct([*SPECS, *specs])
    assert {spec.surface for spec in specs} == {Surface.IMAGE, Surface.POST}
    for spec in specs:
        assert spec.known_failures
        assert spec.models
        assert all(column.low == 0.0 and column.high == 1.0 and not column.nullable for column in spec.columns)


def test_names_are_the_registrys_and_nothing_else() -> None:
    assert [entry.name for entry in hub_catalog.chosen(["toxic-bert", "falconsai-nsfw", "toxic-bert"])] == [
        "toxic-bert",
        "falconsai-nsfw",
    ]
    assert hub_catalog.chosen([]) == ()
    for wrong in ("falconsai", "opennsfw", ""):
        with pytest.raises(NotFoundError, match=r"falconsai-nsfw|classifier"):
            hub_catalog.chosen([wrong])


def test_no_shipped_classifier_is_on_by_default(mirror: Path) -> None:
    assert not [entry.name for entry in CLASSIFIERS if entry.default]
    entries = [entry_for(mirror / "vit", PICTURES, default=True), entry_for(mirror / "bert", TEXTS)]
    assert [entry.name for entry in hub_catalog.chosen([], entries)] == ["vit"]
    assert [entry.name for entry in hub_catalog.chosen(["bert", "vit"], entries)] == ["vit", "bert"]


def test_what_is_not_pinned_is_refused(tmp_path: Path) -> None:
    for one in CLASSIFIERS:
        with pytest.raises(ModelStoreError, match=r"no pinned .*sha256") as caught:
            hub_catalog.load(one, ModelStore(tmp_path), in_torch)
        assert f"moderation models pin {one.name}" in caught.value.hint


def test_reductions_are_those_of_the_picture_models_that_are_there(store: ModelStore) -> None:
    entries = [store.entry(name) for name in ("vit", "clip", "bert")]
    assert hub_catalog.reductions(entries, store) == {}
    store.pull("vit")
    (only,) = hub_catalog.reductions(entries, store)
    assert only == "rgb_bilinear_32x32_centre32x32"
    store.pull("clip")
    found = hub_catalog.reductions(entries, store)
    assert set(found) == {only, "rgb_bicubic_shortest32_centre32x32"}
    assert all(resolve_reduction(describe_reduction(made)) == made for made in found.values())


def test_each_task_loads(store: ModelStore) -> None:
    for name, signal in (("vit", "image_toy"), ("clip", "image_phrases"), ("bert", "text_toy")):
        with pytest.raises(ModelStoreError, match="not in the model store"):
            hub_catalog.load(store.entry(name), store, in_torch)
        store.pull(name)
        loaded = hub_catalog.load(store.entry(name), store, in_torch)
        assert loaded.spec.name == signal
        assert (loaded.spec,) == hub_catalog.specs([store.entry(name)])


@pytest.mark.parametrize("name", ["vit", "clip", "bert"])
def test_the_engine_runs_it_and_keeps_its_export_but_never_skips_the_digest(store: ModelStore, name: str) -> None:
    store.pull(name)
    options = EngineOptions(precision=Precision.FLOAT32)
    entry = store.entry(name)
    first = hub_catalog.load(entry, store, hub_catalog.in_engine(store, options))
    plain = hub_catalog.load(entry, store, in_torch)
    inputs = ["you there", "a b c " * 30] if name == "bert" else frames(store, name)
    expected = plain.scores(inputs)  # type: ignore[attr-defined]
    assert first.scores(inputs) == pytest.approx(expected, abs=2e-3)  # type: ignore[attr-defined]
    again = hub_catalog.load(entry, store, hub_catalog.in_engine(store, options))
    assert again.scores(inputs) == pytest.approx(expected, abs=2e-3)  # type: ignore[attr-defined]
    place = store.root / name / "model.safetensors"
    place.write_bytes(place.read_bytes()[:-1] + b"\x00")
    with pytest.raises(ModelStoreError, match="not the pinned"):
        hub_catalog.load(entry, store, hub_catalog.in_engine(store, options))


def frames(store: ModelStore, name: str) -> list[object]:
    (made,) = hub_catalog.reductions([store.entry(name)], store).values()
    return [made(picture_pixels(seed)) for seed in range(3)]
