"""The OpenID Connect provider: authorization code flow with PKCE, and every check that an ID token needs."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from httpx2 import HTTPError
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from moderation.domain.errors import UnavailableError
from moderation.review.identities import Identity, NotAdmittedError
from moderation.settings import Settings

log = structlog.get_logger(__name__)

SCOPE = "openid profile email"
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Only signatures: `none` and the symmetric ones, whose key is the client's secret, are never taken."""
TIMEOUT_SECONDS = 10.0
METADATA_SECONDS = 3_600.0
KEYS_SECONDS = 30.0
"""Keys are not fetched again more often than this, whatever key ids the tokens name."""
LEEWAY_SECONDS = 60
MAX_SUBJECT_CHARS = 255
MAX_GROUPS = 1_000


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in on its way: a secret that only this browser has, from which everything else follows.

    State, nonce and PKCE verifier are derived, each for its own use, so that knowing one tells nothing of the others.
    """

    secret: str = field(repr=False)

    @classmethod
    def begin(cls) -> "Flow":
        """A new one."""
        return cls(secrets.token_urlsafe(32))

    @property
    def state(self) -> str:
        """What the provider repeats: the answer belongs to this browser."""
        return self._derived("state")

    @property
    def nonce(self) -> str:
        """What the ID token repeats: it was made for this sign-in."""
        return self._derived("nonce")

    @property
    def verifier(self) -> str:
        """What proves that the code is redeemed by whoever asked for it."""
        return self._derived("pkce")

    def _derived(self, use: str) -> str:
        mac = hmac.new(self.secret.encode(), use.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")


@dataclass(slots=True)
class _Fetched:
    value: dict[str, Any]
    at: float


class Provider:
    """The configured provider. Connects only when somebody signs in. Belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = settings.oidc_issuer
        self._settings = settings
        self._metadata: _Fetched | None = None
        self._keys: _Fetched | None = None
        self._turn = asyncio.Lock()

    async def authorization_url(self, flow: Flow, redirect_uri: str) -> str:
        """Where to send the browser. Raises `UnavailableError`."""
        metadata = await self._configuration()
        async with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"], state=flow.state, nonce=flow.nonce, code_verifier=flow.verifier
            )
        return str(url)

    async def identity(self, code: str, flow: Flow, redirect_uri: str, *, issuer: str | None) -> Identity:
        """Who came back with `code`. `issuer` is what the answer said of who sent it (RFC 9207).

        Raises `NotAdmittedError` when the provider or any check refuses, `UnavailableError` when it does not answer.
        """
        metadata = await self._configuration()
        required = metadata.get("authorization_response_iss_parameter_supported") is True
        if issuer != self.issuer and (required or issuer is not None):
            raise self._refused("another issuer answered")
        token = await self._redeem(metadata["token_endpoint"], code, flow, redirect_uri)
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise self._refused("no ID token")
        return self._identity(await self._claims(id_token, token, flow, metadata))

    async def _redeem(self, endpoint: str, code: str, flow: Flow, redirect_uri: str) -> Mapping[str, Any]:
        try:
            async with self._client(redirect_uri) as client:
                token: Mapping[str, Any] = await client.fetch_token(
                    endpoint, grant_type="authorization_code", code=code, code_verifier=flow.verifier
                )
        except OAuthError as error:
            raise self._refused(f"the code was refused: {error.error}") from error
        except (HTTPError, ValueError) as error:
            raise _unavailable(error) from error
        return token

    async def _claims(
        self, id_token: str, token: Mapping[str, Any], flow: Flow, metadata: Mapping[str, Any]
    ) -> CodeIDToken:
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        allowed = [name for name in ALGORITHMS if name in offered]
        registry = JWSRegistry(algorithms=allowed, strict_check_header=False)
        try:
            try:
                decoded = jwt.decode(id_token, await self._key_set(metadata), registry=registry)
            except InvalidKeyIdError:
                decoded = jwt.decode(id_token, await self._key_set(metadata, again=True), registry=registry)
            claims = CodeIDToken(
                decoded.claims,
                decoded.header,
                {
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._settings.oidc_client_id},
                    "sub": {"essential": True},
                    "exp": {"essential": True},
                },
                {
                    "nonce": flow.nonce,
                    "client_id": self._settings.oidc_client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise self._refused(f"the ID token does not hold: {type(error).__name__}") from error
        return claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_CHARS or not subject.isprintable():
            raise self._refused("the subject is no name")
        groups = claims.get(self._settings.oidc_role_claim, ()) if self._settings.oidc_role_claim else ()
        listed = [groups] if isinstance(groups, str) else groups
        return Identity(
            issuer=self.issuer,
            subject=subject,
            name=_text(claims.get(self._settings.oidc_name_claim)),
            display_name=_text(claims.get("name")),
            groups=tuple(str(group) for group in list(listed)[:MAX_GROUPS]) if isinstance(listed, list) else (),
        )

    def _client(self, redirect_uri: str) -> Any:
        secret = self._settings.oidc_client_secret.get_secret_value()
        return AsyncOAuth2Client(
            client_id=self._settings.oidc_client_id,
            client_secret=secret or None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
        )

    async def _configuration(self) -> dict[str, Any]:
        """What the provider says of itself, from where its issuer name says that it is."""
        async with self._turn:
            if self._metadata is None or time.monotonic() - self._metadata.at > METADATA_SECONDS:
                found = await self._fetch(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
                if found.get("issuer") != self.issuer:
                    raise UnavailableError("The identity provider says that it is another one.")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    if not _is_safe(found.get(name), self.issuer):
                        raise UnavailableError(f"The identity provider's {name} is not a safe address.")
                self._metadata = _Fetched(found, time.monotonic())
            return self._metadata.value

    async def _key_set(self, metadata: Mapping[str, Any], *, again: bool = False) -> KeySet:
        async with self._turn:
            age = METADATA_SECONDS if self._keys is None else time.monotonic() - self._keys.at
            if self._keys is None or age >= METADATA_SECONDS or (again and age > KEYS_SECONDS):
                self._keys = _Fetched(await self._fetch(metadata["jwks_uri"]), time.monotonic())
            return KeySet.import_key_set(self._keys.value)  # type: ignore[arg-type]

    async def _fetch(self, url: str) -> dict[str, Any]:
        try:
            async with self._client("") as client:
                answer = await client.request("GET", url, withhold_token=True)
                answer.raise_for_status()
                found = answer.json()
        except (HTTPError, ValueError) as error:
            raise _unavailable(error) from error
        if not isinstance(found, dict):
            raise UnavailableError("The identity provider answered with something else.")
        return found

    def _refused(self, why: str) -> NotAdmittedError:
        """The reason goes to the log; whoever is outside learns only that it did not work."""
        log.warning("oidc_refused", reason=why)
        return NotAdmittedError("Signing in at the identity provider did not work.", hint="Try again.")


def open_provider(settings: Settings) -> Provider | None:
    """The configured provider; None without one."""
    return Provider(settings) if settings.oidc_issuer and settings.oidc_client_id else None


def _is_safe(url: object, issuer: str) -> bool:
    """HTTPS, or plain HTTP where the issuer itself is (a test on this machine)."""
    scheme = urlsplit(url).scheme if isinstance(url, str) else ""
    return scheme == "https" or (scheme == "http" and issuer.startswith("http://"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _unavailable(error: Exception) -> UnavailableError:
    return UnavailableError(f"The identity provider does not answer: {type(error).__name__}")
