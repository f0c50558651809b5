"""A person at work: what decides which jobs the queue offers them."""

from dataclasses import dataclass

from moderation.domain.ids import AccountId
from moderation.domain.people import Person, Role


@dataclass(frozen=True, slots=True)
class Worker:
    """`queues` are the granted ones that the person works in now, `languages` BCP 47 primary tags, `skills` free words.

    Nothing of the categories in `avoid` is offered: a budget is spent, or the person asked not to see them.
    Disagreements between others are offered to `senior` people only.
    """

    account: AccountId
    name: str
    queues: frozenset[str]
    languages: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    avoid: frozenset[str] = frozenset()
    senior: bool = False

    @classmethod
    def of(cls, person: Person, *, avoid: frozenset[str] = frozenset()) -> "Worker":
        """The person at work in every queue that was granted to them."""
        return cls(
            account=person.id,
            name=person.name,
            queues=person.queues,
            languages=person.languages,
            skills=person.skills,
            avoid=avoid,
            senior=person.role is Role.SENIOR,
        )
