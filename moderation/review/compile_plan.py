"""From a review plan's text to the plan in force; every problem of the text is reported at once, where it stands."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from moderation.domain.ids import Digest
from moderation.domain.signal import SignalSpec
from moderation.policy.condition import Predicate
from moderation.policy.document import document_problems
from moderation.policy.grammar import Scope, parse_condition
from moderation.policy.problems import InvalidPolicyError, Problem, SourceText
from moderation.policy.source import Located, Path, Plain, offsets, read_yaml
from moderation.review.job_facts import JOB_FACTS
from moderation.review.plan import (
    Budget,
    CategoryPlan,
    Exposure,
    Plan,
    QueuePlan,
    Reason,
    Reveal,
    ReviewQueue,
    RoutingRule,
)
from moderation.review.plan_checks import meaning_problems
from moderation.review.plan_document import (
    CategoryDocument,
    ExposureDocument,
    PlanDocument,
    QueueDocument,
    RoutingDocument,
)

MINUTE_S = 60.0
WHAT = "review plan"


def compile_plan(text: str, specs: Sequence[SignalSpec], *, source: str, number: int = 0) -> Plan:
    """Check and compile a plan against the signal catalog; `source` names it in messages.

    Raises `PolicyError` (`InvalidPolicyError`) with every problem, each with line, column and hint.
    """
    document_text = SourceText(text, source)
    located = read_yaml(document_text)
    problems = list(located.problems)
    document = _document(located, problems)
    conditions = dict(_conditions(document_text, located, specs, problems))
    problems += meaning_problems(located)
    if problems or document is None:
        raise InvalidPolicyError(document_text, problems, what=WHAT)
    return Plan(
        digest=Digest(hashlib.sha256(text.encode()).hexdigest()),
        source=source,
        text=text,
        undo_seconds=document.undo_seconds,
        lease_seconds=document.lease_seconds,
        ahead=document.ahead,
        categories={name: _category(name, part) for name, part in document.categories.items()},
        queues={name: _queue(name, part) for name, part in document.queues.items()},
        routing=tuple(_rule(part, conditions[index]) for index, part in enumerate(document.routing)),
        exposure=_exposure(document.exposure),
        number=number,
    )


def _document(located: Located, problems: list[Problem]) -> PlanDocument | None:
    if located.value is None and located.problems:
        return None
    try:
        return PlanDocument.model_validate(located.value)
    except ValidationError as error:
        problems += document_problems(error, located, PlanDocument)
        return None


def _conditions(
    source: SourceText, located: Located, specs: Sequence[SignalSpec], problems: list[Problem]
) -> Iterator[tuple[int, Predicate]]:
    """The routing conditions that are right, by rule number; the problems of the others are appended."""
    columns = {column.name: column for spec in (*specs, JOB_FACTS) for column in spec.columns}
    document = located.value if isinstance(located.value, dict) else {}
    routing = document.get("routing")
    for index, rule in enumerate(routing if isinstance(routing, list) else []):
        path: Path = ("routing", index, "when")
        when: Plain = rule.get("when") if isinstance(rule, dict) else None
        if not isinstance(when, str) or not when or path not in located.scalars:
            continue
        predicate, found = parse_condition(when, Scope(columns, {}))
        places = offsets(source, located.scalars[path])
        for problem in found:
            start, last = places[min(problem.start, len(when))], places[max(0, min(problem.end, len(when)) - 1)]
            message = problem.message.replace("holds the post", "takes no job")
            problems.append(Problem(start, max(start, last) + 1, message, problem.hint))
        if predicate is not None:
            yield index, predicate


def _category(name: str, part: CategoryDocument) -> CategoryPlan:
    return CategoryPlan(
        name=name,
        title=part.title,
        severity=part.severity,
        gravest=part.gravest,
        offered=part.offered,
        double=part.double,
        second_rate=part.second_rate,
        carry_seconds=0.0 if part.gravest else part.carry_minutes * MINUTE_S,
        audit_rate=part.audit_rate,
        appeals_queue=part.appeals_queue,
        reveal=Reveal(part.reveal.blur, part.reveal.grey, part.reveal.size),
        warn=part.warn,
        reasons=tuple(Reason(reason.code, reason.title, reason.words) for reason in part.reasons),
        text=part.text.strip(),
    )


def _queue(name: str, part: QueueDocument) -> QueuePlan:
    usual = "" if part.restricted or name == ReviewQueue.ESCALATIONS else ReviewQueue.ESCALATIONS.value
    return QueuePlan(
        name=name,
        title=part.title,
        description=part.description.strip(),
        service_seconds=part.service_minutes * MINUTE_S,
        restricted=part.restricted,
        lead_only=part.lead_only,
        gold_rate=part.gold_rate,
        escalates_to=usual if part.escalates_to is None else part.escalates_to,
    )


def _rule(part: RoutingDocument, condition: Predicate) -> RoutingRule:
    return RoutingRule(
        name=part.name,
        when=part.when.strip(),
        condition=condition,
        queue=part.queue or "",
        skill=part.skill or "",
        language=part.language or "",
        severity=part.severity,
        why=part.why.strip(),
    )


def _exposure(part: ExposureDocument) -> Exposure:
    budgets: Mapping[str, Budget] = {
        name: Budget(budget.items, budget.minutes * MINUTE_S) for name, budget in part.budgets.items()
    }
    return Exposure(
        shift_seconds=part.shift_hours * 60 * MINUTE_S,
        budgets=budgets,
        break_after_seconds=part.break_after_minutes * MINUTE_S,
        break_seconds=part.break_minutes * MINUTE_S,
    )
