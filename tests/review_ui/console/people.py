"""People of a test: accounts with a living session, and a client that is signed in as one of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import FastAPI
from starlette.testclient import TestClient

from moderation.domain.people import Person, Role
from moderation.storage.accounts.people import NewAccount
from moderation.storage.accounts.sessions import Client
from review_ui.console.entrance import Entrance


@dataclass(frozen=True)
class Visitor:
    """Somebody with a browser. `client` follows no redirects and sends what `csrf` names only where a test does so."""

    person: Person
    client: TestClient
    secret: str
    csrf: str

    def post(self, path: str, **fields: object) -> object:
        """The answer to a form of ours."""
        return self.client.post(path, data={"csrf": self.csrf, **fields})


def entrance_of(app: FastAPI) -> Entrance:
    entrance = app.state.entrance
    assert isinstance(entrance, Entrance)
    return entrance


def make_person(app: FastAPI, name: str = "ada", role: Role = Role.MODERATOR, *, queues: Iterable[str] = ()) -> Person:
    """An account without a password: nobody signs in to it but `visitor`."""
    entrance = entrance_of(app)
    new = NewAccount(name, role, queues=frozenset(queues), display_name=name.title())
    return entrance.people.create(new, actor="system:test", now=entrance.clock())


def visitor(
    app: FastAPI, name: str = "ada", role: Role = Role.MODERATOR, *, queues: Iterable[str] = (), confirmed: bool = True
) -> Visitor:
    """A new account, signed in."""
    return sign_in(app, make_person(app, name, role, queues=queues), confirmed=confirmed)


def sign_in(app: FastAPI, person: Person, *, confirmed: bool = True) -> Visitor:
    """Somebody in one more browser."""
    entrance = entrance_of(app)
    secret, session = entrance.sessions.start(
        person, method="password", confirmed=confirmed, client=Client("127.0.0.1", "tests"), now=entrance.clock()
    )
    client = TestClient(app, follow_redirects=False, cookies={"session": secret})
    return Visitor(person, client, secret, session.csrf)
