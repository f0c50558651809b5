from datetime import timedelta

from moderation.storage.engine import Database
from moderation.storage.review import counters
from moderation.storage.review.counter_sums import CounterSums, HourSum, Total
from tests.factories import NOW

HOUR = NOW.replace(minute=0, second=0, microsecond=0)


def test_sums_by_name_and_by_hour(database: Database) -> None:
    with database.write() as connection:
        counters.add(connection, NOW, {("opened", "spam", "adult"): 2, ("opened", "spam", "hate"): 1})
        counters.add(connection, NOW, {("opened", "hate", "hate"): 4, ("decided", "spam", "approve"): 1})
        counters.add(connection, NOW + timedelta(hours=1), {("opened", "spam", "adult"): 5, ("other", "", ""): 9})
        counters.add(connection, NOW + timedelta(hours=9), {("opened", "spam", "adult"): 100})
    sums, until = CounterSums(database), HOUR + timedelta(hours=9)
    assert sums.totals(["opened", "decided"], since=HOUR, until=until) == [
        Total("decided", "spam", "approve", 1.0),
        Total("opened", "hate", "hate", 4.0),
        Total("opened", "spam", "adult", 7.0),
        Total("opened", "spam", "hate", 1.0),
    ]
    assert sums.hours(["opened"], since=HOUR, until=until) == [
        HourSum(HOUR, "opened", "", 7.0),
        HourSum(HOUR + timedelta(hours=1), "opened", "", 5.0),
    ]
    assert sums.hours(["opened"], since=HOUR, until=HOUR + timedelta(hours=1), by_label=True) == [
        HourSum(HOUR, "opened", "hate", 4.0),
        HourSum(HOUR, "opened", "spam", 3.0),
    ]
    assert sums.totals(["opened"], since=HOUR + timedelta(hours=2), until=HOUR + timedelta(hours=8)) == []
