"""Contradictions inside a review plan: names that lead nowhere, and ways out of a restricted queue."""

from collections.abc import Iterator, Sequence

from moderation.policy.problems import Problem, did_you_mean
from moderation.policy.source import Located, Path, Plain
from moderation.review.plan import REQUIRED_QUEUES


def meaning_problems(located: Located) -> Iterator[Problem]:
    """Everything that is well-formed and cannot be meant."""
    document = _mapping(located.value)
    queues, categories = _mapping(document.get("queues")), _mapping(document.get("categories"))
    if queues:
        yield from _missing_queues(located, queues)
        yield from _escalations(located, queues)
        yield from _routing_problems(located, _list(document.get("routing")), queues)
        yield from _appeals(located, categories, queues)
    yield from _category_problems(located, categories)
    yield from _unknown_budgets(located, document, categories)


def _missing_queues(located: Located, queues: dict[str, Plain]) -> Iterator[Problem]:
    for name in REQUIRED_QUEUES:
        if name not in queues:
            yield _at_key(located, ("queues",), f'the queue "{name}" is missing', "posts are sent there by the system")


def _escalations(located: Located, queues: dict[str, Plain]) -> Iterator[Problem]:
    for name, part in queues.items():
        target = _mapping(part).get("escalates_to")
        path: Path = ("queues", name, "escalates_to")
        yield from _known_queue(located, path, target, queues)
        if target == name:
            yield _at(located, path, "a queue cannot escalate to itself")
        if _restricted(queues, name) and _named(target, queues) and not _restricted(queues, target):
            yield _at(located, path, f'"{name}" is restricted and "{target}" is not', "name a restricted queue")


def _appeals(located: Located, categories: dict[str, Plain], queues: dict[str, Plain]) -> Iterator[Problem]:
    for name, part in categories.items():
        target = _mapping(part).get("appeals_queue")
        path: Path = ("categories", name, "appeals_queue")
        yield from _known_queue(located, path, target, queues)
        if _mapping(part).get("gravest") is True and not _restricted(queues, "appeals" if target is None else target):
            problem = "appeals against a rejection for the gravest harm wait in a restricted queue"
            yield _at_key(located, path, problem, "add appeals_queue: … with a queue that is restricted")


def _routing_problems(located: Located, rules: Sequence[Plain], queues: dict[str, Plain]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        part = _mapping(rule)
        name = part.get("name")
        if isinstance(name, str) and name in seen:
            yield _at(located, ("routing", index, "name"), f'an earlier rule is named "{name}" too')
        seen.add(str(name))
        yield from _known_queue(located, ("routing", index, "queue"), part.get("queue"), queues)
        if "name" in part and not {"queue", "skill", "language", "severity"} & part.keys():
            hint = "add queue, skill, language or severity"
            yield _at(located, ("routing", index, "name"), f'the rule "{name}" changes nothing', hint)


def _category_problems(located: Located, categories: dict[str, Plain]) -> Iterator[Problem]:
    for name, value in categories.items():
        part = _mapping(value)
        if part.get("offered") is not False and part.get("reasons") in (None, []) and part:
            hint = "add reasons: with at least one, or offered: false"
            yield _at_key(located, ("categories", name), f'a rejection under "{name}" needs a reason to name', hint)
        if part.get("gravest") is True and part.get("carry_minutes"):
            path: Path = ("categories", name, "carry_minutes")
            yield _at(located, path, "a decision about the gravest harm is never carried to later posts", "remove it")
        seen: set[str] = set()
        for index, reason in enumerate(_list(part.get("reasons"))):
            code = str(_mapping(reason).get("code"))
            if code in seen:
                path = ("categories", name, "reasons", index, "code")
                yield _at(located, path, f'an earlier reason has the code "{code}" too')
            seen.add(code)


def _unknown_budgets(located: Located, document: dict[str, Plain], categories: dict[str, Plain]) -> Iterator[Problem]:
    for name in _mapping(_mapping(document.get("exposure")).get("budgets")):
        if name not in categories:
            path: Path = ("exposure", "budgets", name)
            yield _at_key(located, path, f'no category is named "{name}"', did_you_mean(name, categories))


def _known_queue(located: Located, path: Path, target: Plain, queues: dict[str, Plain]) -> Iterator[Problem]:
    if isinstance(target, str) and target not in queues:
        yield _at(located, path, f'no queue is named "{target}"', did_you_mean(target, queues))


def _named(target: Plain, queues: dict[str, Plain]) -> bool:
    return isinstance(target, str) and target in queues


def _restricted(queues: dict[str, Plain], name: Plain) -> bool:
    return isinstance(name, str) and _mapping(queues.get(name)).get("restricted") is True


def _at(located: Located, path: Path, message: str, hint: str = "") -> Problem:
    extent = located.at(path)
    return Problem(extent.start, extent.end, message, hint)


def _at_key(located: Located, path: Path, message: str, hint: str = "") -> Problem:
    extent = located.keys.get(path) or located.keys.get(path[:-1]) or located.at(path)
    return Problem(extent.start, extent.end, message, hint)


def _mapping(value: Plain) -> dict[str, Plain]:
    return value if isinstance(value, dict) else {}


def _list(value: Plain) -> list[Plain]:
    return value if isinstance(value, list) else []
