"""The signals of a lane: each slot served by the model that its role names, candidates beside them, changed in service.

A change of roles takes effect between two batches, never within one: whoever measures calls `refresh` before a batch.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

import structlog

from moderation.domain.model_role import ModelPin, RoleRecord, SlotRoles
from moderation.domain.signal import SignalResult
from moderation.media.subject import SignalType, Subject
from moderation.signals.runtime import SignalRuntime
from moderation.signals.shadows import Candidate, Shadows

log = structlog.get_logger(__name__)

Live = Mapping[str, ModelPin]
"""The models that serve slots instead of the ones that ship, by slot."""


class Roles(Protocol):
    """Where roles come from; `storage.model_roles.ModelRoleStore` is one."""

    def newest(self) -> int:
        """The number of the newest change, cheaply."""
        ...

    def current(self) -> dict[str, SlotRoles]:
        """The roles of every slot that was ever changed, by slot."""
        ...


class ServedSignals:
    """`screening.ports.Signals` whose models follow the roles.

    `types` gives the signal types in catalog order, slots served by the models that it gets; `load` gives the type of a
    slot with another model, or with the one that ships (None), and must not raise; `candidate` gives one that is only
    tried. A type whose role stays the same is kept. Roles of slots that are not among the types change nothing.
    Construction raises what `roles` raises.
    """

    def __init__(
        self,
        roles: Roles,
        types: Callable[[Live], Sequence[SignalType]],
        *,
        load: Callable[[str, ModelPin | None], SignalType],
        candidate: Callable[[str, ModelPin], SignalType],
        shadows: Shadows,
    ) -> None:
        self._roles = roles
        self._load = load
        self._candidate = candidate
        self._shadows = shadows
        current = roles.current()
        self._live = _live(current)
        self._types = tuple(types(self._live))
        self._runtime = SignalRuntime(self._types)
        self._shadows.use(self._candidates(current))
        self._number = max((one.number for one in current.values()), default=0)

    @property
    def versions(self) -> dict[str, str]:
        """Spec version by signal name."""
        return self._runtime.versions

    @property
    def models(self) -> dict[str, str]:
        """SHA-256 by model name, of the models that the signal types loaded."""
        return self._runtime.models

    @property
    def seconds(self) -> dict[str, float]:
        """See `SignalRuntime.seconds`."""
        return self._runtime.seconds

    def refresh(self) -> None:
        """Follow the roles if they changed; the batch that comes next is measured, and pinned, by what they say.

        Raises `UnavailableError` when the roles cannot be known.
        """
        if self._roles.newest() == self._number:
            return
        current = self._roles.current()
        live = _live(current)
        if live != self._live:
            self._serve(live)
        self._shadows.use(self._candidates(current))
        self._number = max((one.number for one in current.values()), default=0)

    def measure(self, batch: Sequence[Subject]) -> list[tuple[SignalResult, ...]]:
        """See `SignalRuntime.measure`."""
        return self._runtime.measure(batch)

    def close(self) -> None:
        """Let the threads end and the models go; nothing can be measured any more."""
        self._runtime.close()

    def _serve(self, live: Live) -> None:
        """Load what changed and let it measure from now on."""
        started, old = time.monotonic(), self._runtime
        self._types = tuple(
            self._load(name, live.get(name)) if live.get(name) != self._live.get(name) else signal
            for signal in self._types
            for name in (signal.spec.name,)
        )
        self._runtime, self._live = SignalRuntime(self._types), dict(live)
        old.close()
        served = {slot: pin.name for slot, pin in live.items()}
        log.info("models_changed", live=served, seconds=round(time.monotonic() - started, 3))

    def _candidates(self, roles: Mapping[str, SlotRoles]) -> list[Candidate]:
        return [
            Candidate(one.slot, one.candidate, partial(self._candidate, one.slot, one.candidate))
            for one in roles.values()
            if one.candidate is not None
        ]


def _live(roles: Mapping[str, SlotRoles]) -> dict[str, ModelPin]:
    return {slot: one.live for slot, one in roles.items() if one.live is not None}


def pinned_models(records: Sequence[RoleRecord], models: Mapping[str, str]) -> dict[str, ModelPin]:
    """The models by which a verdict was measured that did not ship, by slot.

    `records` are the changes of roles, newest first, `models` the verdict's pins. Of models of one name the one with
    the pinned digest counts.
    """
    found: dict[str, ModelPin] = {}
    for record in records:
        live = record.roles.live
        if live is not None and models.get(live.name) == live.digest:
            found.setdefault(record.roles.slot, live)
    return found
