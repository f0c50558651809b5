"""From a policy document's text to a policy that judges; every problem of the document is reported at once."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from moderation.domain.ids import Digest
from moderation.domain.signal import Column, SignalSpec
from moderation.domain.verdict import RuleStatus, SystemQueue, Verdict
from moderation.policy.condition import Constant, Predicate, atoms, leaves, operands
from moderation.policy.document import PolicyDocument, RuleDocument, document_problems
from moderation.policy.evaluate import Policy
from moderation.policy.grammar import Scope, parse_condition
from moderation.policy.problems import InvalidPolicyError, Problem, SourceText, did_you_mean
from moderation.policy.rule import Rule, Threshold
from moderation.policy.source import Located, Path, Plain, offsets, read_yaml

__all__ = ["Policy", "compile_policy"]


def compile_policy(text: str, specs: Sequence[SignalSpec], *, source: str) -> Policy:
    """Check and compile a policy document against the signal catalog.

    `source` names the document in messages. Raises `PolicyError` with every problem, each with line, column and hint;
    raises ValueError if two specs share a signal or column name.
    """
    columns = _columns(specs)
    document_text = SourceText(text, source)
    located = read_yaml(document_text)
    problems = list(located.problems)
    document = _document(located, problems)
    scope = Scope(columns, _thresholds(located.value))
    conditions = dict(_conditions(document_text, located, scope, problems))
    problems += _meaning_problems(located, scope, specs, conditions)
    if problems or document is None:
        raise InvalidPolicyError(document_text, problems)
    return Policy(
        digest=Digest(hashlib.sha256(text.encode()).hexdigest()),
        name=document.name,
        description=document.description,
        source=source,
        specs=tuple(specs),
        thresholds={name: Threshold(name, part.value, part.why) for name, part in document.thresholds.items()},
        rules=tuple(_rule(part, conditions[index]) for index, part in enumerate(document.rules)),
        failure_queues={name: part.queue for name, part in document.failures.items()},
    )


def _columns(specs: Sequence[SignalSpec]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    names = [spec.name for spec in specs]
    if len(set(names)) < len(names):
        raise ValueError(f"Two signals have the same name: {sorted(names)}")
    for spec in specs:
        for column in spec.columns:
            if column.name in columns:
                raise ValueError(f"Two signals have the column {column.name}")
            columns[column.name] = column
    return columns


def _document(located: Located, problems: list[Problem]) -> PolicyDocument | None:
    if located.value is None and located.problems:
        return None
    try:
        return PolicyDocument.model_validate(located.value)
    except ValidationError as error:
        problems += document_problems(error, located, PolicyDocument)
        return None


def _thresholds(document: Plain) -> dict[str, int | float | None]:
    """Every threshold that is named, so that a wrong value is reported once and not at each use."""
    found: dict[str, int | float | None] = {}
    for name, part in _mapping(_mapping(document).get("thresholds")).items():
        value = _mapping(part).get("value")
        found[name] = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    return found


def _conditions(
    source: SourceText, located: Located, scope: Scope, problems: list[Problem]
) -> Iterator[tuple[int, Predicate]]:
    """The conditions that are right, by rule number; the problems of the others are appended."""
    for index, rule in enumerate(_list(_mapping(located.value).get("rules"))):
        path: Path = ("rules", index, "when")
        when = _mapping(rule).get("when")
        if not isinstance(when, str) or not when or path not in located.scalars:
            continue
        predicate, found = parse_condition(when, scope)
        places = offsets(source, located.scalars[path])
        for problem in found:
            start, last = places[min(problem.start, len(when))], places[max(0, min(problem.end, len(when)) - 1)]
            problems.append(Problem(start, max(start, last) + 1, problem.message, problem.hint))
        if predicate is not None:
            yield index, predicate


def _meaning_problems(
    located: Located, scope: Scope, specs: Sequence[SignalSpec], conditions: Mapping[int, Predicate]
) -> Iterator[Problem]:
    """Contradictions between the parts of the document."""
    document = _mapping(located.value)
    rules = _list(document.get("rules"))
    yield from _rule_problems(located, rules)
    names = [spec.name for spec in specs]
    for name in _mapping(document.get("failures")):
        if name not in names:
            extent = located.key(("failures", name))
            yield Problem(extent.start, extent.end, f'no signal is named "{name}"', did_you_mean(name, names))
    used = {
        atom.threshold
        for predicate in conditions.values()
        for leaf in leaves(predicate)
        for operand in operands(leaf)
        for atom in atoms(operand)
        if isinstance(atom, Constant)
    }
    for name in scope.thresholds:
        extent = located.key(("thresholds", name))
        if name in scope.columns:
            yield Problem(extent.start, extent.end, f'"{name}" is also a column', "give the threshold another name")
        elif name not in used and len(conditions) == len(rules):
            yield Problem(extent.start, extent.end, f'no rule uses the threshold "{name}"', "use it or remove it")


def _rule_problems(located: Located, rules: Sequence[Plain]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        part = _mapping(rule)
        name, verdict, queue = part.get("name"), part.get("verdict"), part.get("queue")
        if isinstance(name, str) and name in seen:
            extent = located.at(("rules", index, "name"))
            yield Problem(extent.start, extent.end, f'an earlier rule is named "{name}" too')
        seen.add(str(name))
        if verdict == "hold" and "queue" not in part:
            extent = located.at(("rules", index, "verdict"))
            yield Problem(extent.start, extent.end, "a rule that holds needs a queue", "add queue: …")
        if verdict == "reject" and "queue" in part:
            extent = located.key(("rules", index, "queue"))
            yield Problem(extent.start, extent.end, "a rejected post waits in no queue", "remove the queue")
        if queue in list(SystemQueue):
            extent = located.at(("rules", index, "queue"))
            yield Problem(extent.start, extent.end, f'"{queue}" is for failures, no rule may use it')


def _rule(part: RuleDocument, condition: Predicate) -> Rule:
    return Rule(
        name=part.name,
        status=RuleStatus(part.status),
        when=part.when.strip(),
        condition=condition,
        verdict=Verdict(part.verdict),
        queue=part.queue or "",
        category=part.category or "",
        reason=part.reason.strip(),
        why=part.why.strip(),
    )


def _mapping(value: Plain) -> dict[str, Plain]:
    return value if isinstance(value, dict) else {}


def _list(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else []
