"""One core for a measurement: the one that the rest of the machine uses least."""

import os
import time
from pathlib import Path

LOOK_SECONDS = 0.3
IDLE_FIELDS = (3, 4)
"""Of a CPU's line in /proc/stat after its name: idle and waiting for input or output (proc_stat(5))."""


def pin_to_idlest() -> int:
    """Keep this process on the idlest core that it may use; the core's number."""
    allowed = os.sched_getaffinity(0)
    before = idle_ticks()
    time.sleep(LOOK_SECONDS)
    after = idle_ticks()
    core = max(sorted(allowed), key=lambda number: after.get(number, 0) - before.get(number, 0))
    os.sched_setaffinity(0, {core})
    return core


def idle_ticks() -> dict[int, int]:
    """Ticks that each core spent idle since the machine started; empty where the system does not tell."""
    try:
        lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines if line.startswith("cpu") and line[3:4].isdigit())
    return {int(name[3:]): sum(int(values[field]) for field in IDLE_FIELDS) for name, *values in fields}
