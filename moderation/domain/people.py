"""The people who use the console: what their role lets them do, and which queues they were let into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from moderation.domain.ids import AccountId


class Role(StrEnum):
    """A person's one role."""

    MODERATOR = "moderator"
    SENIOR = "senior"
    POLICY = "policy"
    ADMIN = "admin"
    AUDITOR = "auditor"


class Capability(StrEnum):
    """What a route of the console asks for. Queues are granted beside these, one by one."""

    DECIDE = "decide"
    """Take jobs of granted queues and decide them; also one's own preferences, quality and exposure."""
    READ_POSTS = "read_posts"
    """Search posts and read their pages; restricted posts still need a grant for their queue."""
    LEAD = "lead"
    """Dashboards, everybody's quality, hand over other people's jobs, gold items."""
    PLAN = "plan"
    """Edit queues, routing, categories and budgets."""
    ACCOUNTS = "accounts"
    """Make, disable and grant accounts, end sessions."""
    AUDIT = "audit"
    """Read the audit log."""
    READ_BANKS = "read_banks"
    """See the banks of known pictures and their entries; hashes are shown to nobody."""
    BANKS = "banks"
    """Change banks and their entries, bank any post that one may see, and use exchanges and sweeps."""
    BANK_DECIDED = "bank_decided"
    """Bank the picture of a post that was rejected: one's own decision, or with `LEAD` anybody's."""


CAPABILITIES: Mapping[Role, frozenset[Capability]] = {
    Role.MODERATOR: frozenset({Capability.DECIDE, Capability.READ_POSTS, Capability.BANK_DECIDED}),
    Role.SENIOR: frozenset(
        {
            Capability.DECIDE,
            Capability.READ_POSTS,
            Capability.LEAD,
            Capability.READ_BANKS,
            Capability.BANK_DECIDED,
        }
    ),
    Role.POLICY: frozenset(
        {Capability.READ_POSTS, Capability.LEAD, Capability.PLAN, Capability.READ_BANKS, Capability.BANKS}
    ),
    Role.ADMIN: frozenset(
        {
            Capability.READ_POSTS,
            Capability.LEAD,
            Capability.PLAN,
            Capability.ACCOUNTS,
            Capability.READ_BANKS,
            Capability.BANKS,
        }
    ),
    Role.AUDITOR: frozenset({Capability.READ_POSTS, Capability.AUDIT}),
}
"""No role but moderator and senior decides, and nobody both edits accounts and reads the audit log of it alone."""


@dataclass(frozen=True, slots=True)
class Person:
    """An account that is in use, as the console sees it.

    `queues` are the granted ones; no role implies any. `languages` are BCP 47 primary tags, `skills` free words that
    routing rules ask for. `preferences` is what the person set, by name.
    """

    id: AccountId
    name: str
    display_name: str
    role: Role
    queues: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    skills: frozenset[str] = frozenset()
    preferences: Mapping[str, object] = field(default_factory=dict)
    created_at: datetime | None = None
    disabled_at: datetime | None = None

    def may(self, capability: Capability) -> bool:
        """Whether the role has the capability."""
        return capability in CAPABILITIES[self.role]

    @property
    def actor(self) -> str:
        """How the audit log names the person."""
        return f"account:{self.name}"
