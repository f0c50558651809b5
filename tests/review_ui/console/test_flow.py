from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.storage.review.counter_sums import HourSum, Total
from review_ui.console.flow import Flow, QueueFlow, flow_of

DAY = datetime(2026, 3, 1, tzinfo=UTC)
STEP = timedelta(hours=6)


def at(hour: int) -> datetime:
    return DAY + timedelta(hours=hour)


def a_flow(
    *, totals: tuple[Total, ...] = (), hours: tuple[HourSum, ...] = (), verdicts: tuple[HourSum, ...] = ()
) -> Flow:
    return flow_of(totals=totals, hours=hours, verdicts=verdicts, since=at(0), until=at(24), step=STEP)


def test_hours_fall_into_their_steps_and_others_are_left_out() -> None:
    found = a_flow(
        hours=(
            HourSum(at(-1), "opened", "", 100.0),
            HourSum(at(0), "opened", "", 1.0),
            HourSum(at(5), "opened", "", 2.0),
            HourSum(at(6), "opened", "", 4.0),
            HourSum(at(23), "decided", "", 8.0),
            HourSum(at(24), "opened", "", 100.0),
        )
    )
    assert found.times == (at(0), at(6), at(12), at(18))
    assert found.opened == (3.0, 4.0, 0.0, 0.0)
    assert found.decided == (0.0, 0.0, 0.0, 8.0)


def test_automation_is_what_no_person_had_to_look_at() -> None:
    found = a_flow(
        verdicts=(
            HourSum(at(0), "verdict", "approve", 70.0),
            HourSum(at(1), "verdict", "hold", 20.0),
            HourSum(at(2), "verdict", "reject", 10.0),
            HourSum(at(12), "verdict", "hold", 5.0),
        )
    )
    assert found.automation == pytest.approx(80 / 105)
    assert list(found.automation_by_step) == pytest.approx([0.8, None, 0.0, None])
    days, verdicts = found.verdicts_by_day
    assert days == (DAY,)
    assert verdicts == {"approve": (70.0,), "hold": (25.0,), "reject": (10.0,)}
    assert a_flow().automation is None


def test_a_queue_is_told_from_its_counters() -> None:
    found = a_flow(
        totals=(
            Total("opened", "spam", "adult", 5.0),
            Total("opened", "spam", "", 1.0),
            Total("decided", "spam", "approve", 2.0),
            Total("decided", "spam", "reject", 2.0),
            Total("handling_s", "spam", "", 100.0),
            Total("breached", "spam", "", 1.0),
            Total("undone", "spam", "", 1.0),
            Total("opened", "hate", "hate", 3.0),
            Total("carried", "spam", "reject", 7.0),
            Total("appeal", "overturned", "hate", 2.0),
            Total("appeal", "overturned", "spam", 1.0),
        )
    )
    assert found.queues["spam"] == QueueFlow(6.0, 4.0, 100.0, 1.0, 1.0)
    assert (found.queues["spam"].mean_seconds, found.queues["spam"].breach_share) == (25.0, 0.25)
    assert (found.queues["hate"].mean_seconds, found.queues["hate"].breach_share) == (None, None)
    assert (found.total.opened, found.carried, found.appeals) == (9.0, 7.0, {"overturned": 3.0})
    assert found.actions == {"approve": 2.0, "reject": 2.0}


def test_rules_come_by_volume_and_second_looks_by_category() -> None:
    found = a_flow(
        totals=(
            Total("verdict", "approve", "", 900.0),
            Total("verdict", "hold", "nudity", 5.0),
            Total("verdict", "reject", "nudity", 1.0),
            Total("verdict", "hold", "hate", 9.0),
            Total("reviewed", "second agreed", "hate", 3.0),
            Total("reviewed", "audit disagreed", "hate", 1.0),
            Total("reviewed", "gold disagreed", "hate", 50.0),
        )
    )
    assert [(one.rule, one.posts) for one in found.rules] == [("hate", 9.0), ("nudity", 6.0)]
    share = found.reviewed["hate"].share
    assert (share.successes, share.trials) == (3, 4)


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 2), min_size=1, max_size=20), st.integers(0, 500))
def test_the_depth_worked_out_backwards_is_the_one_that_was(steps: list[tuple[int, int]], first: int) -> None:
    depths, depth = [], first
    for opened, decided in steps:
        depth = max(0, depth + opened - min(decided, depth + opened))
        depths.append(depth)
    flow = Flow(
        times=tuple(at(hour) for hour in range(len(steps))),
        opened=tuple(float(opened) for opened, _ in steps),
        decided=tuple(
            float(before + opened - after)
            for (opened, _), before, after in zip(steps, [first, *depths], depths, strict=False)
        ),
        undone=(0.0,) * len(steps),
        verdicts={},
    )
    assert flow.depth(depths[-1]) == tuple(float(one) for one in depths)
