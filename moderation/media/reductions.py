"""How a reduction is told to the decoder's process: the name of a function, or of a dataclass with its numbers."""

import pkgutil
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from typing import TypeAlias

from moderation.media.subject import Reduction

Description: TypeAlias = str | dict[str, object]
"""JSON: "module:name" of a function, or that of a class under `make` and its arguments under `with`."""


def describe_reduction(made: Reduction) -> Description:
    """What `resolve_reduction` makes the same reduction of."""
    built: object = made
    if is_dataclass(built) and not isinstance(built, type):
        return {"make": _path(type(built)), "with": asdict(built)}
    return _path(made)


def resolve_reduction(description: Description) -> Reduction:
    """The reduction that was described. Raises `ImportError`, `AttributeError`, `TypeError`, `ValueError`."""
    if isinstance(description, str):
        found: Reduction = pkgutil.resolve_name(description)
        return found
    make, arguments = description["make"], description["with"]
    if not isinstance(make, str) or not isinstance(arguments, dict):
        raise TypeError("a reduction without a class or arguments")
    built: Reduction = pkgutil.resolve_name(make)(**arguments)
    return built


def _path(named: Callable[..., object]) -> str:
    """Where another process finds it; what has no name there, the other process reports."""
    return f"{named.__module__}:{getattr(named, '__qualname__', type(named).__qualname__)}"
