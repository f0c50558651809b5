"""Torch modules, opened the way that is fastest here: int8 or float32 in ONNX Runtime or torch, bfloat16 on CUDA."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from moderation.signals.engine.contenders import WAYS, Contenders, Way, rates
from moderation.signals.engine.cuda import open_on_cuda
from moderation.signals.engine.devices import processor, takes_cuda
from moderation.signals.engine.engine import Engine, Runner
from moderation.signals.engine.exports import Exports
from moderation.signals.engine.flops import bytes_of_row
from moderation.signals.engine.inference import InferenceError
from moderation.signals.engine.memory import rows_within
from moderation.signals.engine.options import Backend, Device, EngineOptions, Plan, Precision
from moderation.signals.engine.source import ModuleSource

ALL_SHOWN = 100.0


def open_module(source: ModuleSource, options: EngineOptions, *, exports: Path | None = None) -> Engine:
    """The module, ready to run and warmed up; `exports` is the folder where exports are kept, None: nothing is kept.

    On the CPU the module is exported to ONNX and quantised, every way of running it is compared with float32 torch on
    the example and timed, and the fastest of those that agree is remembered for this processor. On CUDA it runs in
    torch. Raises `UnavailableError` when a named device is not there, and `InferenceError` when no way works or
    one row takes more than `memory_mb`.
    """
    if takes_cuda(options):
        return open_on_cuda(source, options)
    with _kept(source, exports) as kept, kept.locked():
        contenders = Contenders(source, options, kept)
        return _remembered(contenders) or _chosen(contenders)


@contextmanager
def _kept(source: ModuleSource, folder: Path | None) -> Iterator[Exports]:
    """The folder's exports; a scratch folder's when there is none or it cannot be written."""
    if folder is not None and _is_writable(folder):
        yield Exports(folder, source)
        return
    with tempfile.TemporaryDirectory(prefix="exports-") as scratch:
        yield Exports(Path(scratch), source)


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _remembered(contenders: Contenders) -> Engine | None:
    """What was chosen before on this processor for the same wish, or None when that cannot be had any more."""
    wanted = contenders.options.precision
    noted = contenders.exports.facts(f"choice-{wanted}")
    if noted is None or noted.get("wish") != _wish(contenders.options):
        return None
    try:
        way = Backend(str(noted["backend"])), Precision(str(noted["precision"]))
        row_bytes, why = int(str(noted["row_bytes"])), str(noted["why"])
    except (KeyError, ValueError):
        return None
    kept = way[0] is Backend.TORCH or contenders.exports.read(way[1]) is not None
    if not kept or way not in WAYS[wanted] + WAYS[Precision.FLOAT32]:
        return None
    engine = _engine(contenders, way, contenders.open(way), row_bytes, f"{why} (remembered)")
    engine.run({name: array[:1] for name, array in contenders.source.example.items()})
    return engine


def _chosen(contenders: Contenders) -> Engine:
    """Check every way, time those that agree, and remember the fastest."""
    options, source = contenders.options, contenders.source
    found = contenders.checked(WAYS[options.precision]) or contenders.checked(WAYS[Precision.FLOAT32])
    if not found:
        raise InferenceError(f"{source.name} cannot run: {_refusals(contenders.refused)}.")
    row_bytes = _row_bytes(contenders)
    engines = {way: _engine(contenders, way, runner, row_bytes, "") for way, runner in found.items()}
    measured = rates({way: engine.run for way, engine in engines.items()}, source.example)
    best = max(measured, key=lambda way: measured[way])
    why = _reason(measured, contenders.refused)
    _note(contenders, best, row_bytes, why)
    for way, engine in engines.items():
        if way != best:
            engine.close()
    return _engine(contenders, best, found[best], row_bytes, why)


def _engine(contenders: Contenders, way: Way, runner: Runner, row_bytes: int, why: str) -> Engine:
    """Torch's int8 takes the range of activations over a whole call: row by row, no row depends on its neighbours."""
    backend, precision = way
    rows = 1 if way == (Backend.TORCH, Precision.INT8) else rows_within(contenders.options, row_bytes)
    return Engine(runner, Plan(Device.CPU, precision, backend, rows, why))


def _row_bytes(contenders: Contenders) -> int:
    """By the smallest graph that there is; 0, which bounds nothing, when the module cannot be exported."""
    for precision in (Precision.INT8, Precision.FLOAT32):
        try:
            return bytes_of_row(contenders.graph(precision), contenders.source.example)
        except InferenceError as error:
            contenders.refused[Backend.ONNXRUNTIME, precision] = error.message
    return 0


def _wish(options: EngineOptions) -> dict[str, object]:
    return {"processor": processor(), "threads": options.threads, "rows": [options.max_batch, options.memory_mb]}


def _note(contenders: Contenders, way: Way, row_bytes: int, why: str) -> None:
    facts = {"backend": way[0], "precision": way[1], "row_bytes": row_bytes, "why": why}
    contenders.exports.note(f"choice-{contenders.options.precision}", {**facts, "wish": _wish(contenders.options)})


def _reason(measured: Mapping[Way, float], refused: Mapping[Way, str]) -> str:
    order = sorted(measured, key=lambda way: -measured[way])
    said = "measured " + ", ".join(f"{_named(way)} {in_figures(measured[way])} rows/s" for way in order)
    return f"{said}; refused {_refusals(refused)}" if refused else said


def in_figures(rate: float) -> str:
    """Three figures, and all before the point: `0.75`, `12.3`, `9,560`."""
    return f"{rate:,.0f}" if rate >= ALL_SHOWN else f"{rate:.3g}"


def _refusals(refused: Mapping[Way, str]) -> str:
    return ", ".join(f"{_named(way)}: {why}" for way, why in refused.items())


def _named(way: Way) -> str:
    return f"{way[0]} {way[1]}"
