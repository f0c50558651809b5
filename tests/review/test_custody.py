from collections.abc import Collection
from datetime import datetime

import pytest

from moderation.domain.decision import Action
from moderation.domain.errors import UnavailableError
from moderation.domain.ids import AccountId, PostId
from moderation.domain.people import Person, Role
from moderation.review.custody import Custody
from tests.factories import NOW
from tests.review.plans import small

PERSON = Person(AccountId("ada"), "ada", "Ada", Role.MODERATOR)
POSTS = [PostId("one"), PostId("two")]


class Evidence:
    def __init__(self, *, away: bool = False) -> None:
        self.placed: list[tuple[list[PostId], str]] = []
        self._away = away

    def place(self, post_ids: Collection[PostId], reason: str, *, person: Person, now: datetime) -> list[PostId]:
        assert (person, now) == (PERSON, NOW)
        if self._away:
            raise UnavailableError("away")
        self.placed.append((list(post_ids), reason))
        return list(post_ids)


@pytest.mark.parametrize(("queue", "held"), [("closed", True), ("vault", True), ("spam", False), ("gone", False)])
def test_opening_a_restricted_job_holds_its_posts(queue: str, *, held: bool) -> None:
    evidence = Evidence()
    found = Custody(evidence).opened(small(), queue, POSTS, person=PERSON, now=NOW)
    assert found == (POSTS if held else [])
    assert evidence.placed == ([(POSTS, f"A job of the restricted queue {queue} was opened.")] if held else [])


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("category", ["minors", "spam", "gone", ""])
def test_rejecting_for_the_gravest_harm_holds_the_posts(action: Action, category: str) -> None:
    evidence = Evidence()
    Custody(evidence).deciding(small(), action, category, POSTS, person=PERSON, now=NOW)
    gravest = category == "minors" and action in {Action.REJECT, Action.UPHOLD}
    assert evidence.placed == ([(POSTS, "It was rejected under minors.")] if gravest else [])


def test_nothing_goes_on_when_evidence_cannot_be_held() -> None:
    custody = Custody(Evidence(away=True))
    with pytest.raises(UnavailableError):
        custody.opened(small(), "closed", POSTS, person=PERSON, now=NOW)
    with pytest.raises(UnavailableError):
        custody.deciding(small(), Action.REJECT, "minors", POSTS, person=PERSON, now=NOW)


def test_no_post_no_hold() -> None:
    evidence = Evidence()
    Custody(evidence).opened(small(), "closed", [], person=PERSON, now=NOW)
    Custody(evidence).deciding(small(), Action.REJECT, "minors", [], person=PERSON, now=NOW)
    assert evidence.placed == []
