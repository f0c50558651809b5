"""Ports that are free."""

import errno
import socket

from moderation.domain.errors import UnavailableError

TRIED = 20


def free_port(host: str, wanted: int, *, taken: frozenset[int] = frozenset()) -> int:
    """`wanted`, or the next of the following ports on which nobody listens; 0 asks for any.

    Raises `UnavailableError` when none of them is free.
    """
    candidates = [0] * TRIED if wanted == 0 else range(wanted, min(wanted + TRIED, 65_536))
    for candidate in candidates:
        if candidate not in taken and (port := _bound(host, candidate)) is not None and port not in taken:
            return port
    raise UnavailableError(
        f"None of {TRIED} ports from {wanted} on is free on {host}.",
        hint="Set MODERATION_API_PORT and MODERATION_DAGSTER_PORT.",
    )


def _bound(host: str, port: int) -> int | None:
    """The port on which a listener could be opened, or None when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(1)
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return None
            raise UnavailableError(f"Cannot listen on {host}: {error.strerror}.") from error
        return int(listener.getsockname()[1])
