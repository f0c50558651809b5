"""What only tests of benchmarks need."""

import importlib.util
import os

import pytest


@pytest.fixture
def peers() -> None:
    """The other indexes, which `make bench-peers` installs."""
    missing = [name for name in ("faiss", "threatexchange") if importlib.util.find_spec(name) is None]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}; see `make bench-peers`"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
