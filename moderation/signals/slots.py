"""Slots: signals that may be served by another model than the one that ships, as long as it measures the same columns.

A model serves a slot when the store has it under the pinned digest, with the files that the signal's own code loads.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from moderation.domain.errors import ModelStoreError
from moderation.domain.model_role import ModelPin
from moderation.domain.signal import SignalResult, SignalSpec
from moderation.media.subject import SignalType, Subject
from moderation.signals.engine.options import EngineOptions
from moderation.signals.models import ModelStore
from moderation.signals.registry import ModelEntry
from moderation.signals.runtime import LoadsModels


class Loader(Protocol):
    """How a signal type gets its model; `ImageNsfw.load` is one."""

    def __call__(self, models: ModelStore, *, options: EngineOptions) -> SignalType:
        """The type with its verified model, run as `options` say.

        Raises `ModelStoreError`, and whatever a broken model raises.
        """
        ...


def slots(specs: Iterable[SignalSpec]) -> dict[str, SignalSpec]:
    """The specs of signals that one model serves, by name: the slots."""
    return {spec.name: spec for spec in specs if len(spec.models) == 1}


def serve(spec: SignalSpec, pin: ModelPin, models: ModelStore, load: Loader, *, options: EngineOptions) -> SignalType:
    """The signal type of `spec`, with the pinned model instead of the one that ships.

    Raises `ModelStoreError` when the store has no such model under that digest or what loads measures other columns,
    `NotFoundError` for an unknown model, and whatever a broken model raises.
    """
    (shipped,) = spec.models
    found = models.entry(pin.name).digest
    if found != pin.digest:
        raise ModelStoreError(
            f"{pin.name} is {found} in the model store, not the pinned {pin.digest}.",
            hint="Put the pinned files back, or roll back: `moderation models roles` says what serves.",
        )
    loaded = load(StandIn(models, {shipped: pin.name}), options=options)
    own = {shipped, pin.name}
    digests = loaded.models if isinstance(loaded, LoadsModels) else {}
    if {digest for name, digest in digests.items() if name in own} != {pin.digest}:
        raise ModelStoreError(f"What {spec.name} loaded for {pin.name} is not the pinned {pin.digest}.")
    if loaded.spec.name != spec.name or _shape(loaded.spec) != _shape(spec):
        raise ModelStoreError(
            f"{pin.name} does not measure what {spec.name} measures.",
            hint="A model with other columns is a signal of its own: see docs/howto-add-a-model.md.",
        )
    others = {name: digest for name, digest in digests.items() if name not in own}
    return Served(loaded, replace(spec, version=loaded.spec.version), {pin.name: pin.digest, **others})


class StandIn(ModelStore):
    """A model store in which some names mean other models: code that loads "a" gets the files of "b"."""

    def __init__(self, store: ModelStore, names: Mapping[str, str]) -> None:
        super().__init__(store.root, entries=())
        self._store = store
        self._names = dict(names)

    def entry(self, name: str) -> ModelEntry:
        """See `ModelStore.entry`, of the model that the name means."""
        return self._store.entry(self._meant(name))

    def read(self, name: str, filename: str) -> bytes:
        """See `ModelStore.read`."""
        return self._store.read(self._meant(name), filename)

    def path(self, name: str, filename: str) -> Path:
        """See `ModelStore.path`."""
        return self._store.path(self._meant(name), filename)

    def _meant(self, name: str) -> str:
        return self._names.get(name, name)


class Served:
    """A signal type whose verdicts pin the model that serves it, under that model's own name."""

    def __init__(self, signal: SignalType, spec: SignalSpec, models: Mapping[str, str]) -> None:
        self._signal = signal
        self._spec = spec
        self.models = dict(models)

    @property
    def spec(self) -> SignalSpec:
        """The slot's, in the version of what is served."""
        return self._spec

    def measure(self, batch: Sequence[Subject]) -> Sequence[SignalResult]:
        """See `SignalType.measure`."""
        return self._signal.measure(batch)


def _shape(spec: SignalSpec) -> list[tuple[object, ...]]:
    return [(one.name, one.kind, one.low, one.high, one.choices, one.nullable) for one in spec.columns]
