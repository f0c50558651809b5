"""Examples that a policy must judge right: what an ordinary post measures, and what differs in each case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, ValidationError

from moderation.domain.signal import (
    Column,
    ColumnKind,
    FailureReason,
    Score,
    SignalFailure,
    SignalResult,
    SignalSpec,
    Value,
)
from moderation.domain.verdict import Judgement, RuleStatus, Verdict
from moderation.policy.document import Identifier, Name, Part, Prose, document_problems
from moderation.policy.evaluate import Policy
from moderation.policy.frame import fits
from moderation.policy.problems import InvalidPolicyError, Problem, SourceText, did_you_mean
from moderation.policy.source import Extent, Located, Path, read_yaml

Measured: TypeAlias = dict[str, bool | int | float | str | None]


class ExpectedDocument(Part):
    """What the policy must say. `rule` is the deciding live rule, "" for none; `queue` only for held posts."""

    verdict: Literal["approve", "hold", "reject"]
    rule: str = ""
    queue: Name | None = None
    shadow: list[Identifier] = Field(default_factory=list)
    """Shadow rules that are true."""


class CaseDocument(Part):
    """One post: what it measures otherwise than an ordinary one, and which signals fail."""

    name: Prose
    measured: Measured = Field(default_factory=dict)
    failed: list[str] = Field(default_factory=list)
    expect: ExpectedDocument


class CasesDocument(Part):
    """A file of cases. `ordinary` has every column that the policy reads, those that can be unknown aside."""

    version: Literal[1]
    policy: Name
    ordinary: Measured
    cases: Annotated[list[CaseDocument], Field(min_length=1, max_length=2_000)]


@dataclass(frozen=True, slots=True)
class Case:
    """One example, as the results that signals would have given."""

    name: str
    results: tuple[SignalResult, ...]
    expect: ExpectedDocument


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What the policy made of a case, and how that differs from what was expected (empty: it does not)."""

    case: Case
    judgement: Judgement
    differences: tuple[str, ...]


def read_cases(text: str, policy: Policy, *, source: str) -> tuple[Case, ...]:
    """The cases of a file for `policy`. Raises `PolicyError` with every problem of the file."""
    document_text = SourceText(text, source)
    located = read_yaml(document_text)
    problems = list(located.problems)
    document = None
    if not problems:
        try:
            document = CasesDocument.model_validate(located.value)
            problems += _problems(document, located, policy)
        except ValidationError as error:
            problems += document_problems(error, located, CasesDocument)
    if problems or document is None:
        raise InvalidPolicyError(document_text, problems, what="file of cases")
    return tuple(
        Case(case.name, _results(policy.specs, document.ordinary | case.measured, case.failed), case.expect)
        for case in document.cases
    )


def run_cases(policy: Policy, cases: Sequence[Case]) -> list[CaseOutcome]:
    """Judge every case, in order."""
    judgements = policy.judge([case.results for case in cases])
    return [
        CaseOutcome(case, judgement, tuple(_differences(case.expect, judgement)))
        for case, judgement in zip(cases, judgements, strict=True)
    ]


def untried_rules(policy: Policy, outcomes: Sequence[CaseOutcome]) -> list[str]:
    """Active rules that are true in no case."""
    tried = {hit.rule for outcome in outcomes for hit in outcome.judgement.hits if hit.truth == "true"}
    return [rule.name for rule in policy.active if rule.name not in tried]


def deciding_rule(judgement: Judgement) -> str:
    """The live rule that a verdict is owed to, "" if it is owed to none."""
    live = (hit for hit in judgement.hits if hit.status is RuleStatus.LIVE and hit.truth == "true")
    first = next(live, None)
    return first.rule if first is not None else ""


def _differences(expect: ExpectedDocument, judgement: Judgement) -> list[str]:
    shadow = {hit.rule for hit in judgement.hits if hit.status is RuleStatus.SHADOW and hit.truth == "true"}
    pairs: list[tuple[str, object, object]] = [
        ("verdict", expect.verdict, judgement.verdict.value),
        ("rule", expect.rule, deciding_rule(judgement)),
        ("shadow rules", sorted(expect.shadow), sorted(shadow)),
    ]
    if expect.queue is not None or judgement.verdict is not Verdict.HOLD:
        pairs.append(("queue", expect.queue or "", str(judgement.queue)))
    return [
        f"{name} is {found or 'none'}, expected {wanted or 'none'}" for name, wanted, found in pairs if wanted != found
    ]


def _problems(document: CasesDocument, located: Located, policy: Policy) -> list[Problem]:
    columns = {column.name: column for spec in policy.specs for column in spec.columns}
    problems = _measured_problems(document.ordinary, ("ordinary",), located, columns)
    needed = {name for name, column in policy.columns.items() if not column.nullable}
    extent = located.key(("ordinary",))
    problems += [
        _problem(extent, f"{name} is missing from the ordinary post", "the policy reads it")
        for name in sorted(needed - document.ordinary.keys())
    ]
    if document.policy != policy.name:
        problems.append(_problem(located.at(("policy",)), f"the policy is named {policy.name}"))
    for index, case in enumerate(document.cases):
        path: Path = ("cases", index)
        problems += _measured_problems(case.measured, (*path, "measured"), located, columns)
        signals = [spec.name for spec in policy.specs]
        for number, name in enumerate(case.failed):
            if name not in signals:
                extent = located.at((*path, "failed", number))
                problems.append(_problem(extent, f'no signal is named "{name}"', did_you_mean(name, signals)))
        rules = [rule.name for rule in policy.rules]
        if case.expect.rule and case.expect.rule not in rules:
            extent = located.at((*path, "expect", "rule"))
            hint = did_you_mean(case.expect.rule, rules)
            problems.append(_problem(extent, f'no rule is named "{case.expect.rule}"', hint))
    return problems


def _measured_problems(
    values: Mapping[str, Value], path: Path, located: Located, columns: Mapping[str, Column]
) -> list[Problem]:
    problems = []
    for name, value in values.items():
        if name not in columns:
            extent = located.key((*path, name))
            problems.append(_problem(extent, f'unknown column "{name}"', did_you_mean(name, columns)))
        elif not fits(value, columns[name]):
            problems.append(_problem(located.at((*path, name)), f"{name} cannot be {value!r}"))
    return problems


def _problem(extent: Extent, message: str, hint: str = "") -> Problem:
    return Problem(extent.start, extent.end, message, hint)


def _results(
    specs: Sequence[SignalSpec], values: Mapping[str, Value], failed: Sequence[str]
) -> tuple[SignalResult, ...]:
    return tuple(
        SignalFailure(spec.name, FailureReason.ERROR)
        if spec.name in failed
        else Score(spec.name, {column.name: values.get(column.name, column_default(column)) for column in spec.columns})
        for spec in specs
    )


def column_default(column: Column) -> Value:
    """A value for a column that no rule reads: NULL where it may be, else the least that fits."""
    if column.nullable:
        return None
    if column.kind is ColumnKind.BOOLEAN:
        return False
    if column.kind is ColumnKind.TEXT:
        return column.choices[0] if column.choices else ""
    return column.low or 0
