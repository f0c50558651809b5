"""Which account an identity of the provider is, and what its groups say of the role. Nobody gets in by their name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from moderation.domain.errors import ConflictError, ForbiddenError, InvalidInputError
from moderation.domain.people import Person, Role
from moderation.storage.accounts.account_words import MAX_DISPLAY_CHARS
from moderation.storage.accounts.people import NewAccount, PeopleStore

ACTOR = "system:oidc"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the provider signed in. Only `issuer` and `subject` identify; `name` is what the person may have chosen."""

    issuer: str
    subject: str
    name: str = ""
    display_name: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """What the settings say. `by_group`: the groups decide on the role at every sign-in, through `roles`."""

    by_group: bool = False
    roles: Mapping[str, Role] | None = None
    create: bool = False


class NotAdmittedError(ForbiddenError):
    """The provider knows the person; this installation does not let them in."""

    code = "not_admitted"


def admit(people: PeopleStore, identity: Identity, rules: IdentityRules, *, now: datetime) -> Person:
    """The person whose identity it is. Raises `NotAdmittedError`.

    With `by_group`, a person without a group that has a role stays outside, and everybody else has that role from now
    on. Without an account, one is made only where `create` says so: a moderator without queues, unless the groups say
    otherwise. An account of the same name is never taken over: an administrator connects it.
    """
    role = _role(identity, rules)
    account = people.by_subject(identity.issuer, identity.subject)
    if account is None:
        return _create(people, identity, rules, role or Role.MODERATOR, now)
    person = account.person
    if person.disabled_at is not None:
        raise NotAdmittedError("This account is disabled.")
    if role is not None and role is not person.role:
        return people.set_role(person.id, role, actor=ACTOR, now=now)
    return person


def _role(identity: Identity, rules: IdentityRules) -> Role | None:
    if not rules.by_group:
        return None
    for group, role in (rules.roles or {}).items():
        if group in identity.groups:
            return role
    raise NotAdmittedError("None of your groups has a role here.")


def _create(people: PeopleStore, identity: Identity, rules: IdentityRules, role: Role, now: datetime) -> Person:
    if not rules.create:
        raise NotAdmittedError("You have no account here.", hint="An administrator can connect one to your identity.")
    display = "".join(character for character in identity.display_name if character.isprintable())
    new = NewAccount(
        name=identity.name.strip().lower(),
        role=role,
        display_name=display[:MAX_DISPLAY_CHARS],
        issuer=identity.issuer,
        subject=identity.subject,
    )
    try:
        return people.create(new, actor=ACTOR, now=now)
    except InvalidInputError as error:
        raise NotAdmittedError("The identity provider gave no usable name for your account.") from error
    except ConflictError as error:
        raise NotAdmittedError(
            "There is an account with your name already.", hint="An administrator can connect it to your identity."
        ) from error
