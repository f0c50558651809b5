"""What nothing can use is removed; what a lane uses, opens or writes stays."""

import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.synchronize import Event
from pathlib import Path

from moderation.domain.ids import Digest
from moderation.signals.engine.exports import Exports, lock
from moderation.signals.engine.modules import open_module
from moderation.signals.engine.options import Device, EngineOptions, Precision
from moderation.signals.engine.pruning import SETTLED_SECONDS, leftovers, remove
from tests.signals.engine.modules import pictures, vit_source
from tests.signals.engine.writing import write_often, written_source

WANTED = frozenset({vit_source().digest})
LATER = SETTLED_SECONDS + 10


def later() -> float:
    return time.time() + LATER


def named(folder: Path, pattern: str) -> list[Path]:
    found = sorted(folder.glob(pattern))
    assert found, pattern
    return found


def edit(file: Path, change: Callable[[dict[str, dict[str, object]]], None]) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


def test_what_is_in_use_stays(vit_exports: Path) -> None:
    assert leftovers(vit_exports, WANTED, now=later()) == []


def test_a_folder_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert leftovers(tmp_path / "none", WANTED, now=later()) == []


def test_a_model_that_nobody_has_any_more_goes_with_its_lock_and_once_only(exports: Path) -> None:
    found = leftovers(exports, frozenset(), now=later())
    assert {one.path for one in found} == set(exports.iterdir())
    assert all("no model" in one.why or "lock" in one.why for one in found)
    assert sorted(one.path for one in remove(exports, found)) == sorted(one.path for one in found)
    assert list(exports.iterdir()) == []
    assert leftovers(exports, frozenset(), now=later()) == []
    assert len(remove(exports, found)) == len(found), "what is gone already is no error"


def test_what_other_versions_made_goes_and_says_which(exports: Path) -> None:
    (file,) = named(exports, "*-int8-*.json")[-1:]
    edit(file, lambda document: document["key"].update(versions={"torch": "1.0"}))
    found = leftovers(exports, WANTED, now=later())
    assert {one.path.stem for one in found} == {file.stem}
    assert {one.path.suffix for one in found} == {".json", ".onnx"}
    assert "torch 1.0" in found[0].why


def test_what_other_code_made_goes(exports: Path) -> None:
    (file,) = named(exports, "*-float32-*.json")[-1:]
    edit(file, lambda document: document["key"].update(recipe="0.1"))
    assert {"another version of this software" in one.why for one in leftovers(exports, WANTED, now=later())} == {True}


def test_what_was_replaced_goes_and_the_newest_stays(exports: Path) -> None:
    (model,) = [file for file in named(exports, "*-int8-*.onnx") if "choice" not in file.name]
    for suffix in (".onnx", ".json"):
        old = model.with_suffix(suffix).with_name(f"{model.name.rsplit('-', 1)[0]}-{'0' * 16}{suffix}")
        old.write_bytes(model.with_suffix(suffix).read_bytes())
        os.utime(old, (1, 1))
    found = leftovers(exports, WANTED, now=later())
    assert {one.why for one in found} == {"replaced by a newer one"}
    assert all("0" * 16 in one.path.name for one in found)


def test_halves_go_when_they_are_old_and_stay_while_a_lane_may_write_them(exports: Path) -> None:
    (model,) = [file for file in named(exports, "*-int8-*.onnx") if "choice" not in file.name]
    model.with_suffix(".json").unlink()
    (exports / ".export-abc").write_bytes(b"half")
    (exports / "notes.txt").write_text("of an operator")
    assert leftovers(exports, WANTED, now=time.time()) == []
    assert {one.path.name for one in leftovers(exports, WANTED, now=later())} == {model.name, ".export-abc"}


def test_a_model_of_which_a_digest_covers_more_is_known_by_its_own(tmp_path: Path) -> None:
    """A zero-shot model's export is kept under a digest that its phrases are part of."""
    own = Digest("7" * 64)
    Exports(tmp_path, written_source()).write(Precision.INT8, b"one")
    (record,) = tmp_path.glob("*.json")
    edit(record, lambda document: document.update(model={"name": "clip", "digest": own}))
    assert leftovers(tmp_path, {own}, now=time.time()) == []
    assert len(leftovers(tmp_path, WANTED, now=time.time())) == 2


def held(folder: Path, digest: str, ready: Event, done: Event) -> None:
    with lock(folder, digest):
        ready.set()
        done.wait(60)


def test_what_a_lane_opens_or_makes_just_now_stays(exports: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    lane = context.Process(target=held, args=(exports, vit_source().digest, ready, done))
    lane.start()
    assert ready.wait(60)
    before = set(exports.iterdir())
    assert remove(exports, leftovers(exports, frozenset(), now=later())) == []
    assert set(exports.iterdir()) == before
    done.set()
    lane.join(60)
    assert remove(exports, leftovers(exports, frozenset(), now=later()))


def test_a_running_model_goes_on_after_its_export_was_removed(exports: Path) -> None:
    options = EngineOptions(device=Device.CPU, precision=Precision.INT8)
    engine = open_module(vit_source(), options, exports=exports)
    before = engine.run(pictures(3))["logits"]
    remove(exports, leftovers(exports, frozenset(), now=later()))
    assert list(exports.glob("*.onnx")) == []
    assert (engine.run(pictures(3))["logits"] == before).all()


def test_pruning_beside_processes_that_export_leaves_them_whole_exports(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_often, args=(tmp_path, number)) for number in range(2)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        remove(tmp_path, leftovers(tmp_path, frozenset(), now=time.time()))
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]


def test_a_lock_that_was_removed_while_somebody_waited_for_it_still_excludes(tmp_path: Path) -> None:
    entered = threading.Event()

    def wait_for_it() -> None:
        with lock(tmp_path, "a"):
            entered.set()

    waiting = threading.Thread(target=wait_for_it)
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(lock(tmp_path, "a"))
        waiting.start()
        time.sleep(0.1)
        (tmp_path / "a.lock").unlink()
        second.enter_context(lock(tmp_path, "a"))
        first.close()
        assert not entered.wait(0.3), "the lock that it waited for is nobody's any more"
        second.close()
        assert entered.wait(20)
    waiting.join()
