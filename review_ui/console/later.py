"""Something that is built when it is first asked for: the application starts without a database."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

PartT = TypeVar("PartT")


class Later(Generic[PartT]):
    """One object, built once, by whichever thread asks first. A building that fails is tried again by the next."""

    def __init__(self, build: Callable[[], PartT]) -> None:
        self._build = build
        self._turn = threading.Lock()
        self._built: list[PartT] = []

    @property
    def built(self) -> PartT | None:
        """The object, None as long as nobody asked for it; builds nothing."""
        return self._built[0] if self._built else None

    def get(self) -> PartT:
        """The object. Raises what building it raises."""
        if not self._built:
            with self._turn:
                if not self._built:
                    self._built.append(self._build())
        return self._built[0]
