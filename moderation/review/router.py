"""Where a post waits and how urgent it is: the first routing rule that is true, applied to what the policy said.

A rule that cannot be decided, because a signal failed, is passed over: the policy's own queue and the category's own
severity remain, and those are never lower than what routing started from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl
import structlog

from moderation.domain.job import Route
from moderation.domain.post import Post
from moderation.domain.signal import SignalResult, SignalSpec
from moderation.domain.verdict import Judgement
from moderation.policy.condition import columns_of
from moderation.policy.expressions import column_expression, predicate_expression
from moderation.policy.frame import measured
from moderation.review.job_facts import JOB_FACTS, Grounds, grounds_of, job_facts
from moderation.review.plan import Plan, RoutingRule

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A post that waits, with its signal results (none when it was never measured) and the grounds."""

    post: Post
    results: Sequence[SignalResult]
    grounds: Grounds


class PlanRouter:
    """Routes by the plan in force."""

    def __init__(self, plan: Callable[[], Plan], specs: Sequence[SignalSpec]) -> None:
        self._plan = plan
        self._specs = specs

    def route(self, post: Post, results: Sequence[SignalResult], judgement: Judgement) -> Route:
        """The route of one held post. Routing rules that cannot be evaluated at all are passed over, and logged."""
        plan = self._plan()
        waiting = Waiting(post, results, grounds_of(judgement))
        try:
            rule = first_rules(plan.routing, [waiting], self._specs)[0]
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            log.error("routing_failed", post=post.id, plan=plan.digest, reason=str(error))  # noqa: TRY400 - no trace
            rule = None
        return route_by(plan, waiting.grounds, rule)


def first_rules(
    rules: Sequence[RoutingRule], waiting: Sequence[Waiting], specs: Sequence[SignalSpec]
) -> list[RoutingRule | None]:
    """For each post the first rule whose condition is true, or None, in order."""
    if not rules or not waiting:
        return [None] * len(waiting)
    columns = {name: column for rule in rules for name, column in columns_of(rule.condition).items()}
    results = [(*item.results, job_facts(item.post, item.grounds)) for item in waiting]
    frame = measured(results, (*specs, JOB_FACTS), columns.keys()).frame
    clean = frame.select(column_expression(column) for column in columns.values())
    truths = clean.select(predicate_expression(rule.condition).alias(rule.name) for rule in rules)
    return [next((rule for rule, true in zip(rules, row, strict=True) if true), None) for row in truths.iter_rows()]


def route_by(plan: Plan, grounds: Grounds, rule: RoutingRule | None) -> Route:
    """What the plan makes of the grounds and of the rule that matched.

    A job never leaves a restricted queue by a rule, and the gravest harm never becomes less severe by one.
    """
    category = plan.category(grounds.category)
    queue, severity = grounds.queue, category.severity
    if rule is not None and rule.queue and plan.may_move(queue, rule.queue):
        queue = rule.queue
    if rule is not None and rule.severity is not None:
        severity = max(severity, rule.severity) if category.gravest else rule.severity
    return Route(
        queue=queue,
        severity=severity,
        service_seconds=plan.queue(queue).service_seconds,
        language="" if rule is None else rule.language,
        skill="" if rule is None else rule.skill,
        rule="" if rule is None else rule.name,
    )
