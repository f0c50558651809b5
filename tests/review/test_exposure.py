from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.exposure import REST_SECONDS, Break, BreakReason, Seen, Shift, Usage, sign_of_work
from moderation.review.exposure import WarningKind, assess
from moderation.review.plan import Budget, Exposure
from moderation.storage.review.exposure import GRACE_SECONDS, SLACK_SECONDS, counted_seconds
from tests.factories import NOW, after

PAUSE = 600.0
BUDGETS = Exposure(
    shift_seconds=8 * 3600.0,
    budgets={"violence": Budget(10, 600.0), "hate": Budget(20, 1200.0)},
    break_after_seconds=3000.0,
    break_seconds=PAUSE,
)
HOURS = st.floats(0, 12 * 3600.0)


def at_work(since: float = -600.0, **seen: Seen) -> Usage:
    return Usage(Shift(after(since), NOW, after(since)), seen, sum(one.seconds for one in seen.values()))


def test_nobody_is_stopped_before_they_begin() -> None:
    found = assess(Usage(), BUDGETS, NOW)
    assert (found.avoid, found.break_until, found.break_due_at, found.warnings) == (frozenset(), None, None, ())
    assert [use.category for use in found.uses] == ["violence", "hate"]


def test_a_category_is_avoided_once_either_part_of_its_budget_is_used_up() -> None:
    assert assess(at_work(violence=Seen(9, 599.0)), BUDGETS, NOW).avoid == frozenset()
    assert assess(at_work(violence=Seen(10, 1.0)), BUDGETS, NOW).avoid == {"violence"}
    assert assess(at_work(violence=Seen(1, 600.0)), BUDGETS, NOW).avoid == {"violence"}


def test_what_has_no_budget_is_counted_and_never_avoided() -> None:
    found = assess(at_work(spam=Seen(10_000, 90_000.0)), BUDGETS, NOW)
    assert found.avoid == frozenset()
    assert found.uses[-1].seen == Seen(10_000, 90_000.0)


def test_a_budget_of_nothing_is_used_up_from_the_beginning() -> None:
    budgets = Exposure(budgets={"minors": Budget(0, 0.0)})
    assert assess(Usage(), budgets, NOW).avoid == {"minors"}


def test_the_person_is_told_before_and_when_a_budget_ends() -> None:
    near = assess(at_work(violence=Seen(8, 0.0)), BUDGETS, NOW)
    assert [(one.kind, one.category) for one in near.warnings] == [(WarningKind.BUDGET_NEAR, "violence")]
    spent = assess(at_work(violence=Seen(12, 0.0)), BUDGETS, NOW)
    assert [(one.kind, one.category) for one in spent.warnings] == [(WarningKind.BUDGET_SPENT, "violence")]


def test_a_break_comes_after_so_much_work_and_is_told_before() -> None:
    assert assess(at_work(-600.0), BUDGETS, NOW).break_due_at == after(2400.0)
    assert assess(at_work(-600.0), BUDGETS, NOW).warnings == ()
    (warning,) = assess(at_work(-2500.0), BUDGETS, NOW).warnings
    assert (warning.kind, warning.at) == (WarningKind.BREAK_NEAR, after(500.0))


def test_a_break_lasts_until_its_end_and_no_longer() -> None:
    running = Break(BreakReason.WORK, after(-60), after(540))
    usage = Usage(Shift(after(-3600), after(-60), after(540)), {}, 0.0, running)
    assert assess(usage, BUDGETS, after(539)).break_until == after(540)
    assert assess(usage, BUDGETS, after(540)).break_until is None


def test_who_was_away_for_a_pause_has_no_break_coming() -> None:
    usage = Usage(Shift(after(-7200), after(-PAUSE), after(-7200)))
    assert assess(usage, BUDGETS, NOW).break_due_at is None


def test_a_shift_ends_as_planned_and_counts_on_until_a_rest() -> None:
    usage = Usage(Shift(after(-9 * 3600), after(-60), after(-600)), {"violence": Seen(10, 5.0)})
    found = assess(usage, BUDGETS, NOW)
    assert (found.shift_ends_at, found.counts_anew_at) == (after(-3600), after(REST_SECONDS - 60))
    assert WarningKind.SHIFT_OVER in {one.kind for one in found.warnings}
    assert found.avoid == {"violence"}
    assert assess(usage, BUDGETS, after(REST_SECONDS)).avoid == frozenset()


@given(gaps=st.lists(HOURS, max_size=30))
def test_a_shift_is_as_the_signs_of_work_have_it(gaps: list[float]) -> None:
    """Against the definition, read off the whole list of signs."""
    signs = [NOW]
    for gap in gaps:
        signs.append(signs[-1] + timedelta(seconds=gap))
    shift = None
    for sign in signs:
        shift = sign_of_work(shift, sign, pause_seconds=PAUSE)
    assert shift is not None
    starts = [0, *(n for n in range(1, len(signs)) if signs[n] - signs[n - 1] >= timedelta(seconds=REST_SECONDS))]
    works = [0, *(n for n in range(1, len(signs)) if signs[n] - signs[n - 1] >= timedelta(seconds=PAUSE))]
    assert shift == Shift(signs[starts[-1]], signs[-1], signs[works[-1]])


@given(seconds=st.floats(-REST_SECONDS, 0))
def test_a_sign_from_the_past_changes_nothing(seconds: float) -> None:
    shift = Shift(after(-900), NOW, after(-900))
    assert sign_of_work(shift, after(seconds), pause_seconds=PAUSE) == shift


@given(claims=st.lists(st.tuples(st.floats(0, 90), st.floats(0, 1e6)), min_size=1, max_size=20))
def test_no_claim_moves_the_count_far_from_the_servers_clock(claims: list[tuple[float, float]]) -> None:
    """Whatever a browser says, as long as it says something at least every `GRACE_SECONDS`."""
    counted, elapsed, silent = 0.0, 0.0, 0.0
    for gap, claimed in claims:
        elapsed += gap
        before, counted = counted, counted_seconds(claimed, before=counted, elapsed=elapsed)
        silent += max(0.0, gap - GRACE_SECONDS)
        assert before <= counted <= elapsed + 1e-6
        assert counted >= min(elapsed - SLACK_SECONDS - silent, before + GRACE_SECONDS) - 1e-6


@given(claimed=st.floats(0, 1e6), before=st.floats(0, 1e4), elapsed=st.floats(0, 1e5))
def test_who_says_nothing_gains_nothing(claimed: float, before: float, elapsed: float) -> None:
    assert counted_seconds(claimed, before=before, elapsed=elapsed) >= counted_seconds(
        0.0, before=before, elapsed=elapsed
    )
