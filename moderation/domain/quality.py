"""What is measured of reviewers: gold items with their answers, and posts that several people rated."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from moderation.domain.decision import Action
from moderation.domain.ids import AccountId, PostId

GOLD_RATER = "gold"
"""Stands for the right answer where ratings are given by account."""


def label_of(action: Action, category: str) -> str:
    """What is compared between raters: the action, and for a rejection the category too."""
    return f"{action.value}:{category}" if action is Action.REJECT else action.value


@dataclass(frozen=True, slots=True)
class GoldItem:
    """A post whose right answer is known. `asked` counts the people who answered."""

    id: str
    post_id: PostId
    queue: str
    action: Action
    category: str
    note: str
    added_by: AccountId
    added_at: datetime
    retired_at: datetime | None = None
    asked: int = 0


@dataclass(frozen=True, slots=True)
class GoldResult:
    """One person's final answer to a gold item, beside the right one; `note` says why it is right."""

    gold_id: str
    post_id: PostId
    account: AccountId
    queue: str
    expected_action: Action
    expected_category: str
    given_action: Action
    given_category: str
    note: str
    decided_at: datetime

    @property
    def agreed(self) -> bool:
        """Whether the answer was the right one."""
        expected = label_of(self.expected_action, self.expected_category)
        return label_of(self.given_action, self.given_category) == expected


@dataclass(frozen=True, slots=True)
class ReviewedUnit:
    """A post that was rated more than once: `ratings` maps account (or `GOLD_RATER`) to a label of `label_of`.

    `category` is the job's: the harm that was suspected.
    """

    post_id: PostId
    category: str
    ratings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AppealedDecision:
    """Somebody's rejection whose appeal was answered at `resolved_at`."""

    post_id: PostId
    account: AccountId
    category: str
    decided_at: datetime
    resolved_at: datetime
    overturned: bool
