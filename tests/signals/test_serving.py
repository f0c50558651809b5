"""Which model measures follows the roles, from one batch to the next."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from moderation.domain.errors import UnavailableError
from moderation.domain.ids import Digest
from moderation.domain.model_role import ModelPin, RoleChange, RoleRecord, SlotRoles
from moderation.domain.signal import Score, SignalResult
from moderation.media.subject import SignalType, Subject
from moderation.signals.serving import ServedSignals, pinned_models
from moderation.signals.shadows import Shadows
from tests.signals.test_runtime import Stub, counting, subjects

SHIPPED = ModelPin("letters-1", Digest("1" * 64))
SECOND = ModelPin("letters-2", Digest("2" * 64))
THIRD = ModelPin("letters-3", Digest("3" * 64))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class MemoryRoles:
    """`serving.Roles`; `down` makes it fail as a database that is away does."""

    def __init__(self) -> None:
        self.roles: dict[str, SlotRoles] = {}
        self.down = False

    def change(self, *, live: ModelPin | None, candidate: ModelPin | None = None, slot: str = "letters") -> None:
        self.roles[slot] = SlotRoles(slot, self.newest() + 1, live, candidate)

    def newest(self) -> int:
        if self.down:
            raise UnavailableError("the database is away")
        return max((one.number for one in self.roles.values()), default=0)

    def current(self) -> dict[str, SlotRoles]:
        return dict(self.roles)


class Modelled(Stub):
    """Says the digit of the model that serves it."""

    def __init__(self, pin: ModelPin) -> None:
        super().__init__("letters", self._digits)
        self.models = {pin.name: pin.digest}
        self.pin = pin

    def _digits(self, batch: Sequence[Subject]) -> list[SignalResult]:
        return [Score("letters", {"letters": int(self.pin.digest[0])}) for _ in batch]


class Shop:
    """Builds the signals, and remembers what it loaded."""

    def __init__(self, roles: MemoryRoles) -> None:
        self.loaded: list[ModelPin | None] = []
        self.other = counting("other")
        self.shadows = Shadows(lambda found, skipped: None)
        self.signals = ServedSignals(
            roles,
            self.types,
            load=self.load,
            candidate=lambda slot, pin: Modelled(pin),
            shadows=self.shadows,
        )

    def types(self, live: Mapping[str, ModelPin]) -> list[SignalType]:
        return [self.load("letters", live.get("letters")), self.other]

    def load(self, slot: str, pin: ModelPin | None) -> SignalType:
        self.loaded.append(pin)
        return Modelled(pin or SHIPPED)

    def digit(self) -> int:
        [(letters, _)] = self.signals.measure(subjects("a"))
        assert isinstance(letters, Score)
        return int(str(letters.values["letters"]))


@pytest.fixture
def roles() -> MemoryRoles:
    return MemoryRoles()


def test_without_roles_the_shipped_model_measures(roles: MemoryRoles) -> None:
    shop = Shop(roles)
    shop.signals.refresh()
    assert shop.digit() == 1
    assert shop.signals.models == {SHIPPED.name: SHIPPED.digest}
    assert shop.signals.versions == {"letters": "1", "other": "1"}
    assert shop.loaded == [None]


def test_a_lane_starts_with_the_live_model(roles: MemoryRoles) -> None:
    roles.change(live=SECOND, candidate=THIRD)
    shop = Shop(roles)
    assert shop.digit() == 2
    assert shop.signals.models == {SECOND.name: SECOND.digest}
    assert shop.shadows.pins == {"letters": THIRD}


def test_a_promotion_counts_from_the_next_refresh_on(roles: MemoryRoles) -> None:
    shop = Shop(roles)
    roles.change(live=SECOND)
    assert shop.digit() == 1
    shop.signals.refresh()
    assert (shop.digit(), shop.signals.models) == (2, {SECOND.name: SECOND.digest})
    roles.change(live=None)
    shop.signals.refresh()
    assert (shop.digit(), shop.signals.models) == (1, {SHIPPED.name: SHIPPED.digest})


def test_what_does_not_change_is_not_loaded_again(roles: MemoryRoles) -> None:
    shop = Shop(roles)
    for _ in range(3):
        roles.change(live=SECOND)
        shop.signals.refresh()
    roles.change(live=SECOND, candidate=THIRD)
    shop.signals.refresh()
    assert shop.loaded == [None, SECOND]
    assert shop.shadows.pins == {"letters": THIRD}


def test_roles_of_unknown_slots_change_nothing(roles: MemoryRoles) -> None:
    shop = Shop(roles)
    roles.change(live=SECOND, slot="from another release")
    shop.signals.refresh()
    assert shop.digit() == 1
    assert shop.loaded == [None]


def test_roles_that_cannot_be_known_are_told_and_change_nothing(roles: MemoryRoles) -> None:
    shop = Shop(roles)
    roles.down = True
    with pytest.raises(UnavailableError):
        shop.signals.refresh()
    assert shop.digit() == 1


def test_the_threads_of_models_that_went_end(roles: MemoryRoles) -> None:
    others = set(threading.enumerate())
    shop = Shop(roles)
    for pin in (SECOND, THIRD) * 5:
        shop.digit()
        roles.change(live=pin)
        shop.signals.refresh()
    own = [thread for thread in threading.enumerate() if thread not in others]
    for thread in own:
        thread.join(5)
    assert not any(thread.is_alive() for thread in own)
    assert shop.digit() == 3


def record(live: ModelPin | None, slot: str = "letters") -> RoleRecord:
    return RoleRecord(SlotRoles(slot, 1, live), RoleChange.PROMOTE, "cli", NOW, "")


def test_a_replay_finds_the_models_that_a_verdict_pinned() -> None:
    again = ModelPin(SECOND.name, Digest("4" * 64))
    records = [record(None), record(again), record(THIRD, "other"), record(SECOND)]
    assert pinned_models(records, {SECOND.name: SECOND.digest}) == {"letters": SECOND}
    assert pinned_models(records, {again.name: again.digest, THIRD.name: THIRD.digest}) == {
        "letters": again,
        "other": THIRD,
    }
    assert pinned_models(records, {"letters-1": "1" * 64}) == {}


def test_signals_that_were_closed_let_threads_and_models_go() -> None:
    before = set(threading.enumerate())
    shop = Shop(MemoryRoles())
    assert shop.digit() == 1
    measuring = [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("signal-")]
    assert len(measuring) == 2
    shop.signals.close()
    for thread in measuring:
        thread.join(5)
    assert not any(thread.is_alive() for thread in measuring)
