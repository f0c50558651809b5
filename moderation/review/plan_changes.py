"""What saving a plan would change, in words: safeguards that become looser, and jobs that nobody could take."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from moderation.domain.people import Capability, Person, Role
from moderation.review.plan import Plan, RoutingRule

CONTEXT_LINES = 3


class Rules(Protocol):
    """What is asked of a policy's rules."""

    @property
    def queue(self) -> str:
        """Where held posts wait, or ""."""
        ...

    @property
    def category(self) -> str:
        """The harm, or ""."""
        ...


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a difference: `kind` is "add", "remove", "same" or "place" (a heading with line numbers)."""

    kind: str
    text: str


def difference(before: str, after: str) -> list[DiffLine]:
    """What changed between two texts, each change with three lines around it; empty when nothing did."""
    kinds = {"+": "add", "-": "remove", "@": "place", " ": "same"}
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=CONTEXT_LINES, lineterm="")
    found = [DiffLine(kinds.get(line[:1], "same"), line if line[:1] == "@" else line[1:]) for line in lines]
    return found[2:]


def loosened(before: Plan, after: Plan) -> list[str]:
    """Safeguards that `after` takes away from what `before` protects; a person must say that each is meant."""
    found = []
    for name, queue in before.queues.items():
        if queue.restricted and not after.queue(name).restricted:
            found.append(
                f"The queue {name} would no longer be restricted: everybody who works in it would see its jobs."
            )
    for name, old in before.categories.items():
        new = after.categories.get(name)
        if old.gravest and (new is None or not new.gravest):
            found.append(f"{name} would no longer count as the gravest harm: rejections would preserve no evidence.")
        if old.double and (new is None or not new.double):
            found.append(f"One person alone would decide about {name}.")
        if new is not None and old.warn and not new.warn:
            found.append(f"Nobody would be warned before a picture of {name}.")
    return found


def policy_gaps(plan: Plan, rules: Sequence[Rules]) -> list[str]:
    """Names that the policy uses and the plan lacks: they are treated as restricted and severe until it has them."""
    queues = sorted({rule.queue for rule in rules} - {""} - set(plan.queues))
    categories = sorted({rule.category for rule in rules} - {""} - set(plan.categories))
    return [
        *(f"The policy holds posts in the queue {name}, which the plan does not have." for name in queues),
        *(f"The policy names the category {name}, which the plan does not have." for name in categories),
    ]


def unserved(plan: Plan, people: Sequence[Person]) -> list[str]:
    """Queues, and demands of routing rules, for which there is nobody: such jobs would wait for ever."""
    working = [person for person in people if person.disabled_at is None and person.may(Capability.DECIDE)]
    found = []
    for name, queue in plan.queues.items():
        inside = [person for person in working if name in person.queues]
        if not any(person.role is Role.SENIOR or not queue.lead_only for person in inside):
            who = "senior moderator" if queue.lead_only else "moderator"
            found.append(f"No {who} works in the queue {name}.")
    return found + [
        f"The routing rule {rule.name} wants {_wanted(rule)}, and there is nobody."
        for rule in plan.routing
        if (rule.language or rule.skill) and not any(_serves(person, rule) for person in working)
    ]


def _serves(person: Person, rule: RoutingRule) -> bool:
    return (
        (not rule.queue or rule.queue in person.queues)
        and (not rule.language or rule.language in person.languages)
        and (not rule.skill or rule.skill in person.skills)
    )


def _wanted(rule: RoutingRule) -> str:
    asked = [f"speaks {rule.language}"] if rule.language else []
    asked += [f"has the skill {rule.skill}"] if rule.skill else []
    where = f" in the queue {rule.queue}" if rule.queue else ""
    return f"somebody{where} who {' and '.join(asked)}"
