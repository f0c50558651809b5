"""What a plan's routing would do to the jobs that wait now, before it is saved; and doing it, when a person asks."""

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from moderation.domain.ids import JobId
from moderation.domain.job import Job, Route
from moderation.domain.people import Person
from moderation.domain.signal import SignalSpec
from moderation.policy.condition import columns_of
from moderation.review.job_facts import Grounds
from moderation.review.plan import Plan, RoutingRule
from moderation.review.router import Waiting, first_rules, route_by
from moderation.storage.review.waiting import WaitingJob, WaitingStore

SAMPLE = 2_000
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Example:
    """A job that a rule takes, and where it would wait."""

    job: Job
    route: Route


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """What one rule (None: no rule) takes of the sample.

    `moves` counts pairs of the queue that the jobs wait in and the one that they would wait in, the most frequent
    first; `harsher` and `milder` count jobs whose severity would rise or fall.
    """

    rule: RoutingRule | None
    jobs: int
    moves: tuple[tuple[str, str, int], ...]
    harsher: int
    milder: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The effects in the plan's order, jobs without a rule last. `sampled` of `waiting` jobs were looked at.

    `changed` counts those for which anything would be different; `unknown_queues` and `unknown_categories` are names
    that waiting jobs have and the plan does not.
    """

    effects: tuple[RuleEffect, ...]
    sampled: int
    waiting: int
    changed: int
    unknown_queues: tuple[str, ...]
    unknown_categories: tuple[str, ...]


class RoutingPreview:
    """Tries plans on the newest 2,000 open jobs that nobody has decided anything about."""

    def __init__(self, waiting: WaitingStore, specs: Sequence[SignalSpec]) -> None:
        self._waiting = waiting
        self._specs = specs

    def preview(self, plan: Plan) -> Preview:
        """What the plan would do to what waits now; changes nothing."""
        sample = self._sample(plan)
        rules = self._rules(plan, sample)
        routed = [(item, rule, _route(plan, item, rule)) for item, rule in zip(sample, rules, strict=True)]
        return Preview(
            effects=tuple(
                _effect(rule, [(item.job, route) for item, taken, route in routed if taken is rule])
                for rule in (*plan.routing, None)
            ),
            sampled=len(sample),
            waiting=max(self._waiting.count(), len(sample)),
            changed=sum(_changes(item.job, route) for item, _, route in routed),
            unknown_queues=_unknown({item.job.queue for item in sample}, plan.queues),
            unknown_categories=_unknown({item.job.category for item in sample} - {""}, plan.categories),
        )

    def reroute(self, plan: Plan, *, person: Person, now: datetime) -> list[JobId]:
        """Put the sampled jobs that nobody works on where the plan wants them; returns the moved ones."""
        sample = self._sample(plan)
        rules = self._rules(plan, sample)
        routes = {item.job.id: _route(plan, item, rule) for item, rule in zip(sample, rules, strict=True)}
        return self._waiting.move(routes, person=person, plan=plan.number, now=now)

    def _sample(self, plan: Plan) -> list[WaitingJob]:
        read = {name for rule in plan.routing for name in columns_of(rule.condition)}
        signals = {spec.name for spec in self._specs if read & {column.name for column in spec.columns}}
        return self._waiting.newest(SAMPLE, signals=signals)

    def _rules(self, plan: Plan, sample: Sequence[WaitingJob]) -> list[RoutingRule | None]:
        waiting = [Waiting(item.post, item.results, _grounds(item)) for item in sample]
        return first_rules(plan.routing, waiting, self._specs)


def _grounds(item: WaitingJob) -> Grounds:
    return Grounds(item.queue, item.category, item.rule, item.complete)


def _route(plan: Plan, item: WaitingJob, rule: RoutingRule | None) -> Route:
    """The plan's route; a job that waits in a restricted queue stays, even when the rule that put it there is gone."""
    route, queue = route_by(plan, _grounds(item), rule), item.job.queue
    if plan.may_move(queue, route.queue):
        return route
    severity = max(route.severity, item.job.severity)
    return replace(route, queue=queue, severity=severity, service_seconds=plan.queue(queue).service_seconds)


def _effect(rule: RoutingRule | None, taken: Sequence[tuple[Job, Route]]) -> RuleEffect:
    moves = Counter((job.queue, route.queue) for job, route in taken)
    changed = sorted(taken, key=lambda pair: not _changes(*pair))
    return RuleEffect(
        rule=rule,
        jobs=len(taken),
        moves=tuple((source, target, count) for (source, target), count in moves.most_common()),
        harsher=sum(route.severity > job.severity for job, route in taken),
        milder=sum(route.severity < job.severity for job, route in taken),
        examples=tuple(Example(job, route) for job, route in changed[:EXAMPLES]),
    )


def _changes(job: Job, route: Route) -> bool:
    return (job.queue, job.severity, job.language, job.skill) != (
        route.queue,
        route.severity,
        route.language,
        route.skill,
    )


def _unknown(names: set[str], known: Container[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in names if name not in known))
