"""How many rows may be computed at once within a bound on memory."""

from moderation.signals.engine.inference import InferenceError
from moderation.signals.engine.options import EngineOptions

MEGABYTE = 1_000_000


def rows_within(options: EngineOptions, row_bytes: int) -> int:
    """How many rows fit into `memory_mb`, at most `max_batch`. Raises `InferenceError` when not even one does."""
    fitting = options.memory_mb * MEGABYTE // max(1, row_bytes)
    if fitting < 1:
        raise InferenceError(
            f"One row takes about {row_bytes / MEGABYTE:.0f} MB, over the {options.memory_mb} MB that are allowed.",
            hint="Raise memory_mb.",
        )
    return min(options.max_batch, fitting)
