"""What a binding decision does to a post that is in some state by the time it settles. Pure."""

from dataclasses import dataclass

from moderation.domain.decision import Action, Fate
from moderation.domain.job import JobKind
from moderation.domain.post import PostState, check_transition

_GONE = frozenset({PostState.REJECTED, PostState.WITHDRAWN})
_IN = frozenset({PostState.APPROVED, PostState.PUBLISHED})


@dataclass(frozen=True, slots=True)
class PostOutcome:
    """`state` is the new one, None when it stays; `overturned`: no automatic rule acts on the post again."""

    fate: Fate
    state: PostState | None = None
    overturned: bool = False


CONFIRMED = PostOutcome(Fate.SETTLED)
SUPERSEDED = PostOutcome(Fate.SUPERSEDED)


def post_outcome(kind: JobKind, action: Action, state: PostState) -> PostOutcome:
    """How the decision ends.

    Only an appeal or a disagreement brings back a post that was rejected; an ordinary approval came too late for it.
    """
    found = _outcome(kind, action, state)
    if found.state is not None:
        check_transition(state, found.state)
    return found


def _outcome(kind: JobKind, action: Action, state: PostState) -> PostOutcome:
    if action is Action.UPHOLD:
        return CONFIRMED if state in _GONE else SUPERSEDED
    if action is Action.REJECT:
        return _rejected(state)
    return _let_in(kind, state, overturns=action is Action.OVERTURN) if action.publishes else SUPERSEDED


def _let_in(kind: JobKind, state: PostState, *, overturns: bool) -> PostOutcome:
    if state in _IN:
        return PostOutcome(Fate.SETTLED, overturned=overturns)
    if state in _GONE and (overturns or kind is JobKind.DISAGREEMENT):
        return PostOutcome(Fate.SETTLED, PostState.APPROVED, overturned=True)
    if state is PostState.HELD and not overturns:
        return PostOutcome(Fate.SETTLED, PostState.APPROVED)
    return SUPERSEDED


def _rejected(state: PostState) -> PostOutcome:
    if state in _GONE:
        return CONFIRMED
    if state is PostState.PUBLISHED:
        return PostOutcome(Fate.SETTLED, PostState.WITHDRAWN)
    if state in {PostState.HELD, PostState.APPROVED}:
        return PostOutcome(Fate.SETTLED, PostState.REJECTED)
    return SUPERSEDED
