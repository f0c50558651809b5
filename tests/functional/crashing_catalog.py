"""A catalog whose candidate, whatever it is, ends the process in which it measures; for lanes and their children."""

import os
import signal
from collections.abc import Sequence

from moderation.domain.model_role import ModelPin
from moderation.domain.signal import SignalResult, SignalSpec
from moderation.media.subject import SignalType, Subject
from moderation.screening.serving import Catalog
from moderation.signals.image_nsfw import IMAGE_NSFW
from tests.functional.tried_lane import SECOND


class Crashing:
    """Ends its process as native code does that reads where it must not."""

    @property
    def spec(self) -> SignalSpec:
        return IMAGE_NSFW

    def measure(self, batch: Sequence[Subject]) -> Sequence[SignalResult]:
        os.kill(os.getpid(), signal.SIGSEGV)
        raise AssertionError("nobody survives that")


class CrashingCatalog(Catalog):
    """A catalog that loads `Crashing` for the second model."""

    def load(self, slot: str, pin: ModelPin | None) -> SignalType:
        return Crashing() if pin is not None and pin.name == SECOND else super().load(slot, pin)
