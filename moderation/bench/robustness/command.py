"""`bench robustness`: recall over 36 kinds of edit and false positives, by tier, beside the peer's rule."""

from collections.abc import Callable, Sequence
from pathlib import Path

from moderation.bench.result import BenchResult
from moderation.bench.robustness.corpus import corpus
from moderation.bench.robustness.outcome import Outcome
from moderation.bench.robustness.peer import available
from moderation.bench.robustness.trial import Trial
from moderation.domain.bank import Tier

QUICK_EVERY = 8
MEMBERS, QUICK_MEMBERS = 40, 10
RECALL_TARGETS = (
    ("recall_automatic", ">=", 0.70),
    ("recall_review", ">=", 0.81),
    ("recall_verified", ">=", 0.90),
    ("false_positives", "<=", 0.0),
    ("uncompared", "<=", 0.0),
)
PAIRS_TARGET = ("pairs", ">=", 20_000_000.0)


def bench_robustness(
    folders: Sequence[Path], *, quick: bool, tell: Callable[[str], None]
) -> tuple[BenchResult, Outcome]:
    """The figures, and all that was counted. Quick: an eighth of the pictures, and no bar for the number of pairs.

    Raises `InvalidInputError` for folders without pictures.
    """
    pictures = corpus(folders, every=QUICK_EVERY if quick else 1)
    if not available():
        tell("pdqhash is not installed: no peer beside the figures")
    outcome = Trial(pictures, tell).run(QUICK_MEMBERS if quick else MEMBERS)
    targets = RECALL_TARGETS if quick else (*RECALL_TARGETS, PAIRS_TARGET)
    return BenchResult("robustness", _figures(outcome), _peers(outcome) if available() else {}, targets), outcome


def _figures(outcome: Outcome) -> dict[str, float]:
    hard = [row for row in outcome.families if row.negative]
    return {
        "recall_automatic": outcome.mean("automatic"),
        "recall_review": outcome.mean("review"),
        "recall_verified": outcome.mean("verified"),
        "recall_any": outcome.mean("found"),
        "false_positives": float(sum(outcome.wrong.values())),
        "pairs": float(outcome.pairs),
        **{f"false_{tier}": float(outcome.wrong.get(tier, 0)) for tier in Tier},
        **{f"kind_{row.name}": row.verified / row.pictures for row in (*outcome.edits, *outcome.harder)},
        "hard_pairs": float(sum(row.pairs for row in hard)),
        **{f"hard_{tier}": float(sum(row.tiers.get(tier, 0) for row in hard)) for tier in Tier},
        "originals": float(outcome.originals),
        "known": float(outcome.known),
        "uncompared": float(outcome.uncompared),
    }


def _peers(outcome: Outcome) -> dict[str, float]:
    return {
        "hma_recall": outcome.mean("peer"),
        "hma_false_positives": float(outcome.peer_wrong),
        "hma_hard": float(sum(row.peer for row in outcome.families if row.negative)),
    }
