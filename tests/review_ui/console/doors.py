"""An application whose passwords cost little, and a browser before its door."""

import re
from typing import Any

import pyotp
from fastapi import FastAPI
from starlette.testclient import TestClient

from moderation.domain.people import Person, Role
from moderation.review.passwords import Passwords
from moderation.settings import Settings
from moderation.storage.accounts.people import NewAccount
from review_ui.app import create_app
from review_ui.console.entrance import Entrance, open_entrance
from review_ui.site import open_site

PASSWORD = "a rather long sentence"
ANOTHER = "quite a different sentence"
QUICK = Passwords(time_cost=1, memory_kib=8, parallelism=1)
LINE = re.compile(r'name="csrf" value="([^"]+)"')


def application(settings: Settings, **changes: Any) -> FastAPI:
    site = open_site(settings.model_copy(update=changes))
    app = create_app(site=site)
    app.state.entrance = open_entrance(site, QUICK)
    return app


class Door:
    """One browser, and what it does on the way in. It follows no redirects."""

    def __init__(self, app: FastAPI, *, base_url: str = "http://testserver", **headers: str) -> None:
        entrance = app.state.entrance
        assert isinstance(entrance, Entrance)
        self.app = app
        self.entrance = entrance
        self.client = TestClient(
            app, base_url=base_url, follow_redirects=False, headers={"accept": "text/html", **headers}
        )

    def account(self, name: str = "ada", role: Role = Role.MODERATOR, **fields: Any) -> Person:
        new = NewAccount(name, role, password_hash=QUICK.hash(PASSWORD), **fields)
        return self.entrance.people.create(new, actor="system:test", now=self.entrance.clock())

    def token(self, path: str = "/console/login") -> str:
        """The token of the first form on a page."""
        found = LINE.search(self.client.get(path).text)
        assert found is not None, path
        return found[1]

    def log_in(self, name: str = "ada", password: str = PASSWORD, **fields: str) -> Any:
        form = {"csrf": self.token(), "name": name, "password": password, **fields}
        return self.client.post("/console/login", data=form)

    def post(self, path: str, page: str = "/console/profile", **fields: Any) -> Any:
        """Send a form with the token of `page`."""
        return self.client.post(path, data={"csrf": self.token(page), **fields})

    @property
    def cookie(self) -> str:
        return str(self.client.cookies["session"])

    def is_in(self) -> bool:
        return bool(self.client.get("/console/profile").status_code == 200)

    def with_cookie(self, secret: str) -> "Door":
        """Another browser, with this session's secret."""
        other = Door(self.app)
        other.client.cookies.set("session", secret)
        return other

    def enrol(self, person: Person) -> tuple[pyotp.TOTP, list[str]]:
        """Set up a second factor behind the person's back; the code of a minute ago is used."""
        now = self.entrance.clock()
        secret = self.entrance.sign_in.offer_totp(person, now=now)
        totp = pyotp.TOTP(secret)
        codes = self.entrance.sign_in.accept_totp(person, totp.at(now, counter_offset=-1), address="192.0.2.9", now=now)
        return totp, codes
