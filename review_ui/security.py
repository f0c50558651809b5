"""Who calls, how often, and what they may do."""

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from moderation.domain.errors import ForbiddenError, RateLimitedError, UnauthenticatedError
from moderation.storage.keys import ApiKey
from review_ui.classification import ByScope
from review_ui.rate_limit import Allowance
from review_ui.site import Site, TheSite

POSTS_WRITE = "posts:write"
POSTS_READ = "posts:read"
MEDIA_HELD = "media:held"
FEED_READ = "feed:read"
MATCHING_READ = "matching:read"
"""Hashing and looking up pictures, and what the banks are called; no hash of a banked picture."""
BANKS_READ = "banks:read"
"""What is in the banks, hashes included."""
BANKS_WRITE = "banks:write"
"""Changing banks, entries and exchanges. It does not include reading hashes."""

MAX_SECRET_CHARS = 200

bearer = HTTPBearer(auto_error=False, scheme_name="bearer", description="`Authorization: Bearer mod_…`")
header = APIKeyHeader(name="X-API-KEY", auto_error=False, scheme_name="x-api-key", description="The same key.")

BearerToken = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]
HeaderKey = Annotated[str | None, Security(header)]


async def optional_caller(request: Request, site: TheSite, token: BearerToken, key: HeaderKey) -> ApiKey | None:
    """The caller's API key, counted against its rate; None when the request carries none.

    Raises `UnauthenticatedError` for a key that is not valid: a caller that shows one expects it to count.
    """
    if "authorization" not in request.headers and key is None:
        return None
    secret = token.credentials if token is not None else key
    if secret is None:
        raise UnauthenticatedError("The Authorization header is not a bearer token.")
    return await _verified(request, site, secret)


@dataclass(frozen=True, slots=True)
class NeedsKey:
    """A dependency: the caller's API key, which must have `scope` ("": any key will do)."""

    scope: str

    @property
    def classified(self) -> ByScope:
        """What the authorisation test reads."""
        return ByScope(self.scope)

    async def __call__(self, found: Annotated[ApiKey | None, Depends(optional_caller)]) -> ApiKey:
        """The key. Raises `UnauthenticatedError` without one, `ForbiddenError` without the scope."""
        if found is None:
            raise UnauthenticatedError("This needs an API key.", hint="Send `Authorization: Bearer mod_…`.")
        if self.scope and self.scope not in found.scopes:
            raise ForbiddenError(f"This API key lacks the scope {self.scope}.")
        return found


def needs(scope: str) -> NeedsKey:
    """A dependency: the caller's key, which must have `scope`. Raises `ForbiddenError`."""
    return NeedsKey(scope)


async def _verified(request: Request, site: Site, secret: str) -> ApiKey:
    found = None
    if len(secret) <= MAX_SECRET_CHARS and secret.isascii():
        found = await run_in_threadpool(site.keys.verify, secret, now=site.clock())
    if found is None:
        raise UnauthenticatedError("The API key is not valid.")
    request.state.client = found.name
    try:
        request.state.allowance = site.limiter.take(found.name, limit=found.per_minute, now_s=time.monotonic())
    except RateLimitedError as error:
        request.state.allowance = Allowance(found.per_minute, 0, error.retry_after_s)
        raise
    return found


OptionalCaller = Annotated[ApiKey | None, Depends(optional_caller)]
Caller = Annotated[ApiKey, Depends(needs(""))]
Writer = Annotated[ApiKey, Depends(needs(POSTS_WRITE))]
MatchingReader = Annotated[ApiKey, Depends(needs(MATCHING_READ))]
BanksReader = Annotated[ApiKey, Depends(needs(BANKS_READ))]
BanksWriter = Annotated[ApiKey, Depends(needs(BANKS_WRITE))]
FeedReader = Annotated[ApiKey, Depends(needs(FEED_READ))]
