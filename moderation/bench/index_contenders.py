"""Our index and other software's behind one face, each with one thread: hashes go in and come out as they are used.

Keys are positions of the hashes. What another index cannot do (remove an entry) raises `NotImplementedError`.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from moderation.bench.index_cases import BITS, RADIUS, Codes, hexadecimal
from moderation.domain.errors import UnavailableError
from moderation.matching.hashes.pdq import from_hex
from moderation.matching.multi_index.folder import publish
from moderation.matching.multi_index.live import LiveIndex


class Contender(Protocol):
    """One index of hashes."""

    name: str

    def query(self, code: str) -> list[int]:
        """Keys of the entries within 31 bits of a hash in hexadecimal."""
        ...

    def batch(self, codes: list[str]) -> object:
        """The same for many hashes at once."""
        ...

    def add(self, key: int, code: str) -> None:
        """Hold one more entry."""
        ...

    def remove(self, key: int) -> None:
        """Hold one less."""
        ...


class Ours:
    """A published file, mapped, and the overlay."""

    name = "ours"

    def __init__(self, codes: Codes, folder: Path, now: Any) -> None:
        self.file = publish(folder, codes, np.arange(len(codes)), checkpoint=len(codes), now=now)
        self.live = LiveIndex(self.file)

    def query(self, code: str) -> list[int]:
        """See `Contender.query`."""
        found: list[int] = self.live.search(from_hex(code)[np.newaxis], RADIUS).keys.tolist()
        return found

    def batch(self, codes: list[str]) -> object:
        """See `Contender.batch`."""
        return self.live.search(np.stack([from_hex(code) for code in codes]), RADIUS)

    def add(self, key: int, code: str) -> None:
        """See `Contender.add`."""
        self.live.add([key], from_hex(code)[np.newaxis])

    def remove(self, key: int) -> None:
        """See `Contender.remove`."""
        self.live.remove([key])


class Threatexchange:
    """python-threatexchange's `PDQIndex`, which HMA runs. Raises `UnavailableError` where it is not installed."""

    name = "pytx"

    def __init__(self, codes: Codes) -> None:
        try:
            from threatexchange.signal_type.pdq.pdq_index import PDQIndex  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise _not_installed("python-threatexchange") from error
        self._index = PDQIndex(zip(hexadecimal(codes), range(len(codes)), strict=True))

    def query(self, code: str) -> list[int]:
        """See `Contender.query`."""
        return [match.metadata for match in self._index.query(code)]

    def batch(self, codes: list[str]) -> object:
        """See `Contender.batch`: what `query` calls, with all hashes."""
        return self._index.index.search_with_distance_in_result(codes, RADIUS)

    def add(self, key: int, code: str) -> None:
        """See `Contender.add`."""
        self._index.add(code, key)

    def remove(self, key: int) -> None:
        """It cannot."""
        raise NotImplementedError


class Faiss:
    """One of faiss's exact binary indexes, asked with rows of bytes. Raises `UnavailableError` without faiss."""

    def __init__(self, name: str, codes: Codes) -> None:
        faiss = _faiss()
        self.name = name
        if name == "faiss_multihash":
            inner: Any = faiss.IndexBinaryMultiHash(BITS, 16, 16)
            inner.nflip = 1
        else:
            inner = faiss.IndexBinaryFlat(BITS)
        self._inner = inner
        self._index: Any = faiss.IndexBinaryIDMap2(inner)
        self._index.add_with_ids(codes, np.arange(len(codes), dtype=np.int64))

    def query(self, code: str) -> list[int]:
        """See `Contender.query`."""
        _, _, keys = self._index.range_search(from_hex(code)[np.newaxis], RADIUS + 1)
        found: list[int] = keys.tolist()
        return found

    def batch(self, codes: list[str]) -> object:
        """See `Contender.batch`."""
        return self._index.range_search(np.stack([from_hex(code) for code in codes]), RADIUS + 1)

    def add(self, key: int, code: str) -> None:
        """See `Contender.add`."""
        self._index.add_with_ids(from_hex(code)[np.newaxis], np.array([key], dtype=np.int64))

    def remove(self, key: int) -> None:
        """Flat can, MultiHash cannot."""
        if self.name != "faiss_flat":
            raise NotImplementedError
        self._index.remove_ids(np.array([key], dtype=np.int64))


def one_thread() -> None:
    """Let faiss use one thread, as our kernels do. Raises `UnavailableError` without faiss."""
    _faiss().omp_set_num_threads(1)


def _faiss() -> Any:
    try:
        import faiss  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise _not_installed("faiss") from error
    return faiss


def _not_installed(name: str) -> UnavailableError:
    return UnavailableError(f"{name} is not installed.", hint="Install the extra: pip install 'moderation[bench]'.")
