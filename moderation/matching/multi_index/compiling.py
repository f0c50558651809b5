"""How kernels are compiled and kept, and the two machine instructions that Numba has no name for.

Kept code is compiled anew when `kernels.py` changes, and when this file, `hit_heap.py` or `layout.py` does, which are
in it. It is code that runs: it is neither kept in nor loaded from a folder that somebody else can write to.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numba.core import cgutils, types
from numba.core.caching import FunctionCache
from numba.extending import intrinsic
from numpy.typing import NDArray

from moderation.matching.multi_index import layout

P = ParamSpec("P")
R = TypeVar("R")

COMPILED_IN = (Path(__file__), Path(__file__).with_name("hit_heap.py"), Path(layout.__file__))
"""What kept code depends on beside its own file."""


def is_safe(folder: Path) -> bool:
    """Whether only this user, its group and root can write to a folder, or put another one in its place.

    The owner of the source may too: it runs already. In a folder that everybody can write to, what is one's own stays
    so where the sticky bit is set, as in /tmp.
    """
    users, inside = {0, os.geteuid(), COMPILED_IN[0].stat().st_uid}, 0
    for one in (folder, *folder.parents):
        seen = one.stat()
        is_open = seen.st_mode & stat.S_IWOTH or (seen.st_mode & stat.S_IWGRP and seen.st_gid not in {0, os.getegid()})
        if seen.st_uid not in users or (is_open and not seen.st_mode & inside):
            return False
        inside = stat.S_ISVTX
    return True


class _Cache(FunctionCache):
    """Numba's cache, in which a file that cannot be read or written is a miss and not an error."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        sources = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in COMPILED_IN)
        kept = self._cache_file
        kept._source_stamp = kept._source_stamp, sources  # noqa: SLF001 - Numba has no name for it
        if not is_safe(Path(self.cache_path).resolve()):
            self.disable()  # type: ignore[no-untyped-call]

    def load_overload(self, signature: Any, target: Any) -> Any:
        """The machine code that was kept, or None."""
        try:
            return super().load_overload(signature, target)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - unpickling half a file raises anything
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, signature: Any, code: Any) -> None:
        """Keep it, if that is possible."""
        with suppress(OSError):
            super().save_overload(signature, code)  # type: ignore[no-untyped-call]


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Numba's decorator with a type, for what other kernels call."""
    return cast("Callable[P, R]", numba.njit(nogil=True)(function))


def entry(function: Callable[P, R]) -> Callable[P, R]:
    """The same for what is called from Python, with a cache; nothing is kept where no folder for one is safe.

    Each is called with the same types always, so that two processes that compile at once write the same files.
    """
    made: Any = numba.njit(nogil=True)(function)
    with suppress(RuntimeError, OSError):
        made._cache = _Cache(function)  # noqa: SLF001 - as `cache=True` does
    return cast("Callable[P, R]", made)


def _popcount(_context: object, _word: object) -> tuple[Any, Any]:
    def generate(_target: object, builder: Any, _signature: object, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


popcount: Callable[[np.uint64], int] = cast("Any", intrinsic)(_popcount)
"""How many bits of a word are set: one instruction."""


def _prefetch(_context: object, array: Any, _at: object) -> tuple[Any, Any]:
    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = target.make_array(signature.args[0])(target, builder, arguments[0]).data
        place = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
        number, ir = cast("Any", cgutils).int32_t, cast("Any", cgutils).ir
        kind = ir.FunctionType(ir.VoidType(), [place.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [place.type], kind)
        builder.call(prefetch, [place, number(0), number(3), number(1)])
        return target.get_dummy_value()

    return types.void(array, types.int64), generate


prefetch: Callable[[NDArray[Any], int], None] = cast("Any", intrinsic)(_prefetch)
"""Begin to fetch element `at` of an array as it lies in memory, all dimensions in one."""
