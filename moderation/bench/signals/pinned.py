"""A model's measurement in a process of its own, with one thread on one core: `python -m …pinned MODEL`."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from moderation.bench.signals.cores import pin_to_idlest
from moderation.bench.signals.order import Order
from moderation.bench.signals.table import Measured
from moderation.domain.errors import UnavailableError

LIMIT_SECONDS = 900.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def measured(order: Order) -> Measured:
    """The measurement, made in a process that is pinned to the idlest core; on CUDA it is not pinned.

    Raises `UnavailableError` with the process's last words when it fails.
    """
    with tempfile.TemporaryDirectory(prefix="bench-signals-") as folder:
        answer = Path(folder) / "answer.json"
        device = "cuda" if order.cuda else "cpu"
        words = [order.model, str(order.models), str(order.seconds), device, str(answer)]
        command = [sys.executable, "-m", "moderation.bench.signals.pinned", *words]
        try:
            done = subprocess.run(  # noqa: S603 - our own
                command,
                env={**os.environ, **ONE_THREAD, "PYTHONWARNINGS": "ignore"},
                capture_output=True,
                text=True,
                timeout=LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise UnavailableError(f"Measuring {order.model} took over {LIMIT_SECONDS:g} s.") from error
        if done.returncode != 0 or not answer.is_file():
            said = (done.stderr or done.stdout).strip().splitlines() or [f"it ended with {done.returncode}"]
            raise UnavailableError(f"{order.model} could not be measured: {said[-1][:500]}")
        return Measured.from_json(answer.read_text(encoding="utf-8"))


def measures() -> Mapping[str, Callable[[Order], Measured]]:
    """What can be measured, by model."""
    from moderation.bench.signals.minilm import measure_minilm  # noqa: PLC0415 - loads model runtimes
    from moderation.bench.signals.opennsfw import measure_opennsfw  # noqa: PLC0415
    from moderation.bench.signals.similarity import measure_similarity  # noqa: PLC0415
    from moderation.bench.signals.vit import measure_vit  # noqa: PLC0415

    return MappingProxyType(
        {
            "vit": measure_vit,
            "text": measure_minilm,
            "image_nsfw": measure_opennsfw,
            "image_similarity": measure_similarity,
        }
    )


def main(words: list[str]) -> None:
    """Measure what the command line says, and write the answer to its last word."""
    model, models, seconds, device, answer = words
    order = Order(model, Path(models), float(seconds), cuda=device == "cuda")
    if not order.cuda:
        pin_to_idlest()
    found = measures()[model](order)
    Path(answer).write_text(found.to_json(), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
