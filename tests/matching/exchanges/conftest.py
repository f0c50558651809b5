from collections.abc import Iterator

import pytest

from tests.matching.exchanges.server import ExchangeServer, running


@pytest.fixture
def server() -> Iterator[ExchangeServer]:
    with running() as service:
        yield service
