"""The signals of a lane: the catalog's, with the models that their roles name and the candidates beside them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog

from moderation.domain.errors import ModelStoreError, ModerationError
from moderation.domain.model_role import ModelPin
from moderation.domain.signal import SignalSpec
from moderation.domain.verdict import Pins
from moderation.media.subject import SignalType
from moderation.signals import hub_catalog
from moderation.signals.apart import Apart, GivenUp
from moderation.signals.catalog import SPECS, build, loaded, loader
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore
from moderation.signals.registry import ModelEntry
from moderation.signals.serving import Live, ServedSignals, pinned_models
from moderation.signals.shadows import Shadows
from moderation.signals.slots import serve, slots
from moderation.storage.engine import Database
from moderation.storage.model_roles import ModelRoleStore
from moderation.storage.shadow_results import ShadowStore

log = structlog.get_logger(__name__)

LANE_ACTOR = "lane"
"""Who takes a candidate away that keeps dying, in the audit log."""
ROLE_CHANGES = 10_000
"""Changes of models' roles that a replay looks through."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """What an installation's signals are made of: its model store, how models run, and the classifiers it turned on."""

    models: ModelStore
    options: EngineOptions
    classifiers: tuple[ModelEntry, ...] = ()

    @property
    def specs(self) -> tuple[SignalSpec, ...]:
        """What `build` gives measures, in order."""
        return (*SPECS, *hub_catalog.specs(self.classifiers))

    @property
    def slots(self) -> dict[str, SignalSpec]:
        """The signals whose model can be another one, by name."""
        own = slots(self.specs)
        return {name: spec for name, spec in own.items() if loader(spec, self.classifiers) is not None}

    def build(self, live: Live) -> tuple[SignalType, ...]:
        """Every signal type of the catalog, in order, with these live models."""
        return build(self.models, options=self.options, live=live, classifiers=self.classifiers)

    def load(self, slot: str, pin: ModelPin | None) -> SignalType:
        """The signal type of that name; one that fails every post when it cannot be loaded."""
        spec = next(spec for spec in self.specs if spec.name == slot)
        return loaded(spec, self.models, options=self.options, pin=pin, classifiers=self.classifiers)

    def load_candidate(self, slot: str, pin: ModelPin, given_up: GivenUp) -> SignalType:
        """The same in a process of its own and with one thread, which is all that a candidate gets."""
        alone = replace(self, options=replace(self.options, threads=1))
        spec = next(spec for spec in self.specs if spec.name == slot)
        return Apart(spec, partial(alone.load, slot, pin), given_up=given_up)

    def check(self, slot: str, pin: ModelPin) -> None:
        """Load a model as a lane would. Raises `ModelStoreError` or `NotFoundError` when it cannot serve the slot."""
        spec = self.slots[slot]
        load = loader(spec, self.classifiers)
        if load is None:
            raise ModelStoreError(f"{slot} is not served by a model that can be changed.")
        try:
            serve(spec, pin, self.models, load, options=replace(self.options, threads=1))
        except ModerationError:
            raise
        except Exception as error:
            raise ModelStoreError(f"{pin.name} cannot serve {slot}: {type(error).__name__}: {error}") from error


def shadows(database: Database, *, seconds: float, clock: Callable[[], datetime]) -> Shadows:
    """Where a lane's candidates measure, and put down what they find."""
    store = ShadowStore(database)
    return Shadows(lambda found, skipped: store.record(found, skipped, now=clock()), seconds=seconds)


def served_signals(
    database: Database,
    catalog: Catalog,
    others: Sequence[SignalType],
    candidates: Shadows,
    *,
    clock: Callable[[], datetime],
) -> ServedSignals:
    """The catalog's signal types as the roles say, then `others`. A candidate that keeps dying is named no more."""
    roles = ModelRoleStore(database)

    def candidate(slot: str, pin: ModelPin) -> SignalType:
        return catalog.load_candidate(slot, pin, partial(_give_up, roles, clock, slot, pin))

    return ServedSignals(
        roles,
        lambda live: (*catalog.build(live), *others),
        load=catalog.load,
        candidate=candidate,
        shadows=candidates,
    )


def _give_up(roles: ModelRoleStore, clock: Callable[[], datetime], slot: str, pin: ModelPin, reason: str) -> None:
    """Raise the alarm, and name the candidate no more, in an audited change of roles that every lane follows.

    Raises `UnavailableError` without a database: it is told again then.
    """
    log.error("candidate_given_up", slot=slot, model=pin.name, reason=reason)
    roles.give_up(slot, pin, by=LANE_ACTOR, now=clock(), note=reason)


def replayed_types(database: Database, catalog: Catalog, pins: Pins) -> tuple[SignalType, ...]:
    """The catalog's signal types with the models that a verdict pinned; one that the store has no more fails."""
    return catalog.build(pinned_models(ModelRoleStore(database).history(limit=ROLE_CHANGES), pins.models))
