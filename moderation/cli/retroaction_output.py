"""How sweeps and previews are printed."""

from dataclasses import asdict
from datetime import date

from rich.table import Table

from moderation.cli.output import console, print_json
from moderation.domain.retroaction import Cause, CauseKind, Preview, Result, Sweep, SweepDay, SweepState


def preview_document(found: Preview) -> dict[str, object]:
    """A preview as JSON."""
    return {
        "scanned": found.scanned,
        "pending": found.pending,
        "touched": found.touched,
        "results": {result.value: count for result, count in found.by_result().items()},
        "counts": [
            {"day": day.isoformat(), "state": state, "result": result, "posts": count}
            for (day, state, result), count in sorted(found.counts.items())
        ],
        "examples": [{**asdict(example), "day": example.day.isoformat()} for example in found.examples],
    }


def print_preview(found: Preview, *, withdraw: bool) -> None:
    """A preview for people."""
    console.print(f"{found.scanned:,} posts looked through; {found.touched:,} would be touched. Nothing was changed.")
    if found.pending:
        console.print(f"{found.pending:,} posts have no verdict yet: lanes judge them by the banks as they are now.")
    by_state: dict[tuple[str, Result], int] = {}
    days: set[date] = set()
    for (day, state, result), count in found.counts.items():
        by_state[state, result] = by_state.get((state, result), 0) + count
        days.add(day)
    table = Table(box=None, header_style="bold")
    for column in ("state", "would", "posts"):
        table.add_column(column)
    for (state, result), count in sorted(by_state.items()):
        table.add_row(state, f"{result}{'' if result.acts else ' (left alone)'}", f"{count:,}")
    if by_state:
        console.print(table)
        console.print(f"on {len(days)} days, {min(days)} to {max(days)}")
    for example in found.examples:
        console.print(f"  {example.post_id}  {example.state} -> {example.result}: {example.reason}", markup=False)
    if not withdraw and any(result is Result.REVIEW for _, result in by_state):
        console.print("Published posts stay in the feed while a person looks; --withdraw takes sure matches out first.")


def sweep_document(sweep: Sweep) -> dict[str, object]:
    """A sweep as JSON, without its days."""
    cause = {
        **asdict(sweep.cause),
        "first_day": _day(sweep.cause.first_day),
        "last_day": _day(sweep.cause.last_day),
    }
    return {
        "id": sweep.id,
        "state": sweep.state,
        "cause": cause,
        **asdict(sweep.terms),
        "by": sweep.by,
        "created_at": sweep.created_at.isoformat(),
        "ended_at": None if sweep.ended_at is None else sweep.ended_at.isoformat(),
        "days": sweep.days,
        "days_done": sweep.days_done,
        "touched": sweep.touched,
        "results": {result.value: count for result, count in sweep.results.items()},
    }


def print_sweep(
    sweep: Sweep, days: list[SweepDay], *, as_json: bool, posts: list[dict[str, str]] | None = None
) -> None:
    """A sweep with its days, and `posts` that it touched, for people or as JSON."""
    if as_json:
        listed = [
            {
                "day": day.day.isoformat(),
                "done": day.done_at is not None,
                "scanned": day.scanned,
                "found": day.found,
                "later": day.later,
                "results": {result.value: count for result, count in day.results.items()},
            }
            for day in days
        ]
        print_json({**sweep_document(sweep), "by_day": listed, **({} if posts is None else {"posts": posts})})
        return
    console.print(f"sweep {sweep.id}: {sweep.state}, {words(sweep.cause)}", markup=False)
    console.print(f"{sweep.days_done} of {sweep.days} days done, {sweep.touched} posts touched (cap {sweep.terms.cap})")
    for result, count in sweep.results.items():
        console.print(f"{count:>8,}  {result}{'' if result.acts else ' (left alone)'}")
    left = sum(day.later for day in days)
    if sweep.state is SweepState.OPEN and left:
        console.print(f"{left} posts have no verdict or an unsettled decision: run it again with --resume.")
    for post in posts or ():
        console.print(f"  {post['post']}  {post['day']}  {post['result']}", markup=False)


def words(cause: Cause) -> str:
    """The cause in one line."""
    if cause.kind is CauseKind.POLICY:
        return f"policy {cause.policy[:12]}"
    what = f"entry {cause.entry}" if cause.entry else f"bank {cause.bank}" if cause.bank else "every bank"
    return f"{what}, changes {cause.after + 1} to {cause.until}"


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
