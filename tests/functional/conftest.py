"""A console for tests in a browser."""

from collections.abc import Iterator

import pytest

from tests.functional.console_world import ConsoleWorld, console_world


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConsoleWorld]:
    """A console of its own for each module of tests."""
    with console_world(tmp_path_factory.mktemp("console")) as running:
        yield running
