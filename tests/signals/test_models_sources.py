"""Pulling from a hub, a folder and this package, and what an operator may pin."""

import pickle
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pytest
import yaml

from moderation.domain.errors import InvalidInputError, ModelStoreError
from moderation.signals import hub as hub_module
from moderation.signals.hub import Hub
from moderation.signals.models import PINS, ModelState, ModelStore
from moderation.signals.pinning import propose_pin
from moderation.signals.pulling import Origins, check_format
from moderation.signals.registry import ModelEntry
from moderation.signals.registry.pins import FilePin, Pin, pinned, read_pins
from tests.signals.checkpoints import PICTURES, REVISION
from tests.signals.hub_server import HubServer, hub_server

OTHER = "f" * 40
HEADER = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
WEIGHTS = struct.pack("<Q", len(HEADER)) + HEADER + bytes(8)
FILES = {"config.json": b'{"model_type": "vit"}', "onnx/model.safetensors": WEIGHTS}


def an_entry(*, open_fields: tuple[str, ...] = (), **changes: Any) -> ModelEntry:
    """A hub entry of two files, one in a folder of its repository; `open_fields` are not pinned."""
    revision = {} if "revision" in open_fields else {"revision": REVISION}
    files = [
        {"filename": path.rpartition("/")[2], "member": path}
        | ({} if "sha256" in open_fields else {"sha256": sha256(data).hexdigest(), "bytes": len(data)})
        for path, data in FILES.items()
    ]
    document = {
        "name": "toy",
        "title": "Toy",
        "licence": "MIT",
        "card": "For tests.",
        "source": {"kind": "hub", "id": "toys/toy", **revision},
        "files": files,
        "classifier": PICTURES,
        "unconfirmed": dict.fromkeys(open_fields, "Not reached."),
    }
    return ModelEntry.model_validate(document | changes)


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with hub_server(FILES) as running:
        yield running


def a_store(root: Path, hub: HubServer, entry: ModelEntry, mirror: Path | None = None) -> ModelStore:
    return ModelStore(root / "models", entries=[entry], mirror=mirror, hub=Hub(hub.endpoint))


def a_pin(revision: str = REVISION) -> Pin:
    files = {path.rpartition("/")[2]: data for path, data in FILES.items()}
    pins = {name: FilePin(sha256=sha256(data).hexdigest(), bytes=len(data)) for name, data in files.items()}
    return Pin(revision=revision, files=pins)


def test_a_hub_gives_exactly_the_pinned_files(tmp_path: Path, hub: HubServer) -> None:
    hub.files |= {"pytorch_model.bin": b"pickle", "modeling_toy.py": b"raise SystemExit"}
    store = a_store(tmp_path, hub, an_entry())
    assert store.pull("toy").state is ModelState.VERIFIED
    assert store.read("toy", "model.safetensors") == WEIGHTS
    assert sorted(path.name for path in (store.root / "toy").rglob("*")) == ["config.json", "model.safetensors"]
    assert all(REVISION in path for path in hub.asked)
    assert not [path for path in hub.asked if path.endswith((".bin", ".py"))]


@pytest.mark.parametrize("data", [WEIGHTS[:-1], WEIGHTS + b"\x00", WEIGHTS[:-1] + b"\x01", b"", pickle.dumps({"a": 1})])
def test_a_hub_with_other_bytes_is_refused(tmp_path: Path, hub: HubServer, data: bytes) -> None:
    hub.files["onnx/model.safetensors"] = data
    store = a_store(tmp_path, hub, an_entry())
    with pytest.raises(ModelStoreError, match="not the pinned"):
        store.pull("toy")
    assert store.verify("toy").state is ModelState.MISSING
    assert [path.name for path in store.root.iterdir()] == ["toy.lock"]


def test_a_file_that_is_not_the_announced_one_is_refused(tmp_path: Path, hub: HubServer) -> None:
    hub.files["onnx/model.safetensors"] = WEIGHTS[:-1] + b"\x01"
    hub.announced["onnx/model.safetensors"] = len(WEIGHTS)
    with pytest.raises(ModelStoreError, match="not the pinned"):
        a_store(tmp_path, hub, an_entry()).pull("toy")


def test_a_hub_that_serves_another_commit_is_refused(tmp_path: Path, hub: HubServer) -> None:
    hub.commit = OTHER
    with pytest.raises(ModelStoreError, match=f"from commit {OTHER}"):
        a_store(tmp_path, hub, an_entry()).pull("toy")


def test_a_file_that_is_too_large_is_not_even_fetched(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "MAX_FILE_BYTES", 10)
    with pytest.raises(ModelStoreError, match="more than the 10 allowed"):
        propose_pin(an_entry(open_fields=("sha256",)), Origins(None, Hub(hub.endpoint)), tmp_path, lambda _: None)


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_hub_that_refuses_is_one_clear_error(tmp_path: Path, hub: HubServer, status: int) -> None:
    hub.status = status
    with pytest.raises(ModelStoreError, match="could not be fetched") as caught:
        a_store(tmp_path, hub, an_entry()).pull("toy")
    assert "--mirror" in caught.value.hint
    assert "Traceback" not in caught.value.message


def test_no_hub_at_all_is_one_clear_error(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models", entries=[an_entry()], hub=Hub("http://127.0.0.1:9"))
    with pytest.raises(ModelStoreError, match=r"toys/toy/config.json could not be fetched") as caught:
        store.pull("toy")
    assert "--mirror" in caught.value.hint


def a_mirror(root: Path, files: dict[str, bytes] = FILES) -> Path:
    folder = root / "mirror" / "toy"
    folder.mkdir(parents=True)
    for path, data in files.items():
        (folder / path.rpartition("/")[2]).write_bytes(data)
    return folder.parent


def test_a_mirror_is_asked_before_the_hub(tmp_path: Path, hub: HubServer) -> None:
    store = a_store(tmp_path, hub, an_entry(), a_mirror(tmp_path))
    assert store.pull("toy").state is ModelState.VERIFIED
    assert hub.asked == []


@pytest.mark.parametrize("data", [WEIGHTS[:-1], WEIGHTS[:-1] + b"\x01"])
def test_a_mirror_with_other_bytes_is_refused(tmp_path: Path, hub: HubServer, data: bytes) -> None:
    store = a_store(tmp_path, hub, an_entry(), a_mirror(tmp_path, FILES | {"onnx/model.safetensors": data}))
    with pytest.raises(ModelStoreError, match=r"not the pinned|pinned .* bytes"):
        store.pull("toy")
    assert store.verify("toy").state is ModelState.MISSING


def test_a_folder_of_this_package_is_copied(tmp_path: Path, hub: HubServer) -> None:
    data = package_files("moderation").joinpath("signals/registry/opennsfw.yaml").read_bytes()
    file = {
        "filename": "weights.txt",
        "member": "opennsfw.yaml",
        "sha256": sha256(data).hexdigest(),
        "bytes": len(data),
    }
    source = {"kind": "package", "folder": "signals/registry"}
    store = a_store(tmp_path, hub, an_entry(source=source, files=[file]))
    assert store.pull("toy").state is ModelState.VERIFIED
    assert store.read("toy", "weights.txt") == data
    lost = an_entry(source=source, files=[{**file, "member": "nothing.txt"}])
    with pytest.raises(ModelStoreError, match="missing from this installation"):
        a_store(tmp_path / "other", hub, lost).pull("toy")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.safetensors", pickle.dumps({"a": list(range(100))})),
        ("model.safetensors", b"PK\x03\x04" + bytes(100)),
        ("model.safetensors", struct.pack("<Q", 1 << 40) + bytes(10)),
        ("model.safetensors", struct.pack("<Q", 4) + b"nope" + bytes(10)),
        ("model.safetensors", struct.pack("<Q", 2) + b"{}"),
        ("model.safetensors", struct.pack("<Q", 2) + b"[]"),
        ("model.safetensors", WEIGHTS[:-1]),
        ("model.safetensors", b""),
        ("config.json", b"{"),
        ("config.json", b"[" * 100_000),
        ("vocab.txt", b"\xff\xfe\x00"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelStoreError, match="is refused"):
        check_format(tmp_path / name)


def test_files_that_are_what_they_say_pass(tmp_path: Path) -> None:
    for name, data in {"model.safetensors": WEIGHTS, "config.json": b"{}", "vocab.txt": "ä\n".encode()}.items():
        (tmp_path / name).write_bytes(data)
        check_format(tmp_path / name)


@pytest.mark.parametrize("open_fields", [("revision",), ("sha256",), ("revision", "sha256")])
def test_what_is_not_pinned_is_neither_pulled_nor_loaded(
    tmp_path: Path, hub: HubServer, open_fields: tuple[str, ...]
) -> None:
    store = a_store(tmp_path, hub, an_entry(open_fields=open_fields), a_mirror(tmp_path))
    assert store.verify("toy").state is ModelState.UNPINNED
    (store.root / "toy").mkdir(parents=True)
    (store.root / "toy" / "config.json").write_bytes(FILES["config.json"])
    for act in (
        lambda: store.pull("toy"),
        lambda: store.read("toy", "config.json"),
        lambda: store.path("toy", "config.json"),
    ):
        with pytest.raises(ModelStoreError, match="no pinned"):
            act()
    assert hub.asked == []


def test_pinning_completes_an_entry(tmp_path: Path, hub: HubServer) -> None:
    entry = an_entry(open_fields=("revision", "sha256"))
    store = a_store(tmp_path, hub, entry)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = propose_pin(entry, Origins(None, store.hub), scratch, lambda _: None)
    assert found == a_pin()
    assert store.verify("toy").state is ModelState.UNPINNED, "nothing is written before somebody says so"
    store.pin("toy", found)
    assert store.entry("toy").unconfirmed == {}
    assert store.pull("toy").state is ModelState.VERIFIED
    assert store.entry("toy").digest == an_entry().digest
    assert ModelStore(store.root, entries=[entry]).read("toy", "model.safetensors") == WEIGHTS


def test_pinning_from_a_folder_needs_a_commit(tmp_path: Path, hub: HubServer) -> None:
    entry, origins = an_entry(open_fields=("revision", "sha256")), Origins(a_mirror(tmp_path), Hub(hub.endpoint))
    (tmp_path / "scratch").mkdir()
    with pytest.raises(InvalidInputError, match="which commit"):
        propose_pin(entry, origins, tmp_path / "scratch", lambda _: None)
    assert propose_pin(entry, origins, tmp_path / "scratch", lambda _: None, revision=OTHER) == a_pin(OTHER)
    assert hub.asked == []


def test_pinning_refuses_poison_and_what_is_confirmed(tmp_path: Path, hub: HubServer) -> None:
    origins = Origins(None, Hub(hub.endpoint))
    with pytest.raises(InvalidInputError, match="leaves nothing open"):
        propose_pin(an_entry(), origins, tmp_path, lambda _: None)
    with pytest.raises(InvalidInputError, match="confirmed at"):
        propose_pin(an_entry(open_fields=("sha256",)), origins, tmp_path, lambda _: None, revision=OTHER)
    hub.files["onnx/model.safetensors"] = pickle.dumps({"a": list(range(100))})
    with pytest.raises(ModelStoreError, match="not safetensors"):
        propose_pin(an_entry(open_fields=("sha256",)), origins, tmp_path, lambda _: None)


def test_a_pin_never_changes_what_is_confirmed(tmp_path: Path, hub: HubServer) -> None:
    other_bytes = a_pin().model_dump()
    other_bytes["files"]["config.json"]["sha256"] = "0" * 64
    for entry, pin in (
        (an_entry(open_fields=("sha256",)), a_pin(OTHER)),
        (an_entry(), a_pin(OTHER)),
        (an_entry(open_fields=("revision",)), Pin.model_validate(other_bytes)),
        (
            an_entry(open_fields=("sha256",)),
            Pin(revision=REVISION, files={"config.json": a_pin().files["config.json"]}),
        ),
    ):
        with pytest.raises(ModelStoreError, match="is refused"):
            pinned(entry, pin)
        store = a_store(tmp_path, hub, entry)
        with pytest.raises(ModelStoreError, match="is refused"):
            store.pin("toy", pin)
        store.root.mkdir(exist_ok=True)
        document = {"version": 1, "models": {"toy": pin.model_dump(mode="json")}}
        (store.root / PINS).write_text(yaml.safe_dump(document), encoding="utf-8")
        assert store.verify("toy").state is ModelState.WRONG
        with pytest.raises(ModelStoreError, match="is refused"):
            store.read("toy", "config.json")


@pytest.mark.parametrize(
    "text",
    [
        "models: [",
        "version: 2\nmodels: {}",
        "models: {toy: {revision: main, files: {config.json: {sha256: x, bytes: 1}}}}",
        "surprise: 1",
        "models: {../x: {}}",
        "!!python/object/apply:os.system ['true']",
        "\x00",
        "version: 2001-99-99",
        "version: !!int one",
        "[" * 700,
    ],
)
def test_broken_pins_complete_nothing_and_take_nothing_down(tmp_path: Path, hub: HubServer, text: str) -> None:
    store = a_store(tmp_path, hub, an_entry(open_fields=("sha256",)))
    store.root.mkdir()
    (store.root / PINS).write_text(text, encoding="utf-8")
    with pytest.raises(ModelStoreError, match=PINS):
        read_pins(store.root / PINS)
    assert store.verify("toy").state is ModelState.WRONG
    with pytest.raises(ModelStoreError, match=PINS):
        store.read("toy", "config.json")
    whole = a_store(tmp_path, hub, an_entry())
    assert whole.pull("toy").state is ModelState.VERIFIED


def test_pins_of_several_models_stand_side_by_side(tmp_path: Path) -> None:
    entries = [an_entry(open_fields=("sha256",), name=name) for name in ("b", "a")]
    store = ModelStore(tmp_path / "models", entries=entries)
    for entry in entries:
        store.pin(entry.name, a_pin())
    assert list(read_pins(store.root / PINS)) == ["a", "b"]
    assert sorted(path.name for path in store.root.iterdir()) == [PINS, f"{PINS}.lock"]


def test_pins_that_are_written_at_once_are_all_kept(tmp_path: Path) -> None:
    names = [f"m{number}" for number in range(12)]
    entries = [an_entry(open_fields=("sha256",), name=name) for name in names]
    store = ModelStore(tmp_path / "models", entries=entries)
    with ThreadPoolExecutor(6) as several:
        list(several.map(lambda name: store.pin(name, a_pin()), names))
    assert sorted(read_pins(store.root / PINS)) == sorted(names)
