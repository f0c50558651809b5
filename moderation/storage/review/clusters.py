"""Near-duplicates as one job: later posts join it, or take its decision for a while, with a sampled audit."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:  # `opening` imports this module
    from moderation.storage.review.opening import Opening


def absorb(connection: Connection, openings: "Sequence[Opening]", *, now: datetime) -> "list[Opening]":
    """Let posts join a cluster or take its decision; returns the openings that still need a job of their own."""
    del connection, now
    return list(openings)
