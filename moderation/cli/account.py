"""`moderation account`: the console's people, for whoever runs the machine."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from moderation.assembly import now
from moderation.cli.output import console, print_json
from moderation.cli.session import session
from moderation.domain.errors import InvalidInputError
from moderation.domain.people import Role
from moderation.review.passwords import Passwords, check_password, given_password
from moderation.storage.accounts.credentials import CredentialStore
from moderation.storage.accounts.people import Account, NewAccount, PeopleStore

ACTOR = "system:cli"

app = typer.Typer(no_args_is_help=True, help="The console's people: roles, queues, first passwords.")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Name = Annotated[str, typer.Argument(help="The account.")]
Queues = Annotated[list[str], typer.Option("--queue", help="A queue; repeat.")]


@app.command()
def create(  # noqa: PLR0913, PLR0917 - each is an option
    name: Annotated[str, typer.Argument(help="Lower case; it stands in the audit log and never changes.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")],
    queue: Annotated[list[str] | None, typer.Option(help="A queue they may work in; repeat.")] = None,
    display_name: Annotated[str, typer.Option(help="What pages call them.")] = "",
    language: Annotated[list[str] | None, typer.Option(help="A language they read, e.g. en; repeat.")] = None,
    skill: Annotated[list[str] | None, typer.Option(help="A word that routing asks for; repeat.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from a pipe.")] = False,
    issuer: Annotated[str, typer.Option(help="With --subject: the identity provider that lets them in.")] = "",
    subject: Annotated[str, typer.Option(help="Their id there; then the account has no password.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an account. Without --password-stdin, a first password is printed once; the person chooses their own.

    Example: moderation account create ada --role moderator --queue hate --queue harassment
    """
    if bool(issuer) != bool(subject):
        raise InvalidInputError("--issuer and --subject belong together.")
    secret = "" if subject else _password(name, piped=password_stdin)
    new = NewAccount(
        name=name,
        role=role,
        display_name=display_name,
        queues=frozenset(queue or ()),
        languages=frozenset(language or ()),
        skills=frozenset(skill or ()),
        password_hash=Passwords().hash(secret) if secret else None,
        must_change=bool(secret) and not password_stdin,
        issuer=issuer,
        subject=subject,
    )
    with session() as opened:
        PeopleStore(opened.database).create(new, actor=ACTOR, now=now())
    _say(name, "" if password_stdin else secret, as_json=as_json, created=True)


@app.command("list")
def list_accounts(as_json: AsJson = False) -> None:
    """List the accounts, disabled ones too.

    Example: moderation account list
    """
    with session() as opened:
        rows = [_row(account) for account in PeopleStore(opened.database).everybody()]
    if as_json:
        print_json({"accounts": rows})
        return
    table = Table("name", "role", "queues", "signs in with", "created", "disabled", box=None, header_style="bold")
    for row in rows:
        table.add_row(*(" ".join(value) if isinstance(value, list) else str(value) for value in row.values()))
    console.print(table)


@app.command()
def grant(name: Name, queue: Queues, as_json: AsJson = False) -> None:
    """Let somebody work in queues, beside those they have. A restricted queue is granted only by naming it.

    Example: moderation account grant ada --queue violence
    """
    _change_queues(name, add=frozenset(queue), remove=frozenset(), as_json=as_json)


@app.command()
def revoke(name: Name, queue: Queues, as_json: AsJson = False) -> None:
    """Take queues away from somebody, at once.

    Example: moderation account revoke ada --queue violence
    """
    _change_queues(name, add=frozenset(), remove=frozenset(queue), as_json=as_json)


@app.command("set-role")
def set_role(
    name: Name, role: Annotated[Role, typer.Option(help="The one role they have.")], as_json: AsJson = False
) -> None:
    """Give somebody another role, in force with their next request.

    Example: moderation account set-role ada --role senior
    """
    with session() as opened:
        people = PeopleStore(opened.database)
        people.set_role(people.by_name(name).person.id, role, actor=ACTOR, now=now())
    _done({"name": name, "role": role.value}, f"{name} is {role.value} now.", as_json=as_json)


@app.command()
def disable(name: Name, as_json: AsJson = False) -> None:
    """Let somebody in no more, and end their sessions.

    Example: moderation account disable ada
    """
    with session() as opened:
        people = PeopleStore(opened.database)
        people.disable(people.by_name(name).person.id, actor=ACTOR, now=now())
    _done({"disabled": name}, f"Disabled {name}.", as_json=as_json)


@app.command()
def enable(name: Name, as_json: AsJson = False) -> None:
    """Let a disabled person in again, with the role and queues they had.

    Example: moderation account enable ada
    """
    with session() as opened:
        people = PeopleStore(opened.database)
        people.enable(people.by_name(name).person.id, actor=ACTOR, now=now())
    _done({"enabled": name}, f"{name} can sign in again.", as_json=as_json)


@app.command("reset-password")
def reset_password(
    name: Name,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from a pipe.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give somebody a new first password and end their sessions. It is printed once, unless it was piped in.

    Example: moderation account reset-password ada
    """
    secret = _password(name, piped=password_stdin)
    with session() as opened:
        person = PeopleStore(opened.database).by_name(name).person
        CredentialStore(opened.database).set_password(
            person, Passwords().hash(secret), must_change=not password_stdin, actor=ACTOR, now=now()
        )
    _say(name, "" if password_stdin else secret, as_json=as_json, created=False)


@app.command("reset-totp")
def reset_totp(name: Name, as_json: AsJson = False) -> None:
    """Forget somebody's second factor and recovery codes, and end their sessions.

    Example: moderation account reset-totp ada
    """
    with session() as opened:
        person = PeopleStore(opened.database).by_name(name).person
        CredentialStore(opened.database).remove_totp(person, actor=ACTOR, now=now(), end=True)
    _done({"reset": name}, f"{name} signs in without a second factor now.", as_json=as_json)


def _change_queues(name: str, *, add: frozenset[str], remove: frozenset[str], as_json: bool) -> None:
    with session() as opened:
        people = PeopleStore(opened.database)
        before = people.by_name(name).person
        after = people.set_queues(before.id, (before.queues | add) - remove, actor=ACTOR, now=now())
    queues = sorted(after.queues)
    _done({"name": name, "queues": queues}, f"{name} works in: {', '.join(queues) or 'no queue'}.", as_json=as_json)


def _password(name: str, *, piped: bool) -> str:
    if not piped:
        return given_password()
    secret = sys.stdin.readline().rstrip("\r\n")
    check_password(secret, name=name)
    return secret


def _say(name: str, secret: str, *, as_json: bool, created: bool) -> None:
    document = {"name": name, "created": created} | ({"password": secret} if secret else {})
    if as_json:
        print_json(document)
        return
    console.print(f"{'Made the account' if created else 'Changed the password of'} {name}.", markup=False)
    if secret:
        console.print(f"First password, shown only now: [bold]{secret}[/]")


def _done(document: dict[str, object], text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        console.print(text, markup=False)


def _row(account: Account) -> dict[str, object]:
    person, locks = account.person, account.locks
    ways = [
        *(["single sign-on"] if locks.issuer else []),
        *(["password"] if locks.password else []),
        *(["second factor"] if locks.totp else []),
    ]
    return {
        "name": person.name,
        "role": person.role.value,
        "queues": sorted(person.queues),
        "signs_in_with": ways,
        "created": person.created_at.isoformat(timespec="seconds") if person.created_at else "",
        "disabled": person.disabled_at.isoformat(timespec="seconds") if person.disabled_at else "",
    }
