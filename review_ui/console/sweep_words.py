"""Sweeps in words and pictures, for people."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from moderation.domain.retroaction import ACTS, Cause, CauseKind, Result, Sweep, SweepState
from review_ui.console.charts import Chart, Series, Size, StackedBars, draw
from review_ui.console.exchange_facts import who

WORDS: Mapping[Result, str] = {
    Result.WITHDRAW: "taken out of the feed",
    Result.REJECT: "rejected before publication",
    Result.HOLD: "held for a person",
    Result.REVIEW: "stay published, a person is asked",
    Result.EVIDENCE: "waiting already, with new findings",
    Result.LATER: "looked at again later",
    Result.GONE: "rejected or withdrawn before",
    Result.DECIDED: "decided by a person since",
    Result.SILENCED: "silenced by an allowing bank",
    Result.UNCHANGED: "nothing new against them",
    Result.UNDECIDED: "too little was measured",
}
SHORT: Mapping[Result, str] = {
    Result.WITHDRAW: "taken out",
    Result.REJECT: "rejected",
    Result.HOLD: "held",
    Result.REVIEW: "asked about",
    Result.EVIDENCE: "new findings",
}
RESULT_TONES: Mapping[Result, str] = {
    Result.WITHDRAW: "bad",
    Result.REJECT: "bad",
    Result.HOLD: "warn",
    Result.REVIEW: "warn",
    Result.EVIDENCE: "line",
}
STATE_TONES: Mapping[SweepState, str] = {
    SweepState.OPEN: "warn",
    SweepState.STOPPED: "bad",
    SweepState.DONE: "good",
    SweepState.CANCELLED: "quiet",
}
STATE_WORDS: Mapping[SweepState, str] = {
    SweepState.OPEN: "under way",
    SweepState.STOPPED: "stopped at its cap",
    SweepState.DONE: "done",
    SweepState.CANCELLED: "cancelled",
}
MOST_BARS = 45
WEEK_DAYS = 7
DIGEST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class SweepLine:
    """One sweep of the list. `bank_gone`: its bank was deleted since."""

    sweep: Sweep
    why: str
    by: str
    word: str
    tone: str
    did: tuple[tuple[str, int], ...]
    left_alone: int
    bank_gone: bool


def line_of(sweep: Sweep, banks: frozenset[str]) -> SweepLine:
    """The line of a sweep, beside the names of the banks that there are."""
    acted = [(SHORT[result], sweep.results.get(result, 0)) for result in SHORT]
    return SweepLine(
        sweep=sweep,
        why=why(sweep.cause),
        by=who(sweep.by),
        word=STATE_WORDS[sweep.state],
        tone=STATE_TONES[sweep.state],
        did=tuple((name, count) for name, count in acted if count),
        left_alone=sum(count for result, count in sweep.results.items() if not result.acts),
        bank_gone=bool(sweep.cause.bank) and sweep.cause.bank not in banks,
    )


def why(cause: Cause) -> str:
    """Why a sweep is made, in one line."""
    if cause.kind is CauseKind.POLICY:
        return f"Policy {cause.policy[:DIGEST_SHOWN]}…"
    if cause.entry:
        return f"Entry {cause.entry}"
    if cause.bank:
        return f"Bank {cause.bank}"
    return f"Everything banked after change {cause.after:,}" if cause.after else "Every bank"


def covers(cause: Cause) -> str:
    """Which days a sweep looks at, in words; "" for all of them."""
    first, last = (None if day is None else day.isoformat() for day in (cause.first_day, cause.last_day))
    if first and last:
        return f"received {first} to {last}" if first != last else f"received on {first}"
    if first:
        return f"received from {first} on"
    return f"received up to {last}" if last else ""


def chart_of(counts: Mapping[tuple[date, Result], int], *, title: str) -> Chart | None:
    """The touched posts by the day on which they were received, in bars of a day, a week or a month; None for none."""
    acting = Counter({(day, result): posts for (day, result), posts in counts.items() if result.acts and posts})
    if not acting:
        return None
    days = sorted({day for day, _ in acting})
    span, starts = _periods(days[0], days[-1])
    summed: Counter[tuple[date, Result]] = Counter()
    for (day, result), posts in acting.items():
        summed[_start(day, span), result] += posts
    present = [result for result in Result if result in ACTS and any(summed[start, result] for start in starts)]
    return StackedBars(
        id="touched",
        title=title,
        times=tuple(datetime.combine(start, time(), UTC) for start in starts),
        series=tuple(Series(SHORT[one], tuple(float(summed[start, one]) for start in starts)) for one in present),
        note=f"posts, by the {span} in which they were received (UTC)",
        size=Size.HALF,
        sums=True,
    )


def drawn(counts: Mapping[tuple[date, Result], int], *, title: str) -> str:
    """The chart as markup, "" where nothing is touched."""
    chart = chart_of(counts, title=title)
    return "" if chart is None else draw(chart)


def _periods(first: date, last: date) -> tuple[str, Sequence[date]]:
    """The shortest periods of which at most `MOST_BARS` go from the first day to the last, without a gap."""
    length = (last - first).days + 1
    span = "day" if length <= MOST_BARS else "week" if length <= MOST_BARS * WEEK_DAYS else "month"
    starts = [_start(first, span)]
    while (following := _next(starts[-1], span)) <= last:
        starts.append(following)
    return span, starts


def _start(day: date, span: str) -> date:
    if span == "day":
        return day
    return day - timedelta(days=day.weekday()) if span == "week" else day.replace(day=1)


def _next(start: date, span: str) -> date:
    if span == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(days=1 if span == "day" else WEEK_DAYS)
