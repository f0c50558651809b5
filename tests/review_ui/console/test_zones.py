from datetime import UTC, datetime

import pytest

from moderation.domain.errors import InvalidInputError
from review_ui.console.zones import day_start, zone_of


def test_a_day_begins_where_the_reader_is() -> None:
    assert day_start("2026-07-01", zone_of("America/New_York")) == datetime(2026, 7, 1, 4, tzinfo=UTC)
    assert day_start("2026-07-01", UTC, days=1) == datetime(2026, 7, 2, tzinfo=UTC)
    assert day_start("", UTC) is None


@pytest.mark.parametrize("name", ["", "Nowhere/Else", "../etc/passwd", "/etc/localtime", "x" * 200, "posix", "a\0b"])
def test_an_unknown_zone_is_utc(name: str) -> None:
    assert zone_of(name) is UTC


@pytest.mark.parametrize("typed", ["yesterday", "2026-13-01", "2026-02-30", "9999-12-31", "1"])
def test_what_is_no_day_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInputError):
        day_start(typed, UTC, days=1)
