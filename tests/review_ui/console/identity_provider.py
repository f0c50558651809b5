"""A real OpenID Connect provider on this machine, which can be told to lie."""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "moderation"
CLIENT_SECRET = "only the provider and we know"
START_SECONDS = 10.0


@dataclass
class Provider:
    """The provider and what it is asked to say. `lies` replaces claims of the ID token (None removes one)."""

    issuer: str = ""
    user: dict[str, Any] = field(default_factory=lambda: {"sub": "subject-1", "preferred_username": "grace"})
    lies: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    says_issuer: str | None = None
    signs: str = "right"
    requests: list[str] = field(default_factory=list)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    other: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def tell_the_truth(self) -> None:
        """Back to how it began."""
        self.user = {"sub": "subject-1", "preferred_username": "grace"}
        self.lies, self.header, self.metadata = {}, {}, {}
        self.says_issuer, self.signs = None, "right"
        self.requests.clear()

    async def configuration(self, _request: Request) -> Response:
        self.requests.append("configuration")
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
                **self.metadata,
            }
        )

    async def keys(self, _request: Request) -> Response:
        self.requests.append("keys")
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        """The user is signed in here already and agrees."""
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT_ID
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"]}
        if self.says_issuer is not None:
            answer["iss"] = self.says_issuer
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 302)

    async def token(self, request: Request) -> Response:
        """Redeem a code, once, for whoever has its verifier and the client's secret."""
        self.requests.append("token")
        form = await request.form()
        wanted = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = self.codes.pop(str(form.get("code")), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(str(form.get("code_verifier")).encode()).digest())
        if request.headers.get("authorization") != f"Basic {wanted}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if (
            asked is None
            or asked["redirect_uri"] != form.get("redirect_uri")
            or asked["code_challenge"] != challenge.decode().rstrip("=")
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        access = secrets.token_urlsafe(16)
        body = {"access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": self._id_token(asked)}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.user,
            **self.lies,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": "RS256", "kid": "one", **self.header}
        if self.signs == "nothing":
            parts = [base64.urlsafe_b64encode(_json(part)).decode().rstrip("=") for part in ({"alg": "none"}, claims)]
            return ".".join([*parts, ""])
        if self.signs == "secret":
            shared = OctKey.import_key(CLIENT_SECRET)
            return jwt.encode({**header, "alg": "HS256"}, claims, shared, algorithms=["HS256"])
        return jwt.encode(header, claims, self.other if self.signs == "wrong" else self.key)


def _json(value: object) -> bytes:
    return JSONResponse(value).body  # type: ignore[return-value]


@contextmanager
def running_provider() -> Iterator[Provider]:
    """The provider on a free port of this machine."""
    provider = Provider()
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", provider.configuration),
            Route("/keys", provider.keys),
            Route("/authorize", provider.authorize),
            Route("/token", provider.token, methods=["POST"]),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + START_SECONDS
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    provider.issuer = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield provider
    server.should_exit = True
    thread.join(START_SECONDS)
