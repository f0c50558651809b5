"""When evidence is preserved by itself: a restricted job is opened, or something is rejected for the gravest harm.

The hold is placed before anything else happens. If it cannot be placed, the job is not shown and the decision not
taken; if what follows fails, the hold stays, which harms nobody.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from moderation.domain.decision import Action
from moderation.domain.ids import PostId
from moderation.domain.people import Person
from moderation.review.plan import Plan

OPENED = "A job of the restricted queue {} was opened."
REJECTED = "It was rejected under {}."


class Evidence(Protocol):
    """Where holds are kept."""

    def place(self, post_ids: Collection[PostId], reason: str, *, person: Person, now: datetime) -> list[PostId]:
        """Hold the posts; returns the newly held ones."""
        ...


class Custody:
    """Places holds by the plan."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def opened(
        self, plan: Plan, queue: str, post_ids: Collection[PostId], *, person: Person, now: datetime
    ) -> list[PostId]:
        """A person opens a job of `queue`: holds its posts when the queue is restricted and the plan names it.

        A queue that the plan does not know is closed to most people, but holds nothing: its name says nothing of harm.
        """
        rules = plan.queue(queue)
        if not rules.restricted or not rules.known or not post_ids:
            return []
        return self._evidence.place(post_ids, OPENED.format(queue), person=person, now=now)

    def deciding(
        self, plan: Plan, action: Action, category: str, post_ids: Collection[PostId], *, person: Person, now: datetime
    ) -> list[PostId]:
        """A person is about to decide about the posts: holds them when they are rejected for the gravest harm."""
        if action not in {Action.REJECT, Action.UPHOLD} or not plan.category(category).gravest or not post_ids:
            return []
        return self._evidence.place(post_ids, REJECTED.format(category), person=person, now=now)
