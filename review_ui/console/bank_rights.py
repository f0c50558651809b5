"""Who may bank the picture of a post: whoever keeps banks, and whoever decides, where the post was rejected."""

from collections.abc import Sequence
from dataclasses import dataclass

from moderation.domain.bank import Bank, BankEffect
from moderation.domain.decision import Action, Decision, Fate
from moderation.domain.errors import ConflictError, ForbiddenError, ModerationError
from moderation.domain.people import Capability, Person

REJECTING = frozenset({Action.REJECT, Action.UPHOLD})
DECIDERS_EFFECTS = frozenset({BankEffect.BLOCK, BankEffect.REVIEW})
"""Banks into which a rejection leads; what is known to be harmless is for those who keep banks."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is decided about a post: its newest decision that counts, None without one."""

    decision: Decision | None

    @property
    def pending(self) -> bool:
        """Whether it is not in effect yet, and may still be undone."""
        return self.decision is not None and self.decision.fate is None

    @property
    def rejects(self) -> bool:
        """Whether it rejected the post, for good as far as anybody knows."""
        found = self.decision
        return found is not None and found.fate is Fate.SETTLED and found.action in REJECTING


def standing_of(decisions: Sequence[Decision]) -> Standing:
    """What the decisions, oldest first, come to."""
    counting = [one for one in decisions if one.binding and one.fate is not Fate.UNDONE]
    return Standing(counting[-1] if counting else None)


def may_ask(person: Person) -> bool:
    """Whether the person may bank any picture at all."""
    return person.may(Capability.BANKS) or person.may(Capability.BANK_DECIDED)


def objection(person: Person, decisions: Sequence[Decision], *, blind: bool) -> ModerationError | None:
    """Why the person may not bank the post's picture, or None.

    Nobody banks on a decision that can still be undone. Whoever decides banks what was rejected: moderators what they
    rejected themselves, leads also what others did, and nobody a post that they are still asked to look at `blind`.
    """
    standing, keeps = standing_of(decisions), person.may(Capability.BANKS)
    if not may_ask(person):
        return ForbiddenError("Your role does not include this.")
    if blind and not keeps:
        return ForbiddenError("You are asked to decide about this post yourself, without knowing what others did.")
    if standing.pending:
        return ConflictError("The decision is not in effect yet, and can be undone.", hint="Try again in a moment.")
    return None if keeps else _deciders_objection(person, standing)


def _deciders_objection(person: Person, standing: Standing) -> ModerationError | None:
    if not standing.rejects or standing.decision is None:
        return ForbiddenError(
            "Only the picture of a post that was rejected can be banked.",
            hint="Whoever keeps the banks can add others.",
        )
    if standing.decision.account != person.id and not person.may(Capability.LEAD):
        return ForbiddenError(
            "Somebody else rejected this post.", hint="They can bank its picture, and so can a senior."
        )
    return None


def open_banks(person: Person, banks: Sequence[Bank]) -> list[Bank]:
    """The banks that the person may add to, in their order."""
    return [bank for bank in banks if person.may(Capability.BANKS) or bank.effect in DECIDERS_EFFECTS]
