"""What a candidate would change, against the plainest way to count it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.ids import Digest, PostId, ScreeningId
from moderation.domain.model_role import ModelPin, ShadowResult
from moderation.domain.signal import FailureReason, Score, SignalFailure, SignalResult
from moderation.domain.verdict import Verdict
from moderation.policy.compile import Policy
from moderation.screening import candidates
from moderation.screening.candidates import Comparison, compare, readers, substituted
from moderation.storage.shadow_results import ShadowPair
from tests.policy.signals import SPECS, results
from tests.policy.test_evaluate import compiled

NSFW = next(spec for spec in SPECS if spec.name == "image_nsfw")
PIN = ModelPin("second", Digest("2" * 64))
scores = st.floats(0, 1) | st.none()
"""None: the signal failed."""


def measured(value: float | None) -> SignalResult:
    if value is None:
        return SignalFailure("image_nsfw", FailureReason.ERROR)
    return Score("image_nsfw", {"image_nsfw": value})


def pair(number: int, before: float | None, after: float | None, *, hate: int = 0, seconds: float = 0.01) -> ShadowPair:
    live = tuple(measured(before) if result.signal == "image_nsfw" else result for result in results(caption_hate=hate))
    shadow = ShadowResult(ScreeningId(f"screening-{number:04}"), PIN, measured(after), seconds)
    return ShadowPair(PostId(f"post-{number}"), datetime(2026, 1, 1, tzinfo=UTC), live, shadow)


def paged(pairs: Sequence[ShadowPair], size: int = 3) -> Iterator[Sequence[ShadowPair]]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]


def compared(*pairs: ShadowPair, policy: Policy | None = None) -> Comparison:
    return compare(paged(pairs), policy or compiled(), NSFW)


@given(st.lists(st.tuples(scores, scores, st.integers(0, 3)), max_size=12))
def test_verdicts_and_rules_are_those_of_the_policy(cases: list[tuple[float | None, float | None, int]]) -> None:
    policy = compiled()
    pairs = [pair(number, *case[:2], hate=case[2]) for number, case in enumerate(cases)]
    before = policy.judge([one.live for one in pairs])
    after = policy.judge([substituted(one) for one in pairs])
    found = compared(*pairs, policy=policy)
    expected = Counter((one.verdict, other.verdict) for one, other in zip(before, after, strict=True))
    assert found.verdicts == expected
    assert found.posts == len(pairs)
    assert found.changed == sum(one.verdict is not other.verdict for one, other in zip(before, after, strict=True))
    assert {example.post_id for example in found.examples} <= {one.post_id for one in pairs}
    assert found.failures.get("error", 0) == sum(case[1] is None for case in cases)
    assert found.live_failures.get("error", 0) == sum(case[0] is None for case in cases)


def test_only_the_candidates_signal_is_another_one() -> None:
    one = pair(1, 0.1, 0.95, hate=2)
    changed = substituted(one)
    assert [result.signal for result in changed] == [result.signal for result in one.live]
    assert [new for new, old in zip(changed, one.live, strict=True) if new is not old] == [one.candidate.result]


def test_signals_that_read_the_candidates_are_named_for_they_are_not_measured_again() -> None:
    first, second, third, fourth = (replace(NSFW, name=name, needs=()) for name in ("one", "two", "three", "four"))
    specs = (first, replace(second, needs=("one",)), third, replace(fourth, needs=("three", "two")))
    assert readers(specs, first) == ("two", "four")
    assert readers(specs, third) == ("four",)
    assert readers(specs, fourth) == compared(pair(1, 0.1, 0.2)).readers == ()


def test_examples_name_the_deciding_rules() -> None:
    found = compared(pair(1, 0.1, 0.95), pair(2, 0.6, 0.1), pair(3, 0.1, 0.2))
    assert [(one.post_id, one.before, one.after, one.rule_before, one.rule_after) for one in found.examples] == [
        ("post-1", Verdict.APPROVE, Verdict.REJECT, "", "certain"),
        ("post-2", Verdict.HOLD, Verdict.APPROVE, "possible", ""),
    ]
    assert found.gained == {"possible": 1, "certain": 1}
    assert found.lost == {"possible": 1}


def test_a_shadow_rule_is_not_among_what_changes() -> None:
    found = compared(pair(1, 0.1, 0.2))
    assert (found.gained, found.lost, found.examples) == ({}, {}, ())


def test_a_candidate_that_fails_would_hold() -> None:
    found = compared(pair(1, 0.1, None))
    assert found.verdicts == {(Verdict.APPROVE, Verdict.HOLD): 1}
    assert found.columns[0].posts == 0


def test_examples_are_few_whatever_the_number_of_posts() -> None:
    found = compared(*(pair(number, 0.1, 0.6) for number in range(40)))
    assert len(found.examples) == candidates.EXAMPLES
    assert found.changed == 40


def test_posts_from_before_the_policys_signals_are_left_out() -> None:
    whole, part = pair(1, 0.1, 0.9), pair(2, 0.1, 0.9)
    part = ShadowPair(part.post_id, part.finished_at, part.live[1:], part.candidate)
    found = compared(whole, part)
    assert (found.posts, found.incomplete) == (1, 1)


def test_differences_are_candidate_less_live() -> None:
    found = compared(*(pair(number, 0.5, 0.5 + number / 100) for number in range(11)))
    [column] = found.columns
    assert (column.name, column.posts, column.different, column.unknown) == ("image_nsfw", 11, 10, 0)
    assert column.quantiles[0.0] == pytest.approx(0.0)
    assert column.quantiles[0.5] == pytest.approx(0.05)
    assert column.quantiles[1.0] == pytest.approx(0.1)


def test_the_cost_is_of_one_post() -> None:
    found = compared(*(pair(number, 0.1, 0.1, seconds=number / 100) for number in range(101)))
    assert found.mean_seconds == pytest.approx(0.5)
    assert found.p95_seconds == pytest.approx(0.95)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=20), st.floats(0, 1))
def test_agreement_counts_each_post_once(cases: list[tuple[float, float]], bar: float) -> None:
    spec = replace(NSFW, recommended={"balanced": bar})
    pairs = [pair(number, *case) for number, case in enumerate(cases)]
    [column] = compare(paged(pairs), compiled(), spec).columns
    [one] = column.agreements
    assert one.both + one.live_only + one.candidate_only + one.neither == len(cases)
    assert one.both == sum(before >= bar and after >= bar for before, after in cases)
    assert one.live_only == sum(before >= bar > after for before, after in cases)


def test_a_sample_keeps_its_size_its_mean_and_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "SAMPLE", 500)
    sample = candidates._Sample()
    for number in range(10_000):
        sample.add(number / 10_000)
    assert len(sample._kept) == 500
    assert sample.mean == pytest.approx(0.49995)
    assert (sample.quantile(0.0), sample.quantile(1.0)) == (0.0, 0.9999)
    assert sample.quantile(0.5) == pytest.approx(0.5, abs=0.08)


def test_progress_tells_how_many_posts_were_read() -> None:
    told: list[int] = []
    compare(paged([pair(number, 0.1, 0.1) for number in range(7)]), compiled(), NSFW, progress=told.append)
    assert told == [3, 6, 7]


def test_nothing_to_compare_is_nothing() -> None:
    found = compared()
    assert (found.posts, found.changed, found.mean_seconds, found.p95_seconds) == (0, 0, 0.0, 0.0)
