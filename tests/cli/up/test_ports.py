import socket
from collections.abc import Iterator

import pytest

from moderation.cli.up.ports import free_port
from moderation.domain.errors import UnavailableError

HOST = "127.0.0.1"


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen(1)
        yield listener.getsockname()[1]


def test_a_busy_port_is_passed_over(busy: int) -> None:
    assert busy < free_port(HOST, busy) < busy + 20


def test_a_port_that_is_spoken_for_is_passed_over() -> None:
    port = free_port(HOST, 0)
    assert free_port(HOST, port, taken=frozenset({port})) > port


def test_any_port() -> None:
    assert free_port(HOST, 0) > 0


def test_an_address_that_is_not_ours_is_refused() -> None:
    with pytest.raises(UnavailableError):
        free_port("192.0.2.1", 8000)
