"""Who somebody is: a name and a password, then a code. The same answer, after the same time, for whatever was wrong."""

from datetime import datetime

from moderation.domain.errors import ConflictError, UnauthenticatedError
from moderation.domain.people import Person
from moderation.review.codes import new_recovery_codes, new_secret, recovery_digest, step_of
from moderation.review.passwords import Passwords, check_password
from moderation.storage.accounts.account_words import NAME
from moderation.storage.accounts.attempts import AttemptStore, Limit
from moderation.storage.accounts.credentials import Credentials, CredentialStore
from moderation.storage.accounts.people import PeopleStore

QUARTER_HOUR_S = 900.0
DAY_S = 86_400.0
BY_NAME = (Limit(5, QUARTER_HOUR_S),)
BY_ADDRESS = (Limit(20, QUARTER_HOUR_S),)
CODES_BY_NAME = (Limit(5, QUARTER_HOUR_S), Limit(20, DAY_S))
"""A code is a guess among 333,333: whoever has the password gets few of them."""
OFFER_SECONDS = 900.0
"""What was begun and left open must not wait for whoever finds the browser."""
_CODE_PREFIX = "code:"
_UNTIL = "/"


class WrongCredentialsError(UnauthenticatedError):
    """The name, the password or the code is not right; which of them is not said."""

    code = "wrong_credentials"


class SignIn:
    """Checks passwords and codes, and counts failures."""

    def __init__(
        self, people: PeopleStore, credentials: CredentialStore, attempts: AttemptStore, passwords: Passwords
    ) -> None:
        self._people = people
        self._credentials = credentials
        self._attempts = attempts
        self._passwords = passwords

    def by_password(self, name: str, password: str, *, address: str, now: datetime) -> Person:
        """The person with this name and password. Raises `WrongCredentialsError`, `RateLimitedError`."""
        known = name.strip().lower()
        if NAME.fullmatch(known) is None:
            known = ""
        attempt = self._attempts.begin(known, address, by_name=BY_NAME, by_address=BY_ADDRESS, now=now)
        found = self._credentials.by_name(known) if known else None
        stored = None if found is None or found.disabled else found.password_hash
        if not self._passwords.verify(stored, password) or found is None or stored is None:
            raise WrongCredentialsError("The name or the password is not right.")
        self._attempts.succeeded(attempt, known)
        if self._passwords.is_outdated(stored):
            self._credentials.rehash(found.account, stored, self._passwords.hash(password))
        return self._people.get(found.account)

    def confirm_password(self, person: Person, password: str, *, address: str, now: datetime) -> None:
        """Ask somebody who is signed in once more. Raises `WrongCredentialsError`, `RateLimitedError`."""
        if self._found(person).password_hash is not None:
            try:
                self.by_password(person.name, password, address=address, now=now)
            except WrongCredentialsError as error:
                raise WrongCredentialsError("The password is not right.") from error

    def by_code(self, person: Person, code: str, *, address: str, now: datetime) -> None:
        """Use up a one-time code or a recovery code. Raises `WrongCredentialsError`, `RateLimitedError`."""
        key = _CODE_PREFIX + person.name
        attempt = self._attempts.begin(key, address, by_name=CODES_BY_NAME, by_address=BY_ADDRESS, now=now)
        if not self._uses(person, self._found(person), code, now):
            raise WrongCredentialsError("The code is not right, or it was used before.")
        self._attempts.succeeded(attempt, key)

    def change_password(self, person: Person, password: str, *, now: datetime, keep_session: str) -> None:
        """Somebody's own new password; their other sessions end. Raises `InvalidInputError`."""
        check_password(password, name=person.name)
        self._credentials.set_password(
            person,
            self._passwords.hash(password),
            must_change=False,
            actor=person.actor,
            now=now,
            keep_session=keep_session,
        )

    def hash(self, password: str) -> str:
        """What is kept of a password that is given to somebody."""
        return self._passwords.hash(password)

    def offer_totp(self, person: Person, *, now: datetime) -> str:
        """A new secret to show to the person as a QR code; it counts once they show its code, in `OFFER_SECONDS`."""
        secret = new_secret()
        self._credentials.offer_totp(person.id, f"{now.timestamp() + OFFER_SECONDS:.0f}{_UNTIL}{secret}")
        return secret

    def offered_totp(self, person: Person, *, now: datetime) -> str | None:
        """The secret that was offered and can still be accepted."""
        return _live(self._found(person).totp_offered, now)

    def accept_totp(self, person: Person, code: str, *, address: str, now: datetime) -> list[str]:
        """Require codes from now on, after a right one; returns the recovery codes, which are shown only now.

        Raises `WrongCredentialsError`, `RateLimitedError`, `ConflictError` when none was offered.
        """
        offered = self._found(person).totp_offered
        secret = _live(offered, now)
        if offered is None or secret is None:
            raise ConflictError("No code was set up.", hint="Start again.")
        key = _CODE_PREFIX + person.name
        attempt = self._attempts.begin(key, address, by_name=CODES_BY_NAME, by_address=BY_ADDRESS, now=now)
        step = step_of(secret, code, now)
        if step is None:
            raise WrongCredentialsError("The code is not right.", hint="Is the phone's clock right?")
        codes = new_recovery_codes()
        self._credentials.accept_totp(
            person, offered, secret, step=step, recovery=_digests(codes), actor=person.actor, now=now
        )
        self._attempts.succeeded(attempt, key)
        return codes

    def replace_recovery(self, person: Person, *, now: datetime) -> list[str]:
        """Other recovery codes, shown only now."""
        codes = new_recovery_codes()
        self._credentials.replace_recovery(person, _digests(codes), actor=person.actor, now=now)
        return codes

    def _found(self, person: Person) -> Credentials:
        found = self._credentials.of(person.id)
        if found is None or found.disabled:
            raise WrongCredentialsError("The account is not in use.")
        return found

    def _uses(self, person: Person, found: Credentials, code: str, now: datetime) -> bool:
        if found.totp_secret is None:
            return False
        step = step_of(found.totp_secret, code, now)
        if step is not None:
            return self._credentials.use_step(found.account, step)
        digest = recovery_digest(code)
        return digest is not None and self._credentials.use_recovery(person, digest, now=now)


def _live(offered: str | None, now: datetime) -> str | None:
    until, _, secret = (offered or "").partition(_UNTIL)
    return secret if until and now.timestamp() < float(until) else None


def _digests(codes: list[str]) -> list[str]:
    return [digest for code in codes if (digest := recovery_digest(code)) is not None]
