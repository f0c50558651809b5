"""An index as one file: a header, the arrays, and the SHA-256 of all before it. It is written once and never changed.

The arrays are mapped, so that every process on a machine shares one copy in memory. Little-endian, each array at a
multiple of 64 bytes. A file may hold facts about its entries, as columns in the order of their keys, and a text.
"""

import hashlib
import math
import mmap
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from moderation.domain.errors import CorruptIndexError, UnavailableError
from moderation.matching.multi_index import compiled
from moderation.matching.multi_index.build import Distinct, distinct
from moderation.matching.multi_index.layout import BUCKETS, FACT_KINDS, SLOTS, WORDS, Arrays, FactColumns, id_width

MAGIC = b"MODINDEX"
VERSION = 2
HEADER = struct.Struct("<8sIIqqqqqq")
"""Magic, version, bytes of a code's number, checkpoint, distinct codes, codes with several keys, further keys, rows of
facts, bytes of text. What the columns of facts mean is part of the version."""
HEADER_BYTES = 64
DIGEST_BYTES = 32
ALIGNMENT = 64
FACTS = ("fact_records", "fact_phash", "fact_dhash", "fact_has_secondary")
"""The columns of facts, as sections."""
UNFINISHED = ".unfinished"
REBUILD = "Materialize the asset bank_index, or remove the index folder: the banks themselves are in the database."


@dataclass(frozen=True, slots=True)
class Counts:
    """What the header says beside the checkpoint."""

    codes: int
    extra_codes: int
    more_keys: int
    facts: int
    text: int

    def sections(self) -> dict[str, tuple[DTypeLike, tuple[int, ...]]]:
        """Type and shape of each array, in the order of the file."""
        return {
            "codes": ("<u8", (self.codes, WORDS)),
            "first_keys": ("<i8", (self.codes,)),
            "extra_codes": ("<i8", (self.extra_codes,)),
            "extra_starts": ("<i8", (self.extra_codes + 1,)),
            "extra_keys": ("<i8", (self.more_keys,)),
            "more_keys": ("<i8", (self.more_keys,)),
            "more_codes": ("<i8", (self.more_keys,)),
            "postings": ("|u1", (SLOTS, self.codes * id_width(self.codes))),
            "offsets": ("<u4", (SLOTS, BUCKETS + 1)),
            **{name: (kind, (self.facts,)) for name, kind in zip(FACTS, FACT_KINDS, strict=True)},
            "text": ("|u1", (self.text,)),
        }

    def places(self) -> tuple[dict[str, int], int]:
        """Where each array starts, and where the digest does."""
        place, places = HEADER_BYTES, {}
        for name, (kind, shape) in self.sections().items():
            places[name] = place
            place += _aligned(math.prod(shape) * np.dtype(kind).itemsize)
        return places, place


@dataclass(frozen=True, slots=True)
class Described:
    """What a file says of its entries: facts by ascending key, of all of them or of none, and a text."""

    facts: FactColumns
    text: bytes


NOTHING_SAID = Described(FactColumns.zeros(0), b"")


@dataclass(frozen=True, slots=True)
class IndexFile:
    """An index file that was checked and is mapped. `digest` is its SHA-256, in hexadecimal."""

    path: Path
    checkpoint: int
    digest: str
    arrays: Arrays = field(repr=False)
    described: Described = field(repr=False)

    def __len__(self) -> int:
        """How many entries it holds."""
        return len(self.arrays)

    @property
    def keys(self) -> NDArray[np.int64]:
        """Every key, ascending."""
        return np.sort(np.concatenate([self.arrays.first_keys, self.arrays.more_keys]))

    @classmethod
    def open(cls, path: Path, *, digest: str = "") -> Self:
        """Map a file and check all of it: about 0.6 s for a gigabyte. `digest`: the one that it must have.

        Raises `CorruptIndexError` for a file that is missing, cut off, of another version, or other than was written.
        """
        try:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise CorruptIndexError(f"The index file {path.name} cannot be read: {error}.", hint=REBUILD) from error
        return cls.of(mapped, path, digest=digest)

    @classmethod
    def of(cls, data: mmap.mmap | bytes, path: Path, *, digest: str = "") -> Self:
        """The same of a file's bytes; `path` is what the file is called."""
        checkpoint, counts = _header(path, data)
        _check_size(path, len(data), counts)
        places, end = counts.places()
        found = hashlib.sha256(memoryview(data)[:end]).digest()
        if found != data[end:] or (digest and found.hex() != digest):
            raise CorruptIndexError(f"The index file {path.name} is not what was written.", hint=REBUILD)
        arrays: dict[str, Any] = {
            name: np.ndarray(shape, kind, buffer=data, offset=places[name])
            for name, (kind, shape) in counts.sections().items()
        }
        facts, text = FactColumns(*(arrays.pop(name) for name in FACTS)), arrays.pop("text").tobytes()
        return cls(path, checkpoint, found.hex(), Arrays(**arrays), Described(facts, text))


def build(
    codes: NDArray[np.uint8],
    keys: NDArray[np.int64],
    path: Path,
    *,
    checkpoint: int,
    described: Described = NOTHING_SAID,
) -> str:
    """Write the index of `codes` (n, 32) with `keys` (n, all different) to `path`; returns its SHA-256.

    The file is complete and on the disk when this returns, for this user only; `path` never has half of one. Raises
    `ValueError` for arrays of another shape, `UnavailableError` when it cannot be written.
    """
    if sys.byteorder != "little":
        raise UnavailableError("Index files are little-endian, and this machine is not.")
    arranged = distinct(codes, keys)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            digest = write(file, arranged, checkpoint, described)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise UnavailableError(f"The index file {path.name} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return digest


def check_length(path: Path) -> None:
    """Read a file's header, and see that the file is as long as that says: cheap, but it sees no other damage.

    Raises `CorruptIndexError` otherwise, or for a file that is missing.
    """
    try:
        with path.open("rb") as file:
            _, counts = _header(path, file.read(HEADER_BYTES))
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise CorruptIndexError(f"The index file {path.name} cannot be read: {error}.", hint=REBUILD) from error
    _check_size(path, size, counts)


def _check_size(path: Path, size: int, counts: Counts) -> None:
    if size != counts.places()[1] + DIGEST_BYTES:
        raise CorruptIndexError(f"The index file {path.name} has not the length it should have.", hint=REBUILD)


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder last over a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _header(path: Path, data: mmap.mmap | bytes) -> tuple[int, Counts]:
    if len(data) < HEADER_BYTES:
        raise CorruptIndexError(f"The index file {path.name} is cut off.", hint=REBUILD)
    magic, version, width, checkpoint, *numbers = HEADER.unpack_from(data)
    counts = Counts(*numbers)
    if magic != MAGIC or min(numbers) < 0 or width != id_width(counts.codes):
        raise CorruptIndexError(f"The index file {path.name} is no index.", hint=REBUILD)
    if version != VERSION:
        raise CorruptIndexError(f"The index file {path.name} is of version {version}, not {VERSION}.", hint=REBUILD)
    return checkpoint, counts


def write(file: BinaryIO, arranged: Distinct, checkpoint: int, described: Described = NOTHING_SAID) -> str:
    """Write a whole index file; returns its SHA-256 in hexadecimal."""
    numbers = len(arranged.codes), len(arranged.extra_codes), len(arranged.more_keys)
    counts = Counts(*numbers, len(described.facts.records), len(described.text))
    fields = (checkpoint, *numbers, counts.facts, counts.text)
    digest = hashlib.sha256()

    def put(data: bytes | memoryview) -> None:
        digest.update(data)
        file.write(data)

    put(HEADER.pack(MAGIC, VERSION, id_width(counts.codes), *fields).ljust(HEADER_BYTES, b"\0"))
    for name, parts in _parts(arranged, described).items():
        written = 0
        for part in parts:
            data = part.reshape(-1).view(np.uint8).data
            put(data)
            written += len(data)
        kind, shape = counts.sections()[name]
        if written != math.prod(shape) * np.dtype(kind).itemsize:
            raise ValueError(f"{name} is {written} bytes")
        put(bytes(_aligned(written) - written))
    file.write(digest.digest())
    return digest.hexdigest()


def _parts(arranged: Distinct, described: Described) -> dict[str, Iterable[NDArray[Any]]]:
    """Each array, in the order of the file; the postings one slot at a time, and the offsets that this gives."""
    offsets: list[NDArray[np.uint32]] = []
    return {
        "codes": (arranged.codes,),
        "first_keys": (arranged.first_keys,),
        "extra_codes": (arranged.extra_codes,),
        "extra_starts": (arranged.extra_starts,),
        "extra_keys": (arranged.extra_keys,),
        "more_keys": (arranged.more_keys,),
        "more_codes": (arranged.more_codes,),
        "postings": _postings(arranged.codes, offsets),
        "offsets": offsets,
        **{name: (column,) for name, column in zip(FACTS, described.facts, strict=True)},
        "text": (np.frombuffer(described.text, dtype=np.uint8),),
    }


def _postings(codes: NDArray[np.uint64], offsets: list[NDArray[np.uint32]]) -> Iterator[NDArray[np.uint8]]:
    width = id_width(len(codes))
    for slot in range(SLOTS):
        starts, ids = compiled.sorted_slot(codes, slot)
        offsets.append(starts)
        yield np.ascontiguousarray(ids.astype("<u4", copy=False).view(np.uint8).reshape(-1, 4)[:, :width])


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
