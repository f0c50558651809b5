import copy
from typing import Any

import pytest

from moderation.evaluation.regression import FALSE_ALARM_LIMITS, broken_limits, picture_regressions, regressions


def estimate(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.03, "high": value + 0.02}


def figures(**changes: float) -> dict[str, Any]:
    column = {"average_precision": estimate(0.9), "recall": estimate(0.8), "false_alarms": estimate(0.1), "auroc": None}
    for name, value in changes.items():
        column[name] = estimate(value)
    return {"columns": {"sexual": column}, "any": {"recall": estimate(0.7), "false_alarms": estimate(0.01)}}


def test_the_same_figures_are_no_regression() -> None:
    assert regressions(figures(), figures()) == []


@pytest.mark.parametrize(
    ("change", "worse"),
    [
        ({"average_precision": 0.875}, False),
        ({"average_precision": 0.865}, True),
        ({"average_precision": 0.99}, False),
        ({"recall": 0.76}, True),
        ({"false_alarms": 0.11}, False),
        ({"false_alarms": 0.13}, True),
        ({"false_alarms": 0.0}, False),
    ],
)
def test_a_figure_past_its_old_interval_on_the_wrong_side_is_one(change: dict[str, float], *, worse: bool) -> None:
    found = regressions(figures(), figures(**change))
    assert len(found) == worse
    if worse:
        ((name, value),) = change.items()
        assert (found[0].where, found[0].figure, found[0].now) == ("sexual", name, value)
        assert f"{value:.4f}" in str(found[0])


def test_all_columns_together_are_compared_too() -> None:
    worse = figures()
    worse["any"]["recall"] = estimate(0.5)
    assert [each.where for each in regressions(figures(), worse)] == ["any"]


def test_a_column_that_is_no_longer_measured_is_a_regression_and_a_new_one_is_not() -> None:
    fewer, more = figures(), figures()
    fewer["columns"] = {}
    more["columns"]["hate"] = copy.deepcopy(more["columns"]["sexual"])
    assert [str(each) for each in regressions(figures(), fewer)] != []
    assert regressions(figures(), more) == []


def test_a_figure_without_an_interval_must_not_get_worse_at_all() -> None:
    before = figures()
    before["columns"]["sexual"]["recall"] = {"value": 0.8, "low": None, "high": None}
    assert regressions(before, figures(recall=0.79)) != []
    assert regressions(before, figures(recall=0.8)) == []


def test_limits_hold_whatever_was_before() -> None:
    limit = FALSE_ALARM_LIMITS["benign_prompts"]
    at, over = figures(), figures()
    at["any"]["false_alarms"], over["any"]["false_alarms"] = estimate(limit), estimate(limit + 0.001)
    assert broken_limits("benign_prompts", at) == []
    assert [each.before for each in broken_limits("benign_prompts", over)] == [None]
    assert broken_limits("harmful", over) == []


def test_a_limit_that_nothing_can_be_held_against_is_broken() -> None:
    unknown = figures()
    unknown["any"]["false_alarms"] = None
    for name in FALSE_ALARM_LIMITS:
        assert [each.figure for each in broken_limits(name, {**unknown, "slices": {}})][:1] == ["false_alarms"]
    whole = {**figures(), "slices": {"length: 1-5 words": {"false_alarms": estimate(0.0)}}}
    assert [each.where for each in broken_limits("identity_templates", whole)] == ["every part"]
    (found,) = broken_limits("harmful", {"obfuscations": {"leet": {"kept": None}}})
    assert "recall kept is nan" in str(found)


def test_every_group_has_its_limit() -> None:
    parts = {"part: gay": {"false_alarms": estimate(0.2)}, "names: gay": {"false_alarms": estimate(0.9)}}
    whole = {**figures(), "slices": parts}
    assert [each.where for each in broken_limits("identity_templates", whole)] == ["part: gay"]


@pytest.mark.parametrize(
    ("way", "kept", "broken"), [("leet", 0.86, False), ("leet", 0.84, True), ("typos", 0.94, True)]
)
def test_other_ways_of_writing_keep_recall(way: str, kept: float, *, broken: bool) -> None:
    assert bool(broken_limits("harmful", {"obfuscations": {way: {"kept": estimate(kept)}}})) is broken


def pictures(flagged: float, **labelled: float) -> dict[str, Any]:
    point: dict[str, Any] = {"threshold": 0.5, "flagged": estimate(flagged)}
    point |= {name: estimate(value) for name, value in labelled.items()}
    return {"columns": {"image_nsfw": {"thresholds": {"balanced": point}}}}


def test_more_flagged_pictures_without_labels_are_a_regression() -> None:
    assert picture_regressions(pictures(0.01), pictures(0.02)) == []
    (found,) = picture_regressions(pictures(0.01), pictures(0.05))
    assert (found.where, found.figure) == ("image_nsfw, balanced", "false_alarms")
    assert picture_regressions(pictures(0.01), {"columns": {}}) != []


def test_a_threshold_that_is_gone_is_a_regression() -> None:
    without: dict[str, Any] = {"columns": {"image_nsfw": {"thresholds": {}}}}
    assert [each.figure for each in picture_regressions(pictures(0.01), without)] == ["the threshold"]
    assert picture_regressions(without, pictures(0.01)) == []


def test_of_labelled_pictures_the_flagged_share_says_nothing() -> None:
    before, after = (pictures(flagged, false_alarms=0.01, recall=0.9) for flagged in (0.1, 0.9))
    assert picture_regressions(before, after) == []
    worse = pictures(0.1, false_alarms=0.01, recall=0.8)
    assert [each.figure for each in picture_regressions(before, worse)] == ["recall"]
