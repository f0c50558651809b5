"""Signals with thresholds and history, and rules in words."""

from dataclasses import replace

from moderation.assembly import compile_file, signal_specs
from moderation.domain.signal import FailureReason, SignalFailure
from moderation.domain.verdict import Comparison, Judgement, RuleHit, RuleStatus, Truth, Verdict
from moderation.settings import Settings
from review_ui.console.gauges import Scale, history, scale_of
from review_ui.console.grounds import rules_of
from review_ui.console.measurements import bounds_of, signals_of
from tests.factories import a_score, a_screening


def a_hold(*hits: RuleHit) -> Judgement:
    return Judgement(Verdict.HOLD, True, "adult", "adult", "It may be.", hits)


def a_hit(*comparisons: Comparison, status: RuleStatus = RuleStatus.LIVE, truth: Truth = Truth.TRUE) -> RuleHit:
    return RuleHit("a_rule", status, truth, Verdict.HOLD, "adult", "adult", "It may be.", comparisons)


def a_comparison(
    column: str = "image_nsfw", truth: Truth = Truth.TRUE, actual: float | bool | None = 0.62
) -> Comparison:
    return Comparison(f"{column} >= 0.5", column, actual, ">=", "0.5", "nsfw_possible", truth)


def test_what_led_to_a_rule_comes_first_with_its_thresholds() -> None:
    settings = Settings()
    policy = compile_file(settings, settings.policy.read_text(encoding="utf-8"))
    results = (a_score("post_facts", {"caption_chars": 12}), a_score("image_nsfw", {"image_nsfw": 0.62}))
    screening = a_screening(judgement=a_hold(a_hit(a_comparison())), results=results)
    first, second = signals_of(screening, signal_specs(), bounds_of(policy), {"image_nsfw": (0.1, 0.2, 0.4)})
    assert (first.name, first.telling, second.telling) == ("image_nsfw", True, False)
    (column,) = first.columns
    assert column.tone == "bad"
    assert {bound.value for bound in column.bounds if bound.live} >= {0.5, 0.9}
    assert column.gauge.count('class="tick"') == len({bound.value for bound in column.bounds if bound.live})
    assert column.history.count('class="then"') == 3


def test_a_computed_side_points_at_its_column_too() -> None:
    comparison = a_comparison("COALESCE(image_frames, 1)", actual=12)
    results = (a_score("image_facts", {"image_frames": 12, "image_width": 640}),)
    screening = a_screening(judgement=a_hold(a_hit(comparison)), results=results)
    (signal,) = signals_of(screening, signal_specs(), {}, {})
    assert [column.name for column in signal.columns if column.telling] == ["image_frames"]


def test_a_limit_is_shown_where_coalesce_says_what_null_counts_as() -> None:
    settings = Settings()
    found = bounds_of(compile_file(settings, settings.policy.read_text(encoding="utf-8")))
    assert any(bound.live for bound in found["picture_text_adult"])


def test_what_keeps_a_rule_from_asking_did_not_lead_to_it() -> None:
    guard = Comparison("image_match_effect <> 'allow'", "image_match_effect", "none", "<>", "'allow'", "", Truth.TRUE)
    results = (a_score("image_match", {"image_match_effect": "none"}), a_score("image_nsfw", {"image_nsfw": 0.62}))
    screening = a_screening(judgement=a_hold(a_hit(guard, a_comparison())), results=results)
    first, second = signals_of(screening, signal_specs(), {}, {})
    assert (first.name, first.telling, second.telling, second.idle) == ("image_nsfw", True, False, True)


def test_what_is_worth_a_look_is_told_apart_from_what_says_nothing() -> None:
    scores = {"caption_hate_score": 0.99, "caption_sexual_score": 0.001, "picture_text_hate_score": None}
    results = (a_score("caption_terms", {"caption_hate": 0}), a_score("text_harm", scores))
    first, second = signals_of(a_screening(judgement=a_hold(), results=results), signal_specs(), {}, {})
    assert (first.name, second.name, second.idle) == ("text_harm", "caption_terms", True)
    assert [one.full for one in first.notable] == ["Hate in the caption, likelihood 0 to 1"]
    assert [one.text for one in first.columns if one.idle] == ["0.001", "not read"]
    assert (first.nothing, second.nothing) == ("nothing found, 1 without a value", "nothing found")


def test_what_was_not_read_is_not_said_to_have_nothing() -> None:
    results = (
        a_score("picture_text", {"picture_text_status": "not_read", "picture_text_chars": 0}),
        a_score("picture_text_terms", {"picture_text_hate": None, "picture_text_adult": None}),
    )
    first, second = signals_of(a_screening(judgement=a_hold(), results=results), signal_specs(), {}, {})
    assert [one.name for one in first.notable] == ["picture_text_status"]
    assert (second.idle, second.nothing) == (True, "not read")


def test_where_only_what_has_no_value_is_left_that_is_what_is_said() -> None:
    results = (a_score("embedded_prompt_terms", {"embedded_prompt_adult": 2, "embedded_prompt_hate": None}),)
    (signal,) = signals_of(a_screening(judgement=a_hold(), results=results), signal_specs(), {}, {})
    assert (signal.idle, signal.nothing) == (False, "no such prompt")


def test_a_shadow_rule_marks_less_than_a_live_one() -> None:
    hits = (a_hit(a_comparison()), a_hit(a_comparison(), status=RuleStatus.SHADOW))
    screening = a_screening(judgement=a_hold(*hits), results=(a_score("image_nsfw", {"image_nsfw": 0.62}),))
    assert signals_of(screening, signal_specs(), {}, {})[0].columns[0].tone == "bad"
    screening = a_screening(judgement=a_hold(hits[1]), results=(a_score("image_nsfw", {"image_nsfw": 0.62}),))
    assert signals_of(screening, signal_specs(), {}, {})[0].columns[0].tone == "warn"


def test_a_signal_that_failed_or_that_nobody_knows_is_shown_all_the_same() -> None:
    results = (a_score("new_signal", {"new_column": True}), SignalFailure("image_nsfw", FailureReason.TIMED_OUT, "5 s"))
    failed, unknown = signals_of(a_screening(judgement=a_hold(), results=results), signal_specs(), {}, {})
    assert (failed.failure, failed.detail) == ("it took too long", "5 s")
    assert unknown.columns[0].text == "yes"


def test_rules_are_told_in_words() -> None:
    hit = a_hit(a_comparison(), a_comparison("caption_adult", Truth.FALSE))
    (rule,) = rules_of(a_screening(judgement=a_hold(hit)), {"a_rule": "Because."})
    assert rule.sentence == "It may be."
    assert [ground.text for ground in rule.grounds] == ["How likely pornographic, 0 to 1: 0.62"]
    assert [ground.limit for ground in rule.grounds] == ["0.5 or more"]
    assert rule.why == "Because."


def test_a_rule_that_fired_on_a_not_tells_what_it_denied() -> None:
    flag = Comparison("image_hash_usable", "image_hash_usable", False, "=", "TRUE", "", Truth.FALSE)
    (rule,) = rules_of(a_screening(judgement=a_hold(a_hit(flag))), {})
    assert [ground.text for ground in rule.grounds] == ["Enough detail to compare: no"]


def test_what_could_not_be_decided_says_what_is_missing() -> None:
    hit = a_hit(a_comparison(truth=Truth.UNKNOWN, actual=None), truth=Truth.UNKNOWN)
    (rule,) = rules_of(a_screening(judgement=replace(a_hold(hit), complete=False)), {})
    assert rule.unknown
    assert rule.grounds[0].text == "How likely pornographic, 0 to 1: not measured"
    assert rule.grounds[0].limit == "0.5 or more"


def test_values_outside_of_their_bounds_stay_on_the_drawing() -> None:
    scale = scale_of(0, 1, [])
    assert (scale.share(-3), scale.share(7), Scale(2, 2).share(2)) == (0, 1, 0)
    assert history([0.5], 1, [], scale) == ""
