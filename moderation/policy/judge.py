"""From rule truths to judgements: the strictest live rule decides, and says so with its numbers."""

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from moderation.domain.verdict import Comparison, Judgement, RuleHit, SystemQueue, Truth, Verdict
from moderation.policy.comparisons import RuleComparisons
from moderation.policy.frame import Measured
from moderation.policy.rule import Rule

APPROVED = "Nothing in this policy speaks against the post."


class Judging:
    """Turns the columns of truths into judgements, for the active rules of one policy."""

    def __init__(self, rules: Sequence[Rule], failure_queues: Mapping[str, str]) -> None:
        self._rules = rules
        self._failure_queues = failure_queues
        self._comparisons = [RuleComparisons(rule.condition) for rule in rules]

    def judgements(self, batch: Measured, outcome: pl.DataFrame, verdict: str, complete: str) -> list[Judgement]:
        """One judgement per row of `outcome`, in order."""
        hits = self._hits(batch.frame, outcome)
        verdicts = list(Verdict)
        rows = zip(outcome[verdict].to_list(), outcome[complete].to_list(), strict=True)
        return [
            self._judgement(
                verdicts[strictness], decided, hits.get(row, ()), batch.failures[row], batch.failed_signals[row]
            )
            for row, (strictness, decided) in enumerate(rows)
        ]

    def _hits(self, frame: pl.DataFrame, outcome: pl.DataFrame) -> dict[int, tuple[RuleHit, ...]]:
        """By row, the hits of every rule that is not false, strictest first.

        Among equally strict ones the true come before the unknown, live before shadow, then the document's order.
        """
        found: dict[int, list[tuple[tuple[int, bool, bool, int], RuleHit]]] = {}
        for order, (rule, comparisons) in enumerate(zip(self._rules, self._comparisons, strict=True)):
            truths = outcome[rule.name]
            rows = (truths | truths.is_null()).arg_true().to_list()
            if not rows:
                continue
            numbers = comparisons.read(frame[rows])
            for row, compared in zip(rows, numbers, strict=True):
                hit = _hit(rule, known=truths[row] is not None, comparisons=compared)
                key = (-hit.verdict.strictness, hit.truth is Truth.UNKNOWN, not rule.live, order)
                found.setdefault(row, []).append((key, hit))
        return {row: tuple(hit for _, hit in sorted(pairs, key=lambda pair: pair[0])) for row, pairs in found.items()}

    def _judgement(
        self,
        verdict: Verdict,
        complete: bool,  # noqa: FBT001 - a column's value
        hits: tuple[RuleHit, ...],
        failures: tuple[str, ...],
        failed: tuple[str, ...],
    ) -> Judgement:
        deciding = next((hit for hit in hits if hit.status == "live" and hit.verdict is verdict), None)
        if verdict is Verdict.APPROVE:
            return Judgement(verdict, complete, "", "", APPROVED, hits, failures)
        if deciding is not None and deciding.truth is Truth.TRUE:
            queue = deciding.queue if verdict is Verdict.HOLD else ""
            return Judgement(verdict, complete, queue, deciding.category, deciding.reason, hits, failures)
        category = deciding.category if deciding is not None else ""
        return Judgement(verdict, complete, self._queue(failed), category, _why(hits, failures), hits, failures)

    def _queue(self, failed: Iterable[str]) -> str:
        return next(
            (self._failure_queues[name] for name in failed if name in self._failure_queues), SystemQueue.SIGNAL_FAILURE
        )


def unjudged(failures: Sequence[str], problem: str) -> Judgement:
    """Held, because the policy itself could not be evaluated."""
    reason = "The policy could not be evaluated."
    return Judgement(
        Verdict.HOLD,
        complete=False,
        queue=SystemQueue.SIGNAL_FAILURE,
        category="",
        reason=reason,
        hits=(),
        failures=(*failures, f"policy: {problem.splitlines()[0] if problem else 'error'}"),
    )


def _hit(rule: Rule, *, known: bool, comparisons: tuple[Comparison, ...]) -> RuleHit:
    """A rule that could not be decided holds, however strict it is when true, and where failures wait."""
    if known:
        return RuleHit(
            rule.name, rule.status, Truth.TRUE, rule.verdict, rule.queue, rule.category, rule.reason, comparisons
        )
    queue = SystemQueue.SIGNAL_FAILURE
    return RuleHit(rule.name, rule.status, Truth.UNKNOWN, Verdict.HOLD, queue, rule.category, rule.reason, comparisons)


def _why(hits: Sequence[RuleHit], failures: Sequence[str]) -> str:
    if failures:
        names = ", ".join(failure.partition(":")[0] for failure in failures)
        return f"No measurement from {names}."
    undecided = ", ".join(hit.rule for hit in hits if hit.status == "live" and hit.truth is Truth.UNKNOWN)
    return f"Could not be decided: {undecided}."
