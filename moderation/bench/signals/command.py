"""`bench signals`: what each model reaches on one core, beside a naive loop and the floor; and on CUDA, if there is."""

from collections.abc import Callable, Iterable

from moderation.bench.result import BenchResult
from moderation.bench.signals.order import Order
from moderation.bench.signals.pinned import measured
from moderation.bench.signals.table import Line, Measured
from moderation.domain.errors import UnavailableError
from moderation.settings import Settings
from moderation.signals.engine.modules import in_figures

MODELS = ("vit", "text", "image_nsfw", "image_similarity")
TARGETS = (
    ("vit_int8_ratio", ">=", 3.0),
    ("vit_int8_max_diff", "<=", 0.02),
    ("text_single_per_s", ">=", 250.0),
    ("text_batch_per_s", ">=", 550.0),
    ("image_similarity_ratio_float32", ">=", 3.0),
)


def bench_signals(
    settings: Settings, *, seconds: float, tell: Callable[[str], None]
) -> tuple[BenchResult, tuple[Line, ...]]:
    """The figures and the table. Each model has a process of its own, pinned to one core, with one thread.

    Raises `UnavailableError` when a model cannot be measured on the CPU. One that cannot be on a device is told of and
    left out: the figures of the CPU are not lost for it.
    """
    found: list[Measured] = []
    for cuda in (False, True) if has_cuda() else (False,):
        for model in MODELS:
            part = _measured(Order(model, settings.models.resolve(), seconds, cuda=cuda))
            for note in part.notes:
                tell(note)
            for line in part.lines:
                tell(in_words(line))
            found.append(part)
    lines = tuple(line for part in found for line in part.lines)
    figures = {name: value for part in found for name, value in part.figures.items()}
    return BenchResult("signals", {**figures, **rates(lines, naive=False)}, rates(lines, naive=True), TARGETS), lines


def _measured(order: Order) -> Measured:
    try:
        return measured(order)
    except UnavailableError as error:
        if not order.cuda:
            raise
        return Measured((), {}, (f"On CUDA: {error.message}",))


def rates(lines: Iterable[Line], *, naive: bool) -> dict[str, float]:
    """Figures by their keys; each rate has its floor beside it, when that is known."""
    figures: dict[str, float] = {}
    for line in lines:
        if line.naive is naive:
            figures[line.key] = line.per_s
            if line.floor_per_s and not naive:
                figures[f"{line.key.removesuffix('_per_s')}_floor_per_s"] = line.floor_per_s
    return figures


def in_words(line: Line) -> str:
    """A line of the table for people."""
    floor = f", floor {in_figures(line.floor_per_s)}" if line.floor_per_s else ""
    return f"{line.model} {line.way} on {line.device}, batch {line.batch}: {in_figures(line.per_s)}/s{floor}"


def has_cuda() -> bool:
    """Whether torch finds a CUDA device."""
    import torch  # noqa: PLC0415 - heavy

    return bool(torch.cuda.is_available())
