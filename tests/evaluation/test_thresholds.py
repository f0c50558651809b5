import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.evaluation.metrics import Judged
from moderation.evaluation.thresholds import (
    sweep,
    threshold_for_false_alarms,
    threshold_for_precision,
    threshold_for_recall,
)

examples = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9).map(lambda n: n / 9)), max_size=25)
shares = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])
Examples = list[tuple[int, float]]


def split(rows: Examples) -> tuple[list[int], list[float]]:
    return [label for label, _ in rows], [score for _, score in rows]


def precision(rows: Examples, threshold: float) -> float:
    flagged = [label for label, score in rows if score >= threshold]
    return sum(flagged) / len(flagged)


def share(rows: Examples, threshold: float, label: int) -> float | None:
    asked = [score for given, score in rows if given == label]
    return sum(score >= threshold for score in asked) / len(asked) if asked else None


@given(examples, shares)
def test_the_lowest_threshold_with_the_precision(rows: Examples, goal: float) -> None:
    reaching = [score for _, score in rows if precision(rows, score) >= goal]
    assert threshold_for_precision(*split(rows), goal) == (min(reaching) if reaching else None)


@given(examples, shares)
def test_the_highest_threshold_with_the_recall(rows: Examples, goal: float) -> None:
    reaching = [
        score for _, score in rows if (share(rows, score, 1) or 0) >= goal and share(rows, score, 1) is not None
    ]
    assert threshold_for_recall(*split(rows), goal) == (max(reaching) if reaching else None)


@given(examples, shares)
def test_the_lowest_threshold_with_few_false_alarms(rows: Examples, goal: float) -> None:
    known = [(score, share(rows, score, 0)) for _, score in rows]
    reaching = [score for score, alarms in known if alarms is not None and alarms <= goal]
    assert threshold_for_false_alarms(*split(rows), goal) == (min(reaching) if reaching else None)


@given(examples)
def test_a_sweep_has_every_score_once_from_the_top(rows: Examples) -> None:
    found = sweep(Judged.of(*split(rows)))
    assert found.thresholds.tolist() == sorted({score for _, score in rows}, reverse=True)
    assert found.precision.tolist() == pytest.approx([precision(rows, score) for score in found.thresholds])


def test_unknown_labels_do_not_move_a_threshold() -> None:
    assert threshold_for_recall([1, np.nan, 0], [0.4, 0.9, 0.1], 1.0) == 0.4
