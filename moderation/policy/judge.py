"""From rule truths to judgements: the strictest live rule decides, and says so with its numbers."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any

import polars as pl

from moderation.domain.verdict import Comparison, Judgement, RuleHit, RuleStatus, SystemQueue, Truth, Verdict
from moderation.policy.comparisons import RuleComparisons
from moderation.policy.frame import Measured
from moderation.policy.rule import Rule

VERDICTS = tuple(sorted(Verdict, key=lambda verdict: verdict.strictness))
APPROVED = "Nothing in this policy speaks against the post."


class Judging:
    """Turns the columns of truths into judgements, for the active rules of one policy."""

    def __init__(self, rules: Sequence[Rule], failure_queues: Mapping[str, str]) -> None:
        self._rules = rules
        self._failure_queues = failure_queues
        self._comparisons = [RuleComparisons(rule.name, rule.condition) for rule in rules]

    def judgements(self, batch: Measured, outcome: pl.DataFrame, verdict: str, complete: str) -> list[Judgement]:
        """One judgement per row of `outcome`, in order."""
        hits = self._hits(batch.frame, outcome)
        rows = zip(outcome[verdict].to_list(), outcome[complete].to_list(), batch.failures, strict=True)
        return [
            self._judgement(VERDICTS[strictness], hits.get(row, ()), failures, complete=decided)
            for row, (strictness, decided, failures) in enumerate(rows)
        ]

    def _hits(self, frame: pl.DataFrame, outcome: pl.DataFrame) -> dict[int, tuple[RuleHit, ...]]:
        """By row, the hits of every rule that is not false, strictest first.

        Among equally strict ones the true come before the unknown, live before shadow, then the document's order.
        """
        truths = outcome.select(rule.name for rule in self._rules).rows()
        concerned = [row for row, values in enumerate(truths) if not all(value is False for value in values)]
        if not concerned:
            return {}
        orders = sorted({order for row in concerned for order, value in enumerate(truths[row]) if value is not False})
        rows = frame[concerned].select(part for order in orders for part in self._comparisons[order].expressions).rows()
        ends = list(accumulate(len(self._comparisons[order].expressions) for order in orders))
        places = {order: slice(start, end) for order, start, end in zip(orders, [0, *ends], ends, strict=False)}
        return {row: self._post_hits(truths[row], places, rows[index]) for index, row in enumerate(concerned)}

    def _post_hits(
        self, truths: Sequence[bool | None], places: Mapping[int, slice], numbers: tuple[Any, ...]
    ) -> tuple[RuleHit, ...]:
        """One post's hits; `places` has each rule's part of `numbers`, what its comparisons saw."""
        found = []
        for order, place in places.items():
            if truths[order] is False:
                continue
            rule = self._rules[order]
            hit = _hit(rule, known=truths[order] is not None, comparisons=self._comparisons[order].read(numbers[place]))
            found.append(((-hit.verdict.strictness, hit.truth is Truth.UNKNOWN, not rule.live, order), hit))
        return tuple(hit for _, hit in sorted(found, key=itemgetter(0)))

    def _judgement(
        self, verdict: Verdict, hits: tuple[RuleHit, ...], failures: Mapping[str, str], *, complete: bool
    ) -> Judgement:
        listed = tuple(f"{name}: {reason}" for name, reason in failures.items())
        if verdict is Verdict.APPROVE:
            return Judgement(verdict, complete, "", "", APPROVED, hits, listed)
        deciding = next((hit for hit in hits if hit.status is RuleStatus.LIVE and hit.verdict is verdict), None)
        if deciding is not None and deciding.truth is Truth.TRUE:
            queue = deciding.queue if verdict is Verdict.HOLD else ""
            return Judgement(verdict, complete, queue, deciding.category, deciding.reason, hits, listed)
        category = deciding.category if deciding is not None else ""
        return Judgement(verdict, complete, self._queue(failures), category, _why(hits, failures), hits, listed)

    def _queue(self, failures: Iterable[str]) -> str:
        """Where a post waits whose verdict is owed to what is not known."""
        named = (self._failure_queues[name] for name in failures if name in self._failure_queues)
        return next(named, SystemQueue.SIGNAL_FAILURE.value)


def unjudged(failures: Mapping[str, str], problem: str) -> Judgement:
    """Held, because the policy itself could not be evaluated."""
    listed = (*(f"{name}: {reason}" for name, reason in failures.items()), f"policy: {problem:.200}")
    reason = "The policy could not be evaluated."
    return Judgement(Verdict.HOLD, False, SystemQueue.SIGNAL_FAILURE.value, "", reason, (), listed)


def _hit(rule: Rule, *, known: bool, comparisons: tuple[Comparison, ...]) -> RuleHit:
    """A rule that could not be decided holds, however strict it is when true, and where failures wait."""
    return RuleHit(
        rule=rule.name,
        status=rule.status,
        truth=Truth.TRUE if known else Truth.UNKNOWN,
        verdict=rule.verdict if known else Verdict.HOLD,
        queue=rule.queue if known else SystemQueue.SIGNAL_FAILURE.value,
        category=rule.category,
        reason=rule.reason,
        comparisons=comparisons,
    )


def _why(hits: Sequence[RuleHit], failures: Mapping[str, str]) -> str:
    if failures:
        return f"No measurement from {', '.join(failures)}."
    undecided = (hit.rule for hit in hits if hit.status is RuleStatus.LIVE and hit.truth is Truth.UNKNOWN)
    return f"Could not be decided: {', '.join(undecided)}."
