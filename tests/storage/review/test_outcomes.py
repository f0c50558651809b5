"""Every kind of decision on a post in every state."""

from itertools import product

import pytest

from moderation.domain.decision import Action, Fate
from moderation.domain.job import JobKind
from moderation.domain.post import TRANSITIONS, PostState
from moderation.storage.review.outcomes import post_outcome

EVERYTHING = list(product(JobKind, Action, PostState))
OUT = {PostState.REJECTED, PostState.WITHDRAWN}
IN = {PostState.APPROVED, PostState.PUBLISHED}


@pytest.mark.parametrize(("kind", "action", "state"), EVERYTHING)
def test_a_decision_moves_a_post_only_where_its_action_says(kind: JobKind, action: Action, state: PostState) -> None:
    found = post_outcome(kind, action, state)
    after = found.state or state
    if found.state is not None:
        assert found.fate is Fate.SETTLED
        assert found.state in TRANSITIONS[state]
        assert found.state is not PostState.PUBLISHED
    if found.fate is Fate.SETTLED:
        assert after in (IN if action.publishes else OUT)
    if after in IN and state in OUT:
        assert found.overturned
        assert action is Action.OVERTURN or (action is Action.APPROVE and kind is JobKind.DISAGREEMENT)
    if action in {Action.UPHOLD, Action.ESCALATE} or state in {PostState.RECEIVED, PostState.SCREENING}:
        assert found.state is None
