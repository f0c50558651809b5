"""Who may call a route, readable from the route itself: a test walks all of them and fails where none says so."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from moderation.domain.people import Capability


@dataclass(frozen=True, slots=True)
class Public:
    """Everybody may call the route; its own checks, if any, are part of what it does."""

    def __call__(self) -> None:
        """Check nothing."""


@dataclass(frozen=True, slots=True)
class ByScope:
    """An API key with this scope; "" takes any key."""

    scope: str


@dataclass(frozen=True, slots=True)
class SignedInOnly:
    """Somebody who is signed in, whatever their role."""


@dataclass(frozen=True, slots=True)
class ByCapability:
    """Somebody who is signed in and whose role has each of the capabilities."""

    capabilities: frozenset[Capability]


@dataclass(frozen=True, slots=True)
class ByAnyCapability:
    """Somebody who is signed in and whose role has one of the capabilities."""

    capabilities: frozenset[Capability]


Classification: TypeAlias = Public | ByScope | SignedInOnly | ByCapability | ByAnyCapability

public = Depends(Public())
"""Put it into `dependencies` of a route or router that everybody may call."""


class UnclassifiedRouteError(Exception):
    """A route says nothing of who may call it, or two things that contradict each other."""


def classification(route: APIRoute) -> Classification:
    """Who may call `route`: the strictest of what its checks say. Raises `UnclassifiedRouteError`."""
    marks = {mark for call in _calls(route.dependant) if (mark := getattr(call, "classified", _own(call))) is not None}
    capabilities = frozenset[Capability]().union(
        *(mark.capabilities for mark in marks if isinstance(mark, ByCapability))
    )
    if capabilities:
        marks = {mark for mark in marks if not isinstance(mark, ByCapability)}
        marks.add(ByCapability(capabilities))
    if len(marks) > 1:
        marks.discard(SignedInOnly())
    scopes = {mark for mark in marks if isinstance(mark, ByScope) and mark.scope}
    if scopes:
        marks.discard(ByScope(""))
    if len(marks) != 1:
        said = ", ".join(sorted(map(str, marks))) or "nothing"
        raise UnclassifiedRouteError(f"{sorted(route.methods or ())} {route.path} says {said} of who may call it.")
    return marks.pop()


def _own(call: object) -> Public | None:
    return call if isinstance(call, Public) else None


def _calls(dependant: Dependant) -> Iterator[object]:
    if dependant.call is not None:
        yield dependant.call
    for part in dependant.dependencies:
        yield from _calls(part)
