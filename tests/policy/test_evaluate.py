import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.errors import InvalidInputError, PolicyError
from moderation.domain.signal import FailureReason, Score, SignalFailure, SignalResult, Value
from moderation.domain.verdict import Judgement, RuleStatus, SystemQueue, Truth, Verdict
from moderation.policy.compile import Policy, compile_policy
from moderation.policy.evaluate import COMPLETE, VERDICT
from moderation.policy.frame import FAILURES, measured
from tests.policy.signals import SPECS, document, results

RULES = (
    "possible: image_nsfw >= 0.5 -> hold adult",
    "hate: caption_hate >= 2 -> hold hate",
    "certain: image_nsfw >= certain -> reject",
    "watched: caption_adult > 0 -> hold adult shadow",
    "drafted: caption_links > 0 -> hold spam draft",
    "broken: image_status <> 'decoded' -> hold files",
)
TEXT = document(
    *RULES, thresholds="{certain: {value: 0.9, why: w}}", failures="{caption_links: {queue: links, why: w}}"
)


def compiled(*rules: str) -> Policy:
    return compile_policy(document(*rules) if rules else TEXT, SPECS, source="test.yaml")


def judged(*failed: str, policy: Policy | None = None, **values: Value) -> Judgement:
    [judgement] = (policy or compiled()).judge([results(*failed, **values)])
    return judgement


def test_an_ordinary_post_is_approved() -> None:
    judgement = judged()
    assert (judgement.verdict, judgement.complete, judgement.queue) == (Verdict.APPROVE, True, "")
    assert judgement.hits == ()
    assert judgement.failures == ()


def test_the_strictest_rule_decides_wherever_it_stands() -> None:
    judgement = judged(image_nsfw=0.95, caption_hate=3)

    assert judgement.verdict is Verdict.REJECT
    assert judgement.queue == ""
    assert judgement.category == "certain_category"
    assert judgement.reason == "Reason of certain."
    assert [hit.rule for hit in judgement.hits] == ["certain", "possible", "hate"]


def test_among_equals_the_first_of_the_document_decides() -> None:
    assert judged(image_nsfw=0.6, caption_hate=2).queue == "adult"
    assert judged(caption_hate=2, image_status="corrupt").queue == "hate"


def test_a_shadow_rule_is_recorded_and_changes_nothing() -> None:
    judgement = judged(caption_adult=2)
    assert (judgement.verdict, judgement.complete) == (Verdict.APPROVE, True)
    assert [(hit.rule, hit.status, hit.truth) for hit in judgement.hits] == [("watched", RuleStatus.SHADOW, Truth.TRUE)]


def test_a_draft_is_not_evaluated() -> None:
    assert judged(caption_links=5).hits == ()
    assert "caption_links" not in compiled().columns


def test_hits_name_their_comparisons_with_numbers_and_thresholds() -> None:
    judgement = judged(image_nsfw=0.95)

    [comparison] = judgement.hits[0].comparisons
    assert comparison.text == "image_nsfw >= certain"
    assert (comparison.column, comparison.actual, comparison.operator) == ("image_nsfw", 0.95, ">=")
    assert (comparison.expected, comparison.threshold, comparison.truth) == ("0.9", "certain", Truth.TRUE)


@pytest.mark.parametrize("signal", [spec.name for spec in SPECS])
def test_a_failed_signal_holds_even_if_no_rule_reads_it(signal: str) -> None:
    judgement = judged(signal)

    assert judgement.verdict is Verdict.HOLD
    assert not judgement.complete
    assert judgement.failures == (f"{signal}: timed_out",)
    assert judgement.queue == ("links" if signal == "caption_links" else SystemQueue.SIGNAL_FAILURE)
    assert signal in judgement.reason


def test_a_true_rule_names_the_queue_although_a_signal_failed() -> None:
    judgement = judged("image_nsfw", caption_hate=2)
    assert (judgement.verdict, judgement.queue, judgement.complete) == (Verdict.HOLD, "hate", False)
    assert judgement.failures == ("image_nsfw: timed_out",)
    assert [(hit.rule, hit.truth) for hit in judgement.hits] == [
        ("hate", Truth.TRUE),
        ("possible", Truth.UNKNOWN),
        ("certain", Truth.UNKNOWN),
    ]


def test_a_failure_does_not_save_a_post_from_rejection() -> None:
    assert judged("caption_terms", image_nsfw=0.99).verdict is Verdict.REJECT


def test_an_unknown_rejecting_rule_holds_and_does_not_reject() -> None:
    hit = next(hit for hit in judged("image_nsfw").hits if hit.rule == "certain")
    assert (hit.truth, hit.verdict, hit.queue) == (Truth.UNKNOWN, Verdict.HOLD, SystemQueue.SIGNAL_FAILURE)


def test_an_undecided_live_rule_holds_although_every_signal_measured() -> None:
    policy = compiled("young: author_age_days < 1 AND (author_age_days IS NOT NULL OR caption_links > 0) -> reject")
    assert judged(policy=policy).verdict is Verdict.APPROVE

    judgement = judged(policy=policy, caption_links=1)

    assert (judgement.verdict, judgement.complete, judgement.failures) == (Verdict.HOLD, False, ())
    assert judgement.queue == SystemQueue.SIGNAL_FAILURE
    assert judgement.reason == "Could not be decided: young."


def test_an_undecided_shadow_rule_holds_nothing() -> None:
    policy = compiled(
        "live: image_nsfw > 0.5 -> hold adult",
        "young: author_age_days < 1 AND (author_age_days IS NOT NULL OR caption_link_shortener) -> reject x shadow",
    )
    judgement = judged(policy=policy, caption_link_shortener=True)
    assert (judgement.verdict, judgement.complete) == (Verdict.APPROVE, True)
    assert [hit.truth for hit in judgement.hits] == [Truth.UNKNOWN]


def with_signal(name: str, *replacements: SignalResult) -> tuple[SignalResult, ...]:
    return (*(result for result in results() if result.signal != name), *replacements)


@pytest.mark.parametrize(
    ("given", "failure"),
    [
        (with_signal("image_nsfw"), "image_nsfw: no result"),
        (with_signal("image_nsfw", *[Score("image_nsfw", {"image_nsfw": 0.1})] * 2), "image_nsfw: two results"),
        (with_signal("image_nsfw", Score("image_nsfw", {})), "image_nsfw: image_nsfw is missing"),
        (with_signal("image_nsfw", Score("image_nsfw", {"image_nsfw": 1.5})), "image_nsfw: image_nsfw is 1.5"),
        (with_signal("image_nsfw", Score("image_nsfw", {"image_nsfw": None})), "image_nsfw: image_nsfw is None"),
        (with_signal("image_nsfw", Score("image_nsfw", {"image_nsfw": float("nan")})), "image_nsfw: image_nsfw is nan"),
        (with_signal("image_nsfw", Score("image_nsfw", {"image_nsfw": True})), "image_nsfw: image_nsfw is True"),
        (with_signal("image_nsfw", Score("image_nsfw", {"image_nsfw": "0.1"})), "image_nsfw: image_nsfw is '0.1'"),
        ((*results(), SignalFailure("stranger", FailureReason.ERROR)), "stranger: error"),
    ],
)
def test_a_result_that_should_not_be_there_is_a_failure(given: tuple[SignalResult, ...], failure: str) -> None:
    [judgement] = compiled().judge([given])
    assert (judgement.verdict, judgement.complete) == (Verdict.HOLD, False)
    assert judgement.failures == (failure,)


def test_one_bad_result_leaves_the_rest_of_the_batch_alone() -> None:
    bad = with_signal("image_nsfw", Score("image_nsfw", {"image_nsfw": "much"}))
    verdicts = [judgement.verdict for judgement in compiled().judge([results(), bad, results(image_nsfw=0.95)])]
    assert verdicts == [Verdict.APPROVE, Verdict.HOLD, Verdict.REJECT]


def test_no_posts_have_no_judgements() -> None:
    assert compiled().evaluate([], []) == []


def test_as_many_results_as_posts_are_needed() -> None:
    with pytest.raises(ValueError, match="0 posts, 1 results"):
        compiled().evaluate([], [results()])


def test_a_policy_that_cannot_be_evaluated_holds_every_post() -> None:
    policy = compiled()
    object.__setattr__(policy, "_truths", (pl.col("no_such_column").alias("possible"),))

    judgements = policy.judge([results(), results("image_nsfw")])

    assert [(judgement.verdict, judgement.complete) for judgement in judgements] == [(Verdict.HOLD, False)] * 2
    assert all(judgement.queue == SystemQueue.SIGNAL_FAILURE for judgement in judgements)
    assert judgements[1].failures[0] == "image_nsfw: timed_out"
    assert judgements[0].failures[0].startswith("policy: ")


def test_a_frame_needs_every_column_in_its_type() -> None:
    policy = compiled()
    frame = measured([results()], SPECS, policy.columns.keys()).frame
    for broken in (frame.drop("image_nsfw"), frame.drop(FAILURES), frame.with_columns(pl.col("caption_hate") * 1.5)):
        with pytest.raises(InvalidInputError):
            policy.evaluate_columns(broken)


def test_a_frame_whose_failures_are_unknown_is_never_complete() -> None:
    policy = compiled()
    frame = measured([results()], SPECS, policy.columns.keys()).frame
    outcome = policy.evaluate_columns(frame.with_columns(pl.lit(None, dtype=pl.UInt16).alias(FAILURES)))
    assert (outcome[VERDICT].item(), outcome[COMPLETE].item()) == (1, False)


def test_a_policy_without_live_rules_still_needs_every_signal() -> None:
    policy = compiled("watched: image_nsfw > 0.5 -> hold adult shadow")
    assert judged(policy=policy, image_nsfw=0.9).verdict is Verdict.APPROVE
    assert judged("caption_links", policy=policy).verdict is Verdict.HOLD


def test_the_same_text_has_the_same_digest_and_another_text_another() -> None:
    assert compiled().digest == compiled().digest
    assert compile_policy(TEXT + "# a remark\n", SPECS, source="test.yaml").digest != compiled().digest


def test_two_signals_with_one_column_are_a_mistake_of_the_catalog() -> None:
    with pytest.raises(ValueError, match="same name"):
        compile_policy(TEXT, (*SPECS, SPECS[0]), source="test.yaml")


def test_an_invalid_policy_is_a_policy_error() -> None:
    with pytest.raises(PolicyError):
        compiled("rule: no_such_column > 1 -> reject")


POSTS = st.builds(
    results,
    image_nsfw=st.floats(0, 1),
    caption_hate=st.integers(0, 3),
    caption_adult=st.integers(0, 3),
    image_status=st.sampled_from(["decoded", "corrupt"]),
)
BROKEN = st.sets(st.sampled_from([spec.name for spec in SPECS]), min_size=1).flatmap(
    lambda names: st.builds(lambda score: results(*names, image_nsfw=score), st.floats(0, 1))
)


@settings(max_examples=60, deadline=None)
@given(st.lists(POSTS | BROKEN, min_size=1, max_size=12))
def test_posts_are_judged_alike_alone_and_in_a_batch_and_never_approved_incomplete(
    batch: list[tuple[SignalResult, ...]],
) -> None:
    policy = compiled()

    judgements = policy.judge(batch)

    assert judgements == [policy.judge([post])[0] for post in batch]
    for post, judgement in zip(batch, judgements, strict=True):
        failed = any(isinstance(result, SignalFailure) for result in post)
        assert judgement.complete is not failed
        assert judgement.verdict is not Verdict.APPROVE or judgement.complete
        assert bool(judgement.queue) == (judgement.verdict is Verdict.HOLD)
        assert [hit.verdict.strictness for hit in judgement.hits] == sorted(
            (hit.verdict.strictness for hit in judgement.hits), reverse=True
        )
