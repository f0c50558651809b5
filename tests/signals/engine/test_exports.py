import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moderation.domain.ids import Digest
from moderation.signals.engine.contenders import Contenders
from moderation.signals.engine.exports import Exports
from moderation.signals.engine.modules import open_module
from moderation.signals.engine.options import Device, EngineOptions, Precision
from tests.signals.engine.modules import doubled, pictures, vit_source
from tests.signals.engine.writing import write_often, written_source

FLOAT32 = EngineOptions(device=Device.CPU, precision=Precision.FLOAT32)
INT8 = EngineOptions(device=Device.CPU, precision=Precision.INT8)


def the_file(folder: Path, precision: Precision, kind: str = "onnx") -> Path:
    (found,) = [
        file for file in folder.glob(f"*.{kind}") if f"-{precision}-" in file.name and "choice" not in file.name
    ]
    return found


def test_an_export_is_named_after_the_weights_and_the_precision(vit_exports: Path) -> None:
    names = [file.name for file in vit_exports.glob("*.onnx")]
    assert {name.rsplit("-", 1)[0] for name in names} == {f"{'1' * 64}-float32", f"{'1' * 64}-int8"}
    assert vit_exports.stat().st_mode & 0o077 == 0


def poison_bytes(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


def poison_truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:1000])


def poison_other_model(file: Path) -> None:
    file.write_bytes(doubled())


def poison_writable(file: Path) -> None:
    file.chmod(0o666)


def poison_link(file: Path) -> None:
    moved = file.rename(file.with_suffix(".moved"))
    file.symlink_to(moved)


def poison_record(file: Path) -> None:
    file.with_suffix(".json").write_text("[1, 2", encoding="utf-8")


def poison_record_key(file: Path) -> None:
    place = file.with_suffix(".json")
    document = json.loads(place.read_text(encoding="utf-8"))
    document["key"]["digest"] = "3" * 64
    place.write_text(json.dumps(document), encoding="utf-8")


def poison_record_depth(file: Path) -> None:
    file.with_suffix(".json").write_text("[" * 60_000, encoding="utf-8")


def poison_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    "poison",
    [
        poison_bytes,
        poison_truncated,
        poison_other_model,
        poison_writable,
        poison_link,
        poison_record,
        poison_record_key,
        poison_record_depth,
        poison_pipe,
        Path.unlink,
    ],
)
def test_an_export_that_is_not_what_was_made_is_refused_and_made_anew(exports: Path, poison: object) -> None:
    assert callable(poison)
    kept = Exports(exports, vit_source())
    before = kept.read(Precision.INT8)
    assert before is not None
    poison(the_file(exports, Precision.INT8))
    assert kept.read(Precision.INT8) is None
    contenders = Contenders(vit_source(), INT8, kept)
    made = contenders.graph(Precision.INT8)
    assert kept.read(Precision.INT8) == made == before


def test_a_poisoned_folder_never_changes_a_score(exports: Path) -> None:
    wanted = open_module(vit_source(), FLOAT32, exports=exports).run(pictures(2))["logits"]
    for file in exports.glob("*.onnx"):
        file.write_bytes(doubled())
    found = open_module(vit_source(), FLOAT32, exports=exports).run(pictures(2))["logits"]
    assert np.abs(found - wanted).max() < 1e-4


def test_a_choice_that_cannot_be_is_chosen_anew(exports: Path) -> None:
    open_module(vit_source(), FLOAT32, exports=exports)
    (place,) = exports.glob("*-choice-float32-*.json")
    document = json.loads(place.read_text(encoding="utf-8"))
    changes: list[dict[str, object]] = [
        {"precision": "int8"},
        {"backend": "magic"},
        {"row_bytes": "many"},
        {"wish": {}},
    ]
    for wrong in changes:
        place.write_text(json.dumps({**document, **wrong}), encoding="utf-8")
        engine = open_module(vit_source(), FLOAT32, exports=exports)
        assert engine.plan.precision is Precision.FLOAT32
        assert "remembered" not in engine.plan.why
    assert "remembered" in open_module(vit_source(), FLOAT32, exports=exports).plan.why


def test_other_weights_inputs_outputs_or_recipes_do_not_find_it(vit_exports: Path) -> None:
    source = vit_source()
    assert Exports(vit_exports, source).read(Precision.INT8) is not None
    others = (
        replace(source, digest=Digest("4" * 64)),
        replace(source, recipe="2"),
        replace(source, outputs=("logits", "hidden_states")),
        replace(source, example=pictures(4, seed=9)),
        replace(source, lengths=frozenset({"pixel_values"})),
    )
    for other in others:
        assert Exports(vit_exports, other).read(Precision.INT8) is None


def test_half_a_file_is_never_seen_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Exports(tmp_path, vit_source())
    kept.write(Precision.INT8, b"first")

    def full(_handle: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Exception, match="no space left"):
        kept.write(Precision.INT8, b"second")
    assert kept.read(Precision.INT8) is None
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".export-")] == []


def test_processes_that_export_at_once_wait_for_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_often, args=(tmp_path, number)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert Exports(tmp_path, written_source()).read(Precision.INT8) is not None
