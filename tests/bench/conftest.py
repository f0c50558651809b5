"""What only tests of benchmarks need."""

import importlib.util

import pytest


@pytest.fixture
def peers() -> None:
    """The other indexes, which `make bench-peers` installs."""
    missing = [name for name in ("faiss", "threatexchange") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; see `make bench-peers`")
