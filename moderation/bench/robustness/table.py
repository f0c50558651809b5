"""The outcome as tables for people, in the terminal and in the documentation."""

from collections.abc import Iterable, Sequence

from moderation.bench.robustness.outcome import EditRow, FamilyRow, Outcome
from moderation.domain.bank import Tier

EDIT_HEAD = ("edit", "what it does", "HMA", "automatic", "review", "verified", "any tier")
FAMILY_HEAD = ("hard negatives", "what they are", "pairs", "HMA", "automatic", "verified", "review")


def edit_lines(outcome: Outcome) -> list[tuple[str, ...]]:
    """A line for each kind of edit in whole per cent, one with the means, and the harder kinds."""
    means = tuple(_percent(outcome.mean(column)) for column in ("peer", "automatic", "review", "verified", "found"))
    return [
        *(_edit_line(row) for row in outcome.edits),
        (f"mean of {len(outcome.edits)}", "", *means),
        *(_edit_line(row) for row in outcome.harder),
    ]


def family_lines(outcome: Outcome) -> list[tuple[str, ...]]:
    """A line for each family of hard negatives, in pairs."""
    return [_family_line(row) for row in outcome.families]


def markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; columns after the second are numbers."""
    rule = ["---", "---", *("--:" for _ in head[2:])]
    return "".join(f"| {' | '.join(line)} |\n" for line in (head, rule, *lines))


def _edit_line(row: EditRow) -> tuple[str, ...]:
    counts = (row.peer, row.automatic, row.review, row.verified, row.found)
    return (row.name, row.said, *(_percent(count / row.pictures) for count in counts))


def _family_line(row: FamilyRow) -> tuple[str, ...]:
    tiers = (str(row.tiers.get(tier, 0)) for tier in (Tier.AUTOMATIC, Tier.VERIFIED, Tier.REVIEW))
    return (row.name, row.said, str(row.pairs), str(row.peer), *tiers)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
