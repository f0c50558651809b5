"""Several stores in one transaction: what one of them does is committed with the others, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from moderation.storage.engine import Database


class JoinedTransaction(Database):
    """A database whose transactions are all the caller's one. Take what locks first before joining others to it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.engine)
        self._connection = connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """The caller's transaction."""
        yield self._connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """The caller's transaction: an exception that leaves it undoes everything."""
        yield self._connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """The caller's transaction."""
        yield self._connection
