"""A model store with poison in it, and a screening with every real part: posts are held, nothing is ever scored."""

import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load, save

from datasets.samples import sample_posts
from moderation import assembly
from moderation.domain.ids import PostId
from moderation.domain.post import Author, PostState
from moderation.domain.signal import FailureReason, Score, SignalFailure
from moderation.domain.verdict import Screening, Verdict
from moderation.screening.intake import Submission
from moderation.screening.screen import screen
from moderation.settings import load_settings
from moderation.signals.models import PINS, ModelStore
from moderation.signals.registry import ModelEntry, registry
from moderation.storage.screenings import ScreeningStore
from tests.functional.world import World, world
from tests.signals import checkpoints
from tests.signals.checkpoints import PICTURES, TEXTS, entry_for

pytestmark = [pytest.mark.functional, pytest.mark.long, pytest.mark.timeout(300)]

SIGNALS = {"vit": "image_toy", "bert": "text_toy", "opennsfw": "image_nsfw"}
POSTS = 3


class Tripwire:
    """Runs a function when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("/tmp/the-pickle-was-loaded"),))


PICKLE = pickle.dumps({"weights": Tripwire()})


@dataclass
class Poisoned:
    """A copy of a healthy store: its folder, and the entries of the classifiers that are turned on."""

    root: Path
    entries: dict[str, ModelEntry] = field(default_factory=dict)

    def place(self, name: str, filename: str) -> Path:
        return self.root / name / filename

    def damage(self, name: str, filename: str, change: Callable[[bytes], bytes]) -> None:
        place = self.place(name, filename)
        place.write_bytes(change(place.read_bytes()))

    def pin_anew(self, name: str) -> None:
        """As if a publisher, or an operator who did not look, had pinned what is there now."""
        classifier = self.entries[name].classifier
        assert classifier is not None
        self.entries[name] = entry_for(self.root / name, classifier.model_dump(exclude_none=True))


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Poisoned:
    """The models in use, and two tiny ones that classify pictures and texts."""
    root, mirror = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("mirror")
    in_use = load_settings().models.resolve()
    for name in {name for spec in assembly.signal_specs() for name in spec.models}:
        shutil.copytree(in_use / name, root / name)
    entries = [
        entry_for(checkpoints.vit(mirror / "vit"), PICTURES),
        entry_for(checkpoints.bert(mirror / "bert"), TEXTS),
    ]
    store = ModelStore(root, entries=entries, mirror=mirror)
    for entry in entries:
        store.pull(entry.name)
    return Poisoned(root, {entry.name: entry for entry in entries})


@pytest.fixture
def store(healthy: Poisoned, tmp_path: Path) -> Poisoned:
    shutil.copytree(healthy.root, tmp_path / "models")
    return Poisoned(tmp_path / "models", dict(healthy.entries))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with world(folder, f"sqlite:///{folder / 'world.db'}", threads=1, precision="float32") as found:
        yield found


def screened(place: World, store: Poisoned, monkeypatch: pytest.MonkeyPatch) -> list[Screening]:
    """Posts through the parts that lanes are made of, with this store and its classifiers."""
    models = ModelStore(store.root, entries=[*registry(), *store.entries.values()])
    monkeypatch.setattr(assembly, "model_store", lambda _: models)
    monkeypatch.setattr(assembly, "classifiers", lambda _: tuple(store.entries.values()))
    ids = harmless(place)
    with assembly.screening_parts(place.settings, place.database) as parts:
        claims = place.posts.claim("lane", limit=100, lease_seconds=60, now=assembly.now())
        assert {claim.post.id for claim in claims} == set(ids)
        screen(parts, claims)
    found = [one for post_id in ids for one in ScreeningStore(place.database).history(post_id)]
    assert len(found) == POSTS
    return found


def harmless(place: World) -> list[PostId]:
    """Posts that a healthy installation publishes, through the real intake."""
    door = assembly.intake(place.settings, place.database, assembly.blob_store(place.settings))
    samples = [sample for sample in sample_posts() if sample.expected is Verdict.APPROVE][:POSTS]
    ids = []
    for sample in samples:
        place.accepted += 1
        author = Author(f"a{place.accepted}", account_age_days=400.0, published_posts=20)
        submission = Submission(sample.image, f"{sample.caption} {place.accepted}", sample.prompt, author)
        key = f"k{place.accepted}"
        ids.append(door.accept(submission, client="test", idempotency_key=key, now=assembly.now()).post.id)
    return ids


def states(place: World, found: Sequence[Screening]) -> set[PostState]:
    return {post.state for post in place.posts.many([one.post_id for one in found]).values()}


def test_a_healthy_store_scores_and_approves(place: World, healthy: Poisoned, monkeypatch: pytest.MonkeyPatch) -> None:
    found = screened(place, healthy, monkeypatch)
    assert {one.judgement.verdict for one in found} == {Verdict.APPROVE}
    for one in found:
        results = {result.signal: result for result in one.results}
        assert all(isinstance(results[signal], Score) for signal in SIGNALS.values()), results
        assert set(SIGNALS) <= set(one.pins.models)


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def wrong_digest(store: Poisoned, name: str, filename: str) -> None:
    store.damage(name, filename, flipped)


def truncated(store: Poisoned, name: str, filename: str) -> None:
    store.damage(name, filename, lambda data: data[: len(data) // 2])


def a_pickle(store: Poisoned, name: str, filename: str) -> None:
    store.damage(name, filename, lambda _: PICKLE)


def empty(store: Poisoned, name: str, filename: str) -> None:
    store.damage(name, filename, lambda _: b"")


def gone(store: Poisoned, name: str, filename: str) -> None:
    store.place(name, filename).unlink()


def a_folder(store: Poisoned, name: str, filename: str) -> None:
    gone(store, name, filename)
    store.place(name, filename).mkdir()


def a_pipe(store: Poisoned, name: str, filename: str) -> None:
    gone(store, name, filename)
    os.mkfifo(store.place(name, filename))


def a_device(store: Poisoned, name: str, filename: str) -> None:
    gone(store, name, filename)
    store.place(name, filename).symlink_to("/dev/zero")


WEIGHTS = {"vit": "model.safetensors", "bert": "model.safetensors", "opennsfw": "open-nsfw.onnx"}


DAMAGES = (wrong_digest, truncated, a_pickle)


@pytest.mark.parametrize(
    ("name", "poison"),
    [
        *((name, poison) for name in WEIGHTS for poison in DAMAGES),
        ("vit", empty),
        ("vit", gone),
        ("vit", a_folder),
        ("vit", a_pipe),
        ("vit", a_device),
    ],
)
def test_weights_that_are_not_the_pinned_ones_hold_every_post(
    place: World,
    store: Poisoned,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    poison: Callable[[Poisoned, str, str], None],
) -> None:
    poison(store, name, WEIGHTS[name])
    assert_held(place, screened(place, store, monkeypatch), name)


@pytest.mark.parametrize(
    ("name", "filename"),
    [("vit", "config.json"), ("vit", "preprocessor_config.json"), ("bert", "vocab.txt"), ("bert", "config.json")],
)
def test_so_do_configurations_that_are_not(
    place: World, store: Poisoned, monkeypatch: pytest.MonkeyPatch, name: str, filename: str
) -> None:
    wrong_digest(store, name, filename)
    assert_held(place, screened(place, store, monkeypatch), name)


def missing_label(config: dict[str, Any]) -> None:
    config["id2label"] = {"0": "normal", "1": "nsfw"}
    config["label2id"] = None


def remote_code(config: dict[str, Any]) -> None:
    config["auto_map"] = {"AutoModelForImageClassification": "modeling.Evil"}


def other_architecture(config: dict[str, Any]) -> None:
    config["hidden_size"] = 64


def endless_layers(config: dict[str, Any]) -> None:
    config["num_hidden_layers"] = 10**9


@pytest.mark.parametrize("poison", [missing_label, remote_code, other_architecture, endless_layers])
def test_so_do_configurations_that_were_pinned_with_poison_in_them(
    place: World, store: Poisoned, monkeypatch: pytest.MonkeyPatch, poison: Callable[[dict[str, Any]], None]
) -> None:
    config = json.loads(store.place("vit", "config.json").read_bytes())
    poison(config)
    store.place("vit", "config.json").write_text(json.dumps(config), encoding="utf-8")
    store.pin_anew("vit")
    assert_held(place, screened(place, store, monkeypatch), "vit")


def test_so_does_a_pickle_that_was_pinned(place: World, store: Poisoned, monkeypatch: pytest.MonkeyPatch) -> None:
    a_pickle(store, "vit", WEIGHTS["vit"])
    store.pin_anew("vit")
    assert_held(place, screened(place, store, monkeypatch), "vit")


def not_numbers(weights: bytes) -> bytes:
    """Weights that make every score a NaN."""
    state = load(weights)
    return save({key: torch.full_like(tensor, float("nan")) for key, tensor in state.items()})


def lying_header(weights: bytes) -> bytes:
    """Tensors that end beyond the file."""
    (length,) = struct.unpack("<Q", weights[:8])
    header = json.loads(weights[8 : 8 + length])
    header["classifier.bias"]["data_offsets"][1] += 2**40
    said = json.dumps(header).encode()
    return struct.pack("<Q", len(said)) + said + weights[8 + length :]


@pytest.mark.parametrize("change", [not_numbers, lying_header])
def test_so_do_weights_that_were_pinned_with_poison_in_them(
    place: World, store: Poisoned, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]
) -> None:
    store.damage("vit", WEIGHTS["vit"], change)
    store.pin_anew("vit")
    assert_held(place, screened(place, store, monkeypatch), "vit")


def test_so_does_a_model_that_nobody_pinned(place: World, store: Poisoned, monkeypatch: pytest.MonkeyPatch) -> None:
    document = store.entries["vit"].model_dump(exclude_none=True)
    document["source"].pop("revision")
    document["files"] = [{"filename": file["filename"]} for file in document["files"]]
    document["unconfirmed"] = {"revision": "Not reached.", "sha256": "Not reached."}
    store.entries["vit"] = ModelEntry.model_validate(document)
    assert_held(place, screened(place, store, monkeypatch), "vit")


def test_so_does_a_forged_pin(place: World, store: Poisoned, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who may write pins changes weights and pin together: the entry's own digests still count."""
    wrong_digest(store, "vit", WEIGHTS["vit"])
    forged = entry_for(store.root / "vit", PICTURES)
    files = {file.filename: {"sha256": file.sha256, "bytes": file.bytes} for file in forged.files}
    pins = {"version": 1, "models": {"vit": {"revision": checkpoints.REVISION, "files": files}}}
    (store.root / PINS).write_text(yaml.safe_dump(pins), encoding="utf-8")
    assert_held(place, screened(place, store, monkeypatch), "vit")


def assert_held(place: World, found: Sequence[Screening], name: str) -> None:
    """Held, incomplete, unpublished; the poisoned model measured nothing and no verdict pins it."""
    signal = SIGNALS[name]
    for one in found:
        results = {result.signal: result for result in one.results}
        failure = results[signal]
        assert isinstance(failure, SignalFailure), failure
        assert failure.reason is FailureReason.MODEL_MISSING
        assert failure.detail
        assert one.judgement.verdict is Verdict.HOLD
        assert not one.judgement.complete
        assert name not in one.pins.models
        missing = [
            other.signal
            for other in one.results
            if isinstance(other, SignalFailure) and other.reason is FailureReason.MODEL_MISSING
        ]
        assert missing == [signal], "the other models are loaded all the same"
    assert states(place, found) == {PostState.HELD}
    assert not Path("/tmp/the-pickle-was-loaded").exists()
