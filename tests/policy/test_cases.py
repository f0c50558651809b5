"""The shipped policy against its cases, and the cases' own mistakes."""

import re
from pathlib import Path

import pytest

from moderation.assembly import signal_specs
from moderation.domain.errors import PolicyError
from moderation.domain.verdict import RuleStatus, SystemQueue, Verdict
from moderation.policy.cases import Case, read_cases, run_cases, untried_rules
from moderation.policy.compile import compile_policy
from moderation.policy.frame import measured
from tests.policy.signals import ORDINARY, SPECS, document

POLICIES = Path(__file__).parents[2] / "policies"
SHIPPED = compile_policy((POLICIES / "feed.yaml").read_text(encoding="utf-8"), signal_specs(), source="feed.yaml")
CASES = read_cases((POLICIES / "cases" / "feed.yaml").read_text(encoding="utf-8"), SHIPPED, source="cases/feed.yaml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_shipped_policy_judges_its_cases(case: Case) -> None:
    [outcome] = run_cases(SHIPPED, [case])
    assert outcome.differences == ()


def test_every_rule_in_force_is_true_in_some_case() -> None:
    assert untried_rules(SHIPPED, run_cases(SHIPPED, CASES)) == []


def test_every_signal_that_fails_alone_keeps_an_ordinary_post_back() -> None:
    ordinary = next(case for case in CASES if case.expect.verdict == "approve" and not case.expect.shadow)
    for position in range(len(ordinary.results)):
        results = (*ordinary.results[:position], *ordinary.results[position + 1 :])
        [judgement] = SHIPPED.judge([results])
        assert (judgement.verdict, judgement.complete) == (Verdict.HOLD, False)


def test_each_harm_of_the_feed_has_a_live_rule() -> None:
    live = {rule.category for rule in SHIPPED.rules if rule.status is RuleStatus.LIVE}
    assert live >= {"adult", "violence", "hate", "harassment", "self_harm", "minors", "spam", "known_image"}


def test_texts_are_held_at_the_thresholds_that_were_chosen_for_the_shipped_classifier() -> None:
    columns = {column.name: column for spec in signal_specs() for column in spec.columns}
    values = {name: threshold.value for name, threshold in SHIPPED.thresholds.items()}
    compared = [
        (column, threshold)
        for rule in SHIPPED.rules
        for column, threshold in re.findall(r"(\w+_score)(?:, 0\))? >= (likely_\w+)", rule.when)
    ]
    assert len(compared) > 15
    assert {column: values[threshold] for column, threshold in compared} == {
        column: columns[column].recommended["balanced"] for column, _ in compared
    }


def test_every_threshold_has_its_reason() -> None:
    assert all(len(threshold.why.split()) > 8 for threshold in SHIPPED.thresholds.values())


def test_holding_rules_and_failures_wait_in_different_queues() -> None:
    assert not {rule.queue for rule in SHIPPED.rules} & set(SystemQueue)


def test_the_shipped_policy_reads_only_what_the_catalog_measures() -> None:
    frame = measured([case.results for case in CASES], signal_specs(), SHIPPED.columns.keys()).frame
    assert SHIPPED.evaluate_columns(frame).height == len(CASES)


SMALL = compile_policy(
    document("adult: image_nsfw > 0.9 -> reject", "old: author_age_days IS NULL -> hold spam shadow"),
    SPECS,
    source="test.yaml",
)


def cases(*lines: str, ordinary: str = "{image_nsfw: 0.1, author_age_days: 3.0}") -> tuple[Case, ...]:
    listed = "\n".join(f"  - {line}" for line in lines)
    return read_cases(f"version: 1\npolicy: test\nordinary: {ordinary}\ncases:\n{listed}\n", SMALL, source="cases.yaml")


def differences(line: str) -> tuple[str, ...]:
    [outcome] = run_cases(SMALL, cases(line))
    return outcome.differences


WRONG_QUEUE = "queue is signal-failure, expected q"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{name: a, expect: {verdict: approve}}", ()),
        ("{name: a, expect: {verdict: hold}}", ("verdict is approve, expected hold",)),
        ("{name: a, expect: {verdict: approve, queue: adult}}", ("queue is none, expected adult",)),
        ("{name: a, measured: {image_nsfw: 0.95}, expect: {verdict: reject, rule: adult}}", ()),
        ("{name: a, measured: {image_nsfw: 0.95}, expect: {verdict: reject}}", ("rule is adult, expected none",)),
        ("{name: a, failed: [image_nsfw], expect: {verdict: hold, queue: signal-failure}}", ()),
        ("{name: a, failed: [image_facts], expect: {verdict: hold, queue: q}}", (WRONG_QUEUE,)),
        ("{name: a, measured: {author_age_days: null}, expect: {verdict: approve, shadow: [old]}}", ()),
        ("{name: a, expect: {verdict: approve, shadow: [old]}}", ("shadow rules is none, expected ['old']",)),
    ],
)  # fmt: skip
def test_a_case_says_how_it_was_judged_otherwise(line: str, expected: tuple[str, ...]) -> None:
    assert differences(line) == expected


def test_a_rule_that_no_case_makes_true_is_named() -> None:
    assert untried_rules(SMALL, run_cases(SMALL, cases("{name: a, expect: {verdict: approve}}"))) == ["adult", "old"]


def test_mistakes_of_a_file_of_cases_are_reported_together() -> None:
    with pytest.raises(PolicyError) as caught:
        cases(
            "{name: a, measured: {image_nfsw: 0.5, image_nsfw: 2}, failed: [image_nsw], expect: {verdict: approve}}",
            "{name: b, expect: {verdict: approve, rule: adlut}}",
            ordinary="{caption_adult: high}",
        )
    message = caught.value.message
    for part in (
        "6 problems",
        'unknown column "image_nfsw"',
        "image_nsfw cannot be 2",
        'no signal is named "image_nsw"',
        'no rule is named "adlut"',
        "image_nsfw is missing from the ordinary post",
        "caption_adult cannot be 'high'",
        'did you mean "image_nsfw"?',
    ):
        assert part in message


@pytest.mark.parametrize("text", ["", "version: 1", "version: 1\npolicy: test\nordinary: {}\ncases: []", "- a", "a: {"])
def test_a_malformed_file_of_cases_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match="is not a valid file of cases"):
        read_cases(text, SMALL, source="cases.yaml")


def test_cases_of_another_policy_are_refused() -> None:
    text = "version: 1\npolicy: other\nordinary: {image_nsfw: 0.1}\ncases:\n  - {name: a, expect: {verdict: approve}}\n"
    with pytest.raises(PolicyError, match="the policy is named test"):
        read_cases(text, SMALL, source="cases.yaml")


def test_columns_that_no_rule_reads_need_not_be_given() -> None:
    [case] = cases("{name: a, expect: {verdict: approve}}")
    given = {name for result in case.results for name in getattr(result, "values", {})}
    assert given == set(ORDINARY)
