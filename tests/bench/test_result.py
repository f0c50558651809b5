from moderation.bench.result import BenchResult

TARGETS = (("fast", ">=", 3.0), ("small", "<=", 0.5))


def test_what_reaches_its_bars_is_ok() -> None:
    result = BenchResult("x", {"fast": 3.0, "small": 0.5}, targets=TARGETS)
    assert result.missed == []
    assert result.document()["ok"] is True


def test_what_misses_a_bar_says_so() -> None:
    result = BenchResult("x", {"fast": 2.9, "small": 0.6}, targets=TARGETS)
    assert result.missed == ["fast is 2.9, wanted >= 3", "small is 0.6, wanted <= 0.5"]
    assert result.document()["ok"] is False


def test_a_figure_that_was_not_measured_reaches_nothing() -> None:
    result = BenchResult("x", {"fast": 5.0, "small": float("nan")}, targets=(*TARGETS, ("absent", "<=", 1.0)))
    assert result.missed == ["small is nan, wanted <= 0.5", "absent was not measured, wanted <= 1"]
