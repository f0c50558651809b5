"""The compiled policy: judges a live batch, and frames of any length, by the same expressions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from moderation.domain.errors import InvalidInputError
from moderation.domain.ids import Digest
from moderation.domain.post import Post
from moderation.domain.signal import Column, SignalResult, SignalSpec
from moderation.domain.verdict import Judgement, Verdict
from moderation.policy.condition import columns_of
from moderation.policy.expressions import DTYPES, column_expression, predicate_expression
from moderation.policy.frame import FAILURES, Measured, measured
from moderation.policy.judge import Judging, unjudged
from moderation.policy.rule import Rule, Threshold

VERDICT = "verdict"
"""Output column: the verdict's strictness, 0 approve, 1 hold, 2 reject (Int8)."""
COMPLETE = "complete"
"""Output column: whether every signal measured and every live rule was decided."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in force. `rules` are in the document's order, drafts included."""

    digest: Digest
    name: str
    description: str
    source: str
    specs: tuple[SignalSpec, ...]
    thresholds: Mapping[str, Threshold]
    rules: tuple[Rule, ...]
    failure_queues: Mapping[str, str]
    columns: Mapping[str, Column] = field(init=False)
    """The columns that the evaluated rules read, by name."""
    _truths: tuple[pl.Expr, ...] = field(init=False, repr=False)
    _signs: tuple[pl.Expr, ...] = field(init=False, repr=False)
    _judging: Judging = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Build every expression once."""
        columns = {name: column for rule in self.active for name, column in columns_of(rule.condition).items()}
        truths = tuple(predicate_expression(rule.condition).alias(rule.name) for rule in self.active)
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "_truths", truths)
        object.__setattr__(self, "_signs", _signs(self.active))
        object.__setattr__(self, "_judging", Judging(self.active, self.failure_queues))

    @property
    def active(self) -> tuple[Rule, ...]:
        """The live and shadow rules, in the document's order."""
        return tuple(rule for rule in self.rules if rule.active)

    def evaluate(self, posts: Sequence[Post], results: Sequence[Sequence[SignalResult]]) -> list[Judgement]:
        """One judgement per post, in order.

        Raises ValueError if the lengths differ. Whatever else goes wrong holds the posts that it concerns.
        """
        if len(posts) != len(results):
            raise ValueError(f"{len(posts)} posts, {len(results)} results")
        return self.judge(results)

    def judge(self, results: Sequence[Sequence[SignalResult]]) -> list[Judgement]:
        """One judgement for each post's signal results, in order; they say all that policy knows of a post."""
        if not results:
            return []
        batch = measured(results, self.specs, self.columns.keys())
        try:
            return self._judge(batch)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            return [unjudged(failures, str(error)) for failures in batch.failures]

    def evaluate_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Every active rule's truth (Boolean, NULL is unknown, named as the rule), then `VERDICT` and `COMPLETE`.

        `frame` needs every column of `columns` in its kind's type, and `FAILURES`; the result has its rows in its
        order. Raises `InvalidInputError` if a column is missing or of another type.
        """
        self._check(frame)
        clean = frame.select(FAILURES, *(column_expression(column) for column in self.columns.values()))
        truths = clean.select(FAILURES, *self._truths)
        signs = truths.select(self._signs)
        return truths.drop(FAILURES).hstack(signs.select(_strictest(), COMPLETE))

    def _check(self, frame: pl.DataFrame) -> None:
        schema = frame.schema
        wrong = [name for name, column in self.columns.items() if schema.get(name) != DTYPES[column.kind]]
        failures = schema.get(FAILURES)
        if failures is None or not failures.is_integer():
            wrong.append(FAILURES)
        if wrong:
            raise InvalidInputError(f"Columns missing or of the wrong type: {', '.join(wrong)}.")

    def _judge(self, batch: Measured) -> list[Judgement]:
        outcome = self.evaluate_columns(batch.frame)
        return self._judging.judgements(batch, outcome, VERDICT, COMPLETE)


def _signs(active: Sequence[Rule]) -> tuple[pl.Expr, ...]:
    """Over the truths: whether everything was decided, a live rule rejects, a live rule holds."""
    live = [rule for rule in active if rule.live]
    return (
        pl.all_horizontal(pl.col(FAILURES) == 0, *(pl.col(rule.name).is_not_null() for rule in live))
        .fill_null(value=False)
        .alias(COMPLETE),
        _any_true(rule for rule in live if rule.verdict is Verdict.REJECT).alias("rejects"),
        _any_true(rule for rule in live if rule.verdict is Verdict.HOLD).alias("holds"),
    )


def _any_true(rules: Iterable[Rule]) -> pl.Expr:
    """Kleene's OR, with unknown taken for not true: whether a rule is undecided counts elsewhere."""
    return pl.any_horizontal(pl.lit(value=False), *(rule.name for rule in rules)).fill_null(value=False)


def _strictest() -> pl.Expr:
    """Over the signs: a rejecting rule rejects; a holding rule, or anything that was not decided, holds."""
    return (
        pl.when("rejects")
        .then(pl.lit(Verdict.REJECT.strictness, dtype=pl.Int8))
        .when(pl.col("holds") | ~pl.col(COMPLETE))
        .then(pl.lit(Verdict.HOLD.strictness, dtype=pl.Int8))
        .otherwise(pl.lit(Verdict.APPROVE.strictness, dtype=pl.Int8))
        .alias(VERDICT)
    )
