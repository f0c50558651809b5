"""Counts what a request asks of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.engine import Engine

from moderation.storage.engine import Database


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """The statements that run on `database` inside the block, in order."""
    engine = database._engine
    assert isinstance(engine, Engine)
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)
