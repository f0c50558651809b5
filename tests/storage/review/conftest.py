import pytest

from moderation.storage.engine import Database
from tests.storage.review.office import Office


@pytest.fixture
def office(database: Database) -> Office:
    """A database with everything that decides posts."""
    return Office(database)
