"""How kernels are compiled and kept, and the two machine instructions that Numba has no name for.

Kept code is compiled anew when `kernels.py` changes; after a change here, touch that file.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numba.core import cgutils, types
from numba.core.caching import FunctionCache
from numba.extending import intrinsic
from numpy.typing import NDArray

P = ParamSpec("P")
R = TypeVar("R")


class _Cache(FunctionCache):
    """Numba's cache, in which a file that cannot be read or written is a miss and not an error."""

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
    """The same for what is called from Python, with a cache; where no folder for one can be written, nothing is kept.

    Each is called with the same types always, so that two processes that compile at once write the same files.
    """
    made: Any = numba.njit(nogil=True)(function)
    with suppress(RuntimeError):
        made._cache = _Cache(function)  # type: ignore[no-untyped-call]  # noqa: SLF001 - as `cache=True` does
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
