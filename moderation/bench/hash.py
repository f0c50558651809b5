"""`bench hash`: JPEG bytes to all hashes, beside what other Python software takes for one, and the bare decode."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from statistics import fmean
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image

from moderation.bench.hash_pictures import SIZES, jpegs
from moderation.bench.result import BenchResult
from moderation.domain.errors import UnavailableError
from moderation.matching.hashes.frame_hashes import frame_hashes, hashes_of
from moderation.matching.hashes.jpeg_hashes import hashes_of_jpeg, reduction_for
from moderation.matching.hashes.pdq import from_hex
from moderation.matching.hashes.reductions import REDUCTIONS
from moderation.media.subject import Rgb

PEERS = ("pytx_pdq", "imagehash_phash", "decode")
TARGETS = (
    ("ratio_pytx_512", ">=", 3.5),
    ("ratio_pytx_1024", ">=", 12.0),
    ("ratio_pytx_12mp", ">=", 15.0),
    ("full_decode_bits", "<=", 0.0),
    ("reduced_decode_bits", "<=", 10.0),
)
LARGE_PIXELS = 10_000_000
LARGE_SHARE = 4
"""Larger pictures are measured in so many times fewer turns."""
FEWEST_TURNS = 3
BATCH = 16

PeerHash: TypeAlias = Callable[[bytes], tuple[str, int]]
Timed: TypeAlias = Callable[[], object]


def bench_hash(*, rounds: int, pictures: int, images: Path | None, tell: Callable[[str], None]) -> BenchResult:
    """Milliseconds of a processor by size and step, all contenders in turns; the fastest turn of each counts.

    `ratio_pytx_*` is the peer's time for one PDQ over ours for every hash; `ratio_decode_floor_*` is the bare reduced
    decode's time over ours: 1 would mean that hashing costs nothing. Raises `UnavailableError` without the peer.
    """
    peer = peer_hash(tell)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    figures = {"full_decode_bits": 0.0, "reduced_decode_bits": 0.0}
    peers: dict[str, float] = {}
    try:
        for size, (height, width) in SIZES.items():
            files = jpegs(height, width, pictures, images)
            few = max(FEWEST_TURNS, rounds // LARGE_SHARE)
            count = few if height * width > LARGE_PIXELS else rounds
            found = measured(files, peer, count)
            figures.update({f"{step}_ms_{size}": value for step, value in found.items() if step not in PEERS})
            peers.update({f"{step}_ms_{size}": found[step] for step in PEERS})
            figures[f"ratio_pytx_{size}"] = found["pytx_pdq"] / found["hashes"]
            figures[f"ratio_decode_floor_{size}"] = found["reduced_decode"] / found["hashes"]
            for data in files:
                differences = bits(data, peer)
                figures.update({name: max(figures[name], value) for name, value in differences.items()})
            tell(in_words(size, figures, peers))
    finally:
        cv2.setNumThreads(threads)
    return BenchResult("hash", figures, peers, TARGETS)


def peer_hash(tell: Callable[[str], None]) -> PeerHash:
    """The PDQ of python-threatexchange: hexadecimal and quality of a file's bytes. Raises `UnavailableError`."""
    try:
        from threatexchange.signal_type.pdq.pdq_hasher import pdq_from_bytes  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise UnavailableError(
            "python-threatexchange is not installed.", hint="Install the extra: pip install 'moderation[bench]'."
        ) from error
    tell("peer: python-threatexchange's pdq_from_bytes, which its PdqSignal.hash_from_bytes calls")
    found: PeerHash = pdq_from_bytes
    return found


def measured(files: Sequence[bytes], peer: PeerHash, count: int) -> dict[str, float]:
    """Mean over the files of the milliseconds of each contender, each called `count` times in turns."""
    found = [turns(contenders(data, peer), count) for data in files]
    return {name: fmean(one[name] for one in found) for name in found[0]}


def turns(calls: Mapping[str, Timed], count: int) -> dict[str, float]:
    """Processor milliseconds of each call's fastest turn, after one that does not count.

    Nothing makes a call faster than it is; what else runs on the machine makes most turns slower, short calls' most.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(count + 1):
        for name, call in calls.items():
            begin = time.process_time()
            call()
            if turn:
                times[name].append(time.process_time() - begin)
    return {name: min(found) * 1000 for name, found in times.items()}


def contenders(data: bytes, peer: PeerHash) -> dict[str, Timed]:
    """Ours and its steps, and `PEERS`, for one file.

    `reduce_*` is what a lane's decoder adds to a full decode; `batch_hashes` what its lane adds to that, of 16 frames.
    """
    import imagehash  # noqa: PLC0415 - loads scipy

    rgb = full_decode(data)
    _, flag = reduction_for(rgb.shape[1], rgb.shape[0])
    frames = [{name: reduce(rgb) for name, reduce in REDUCTIONS.items()}] * BATCH
    return {
        "hashes": partial(hashes_of_jpeg, data),
        "reduced_decode": partial(cv2.imdecode, np.frombuffer(data, dtype=np.uint8), flag),
        "pytx_pdq": partial(peer, data),
        "imagehash_phash": lambda: imagehash.phash(Image.open(BytesIO(data))),
        "decode": partial(full_decode, data),
        "batch_hashes": partial(frame_hashes, frames),
        **{f"reduce_{name}": partial(reduce, rgb) for name, reduce in REDUCTIONS.items()},
    }


def bits(data: bytes, peer: PeerHash) -> dict[str, float]:
    """How far our PDQ of the full decode is from the peer's, and that of the reduced decode from the full one's."""
    with Image.open(BytesIO(data)) as picture:
        full = hashes_of(np.asarray(picture.convert("RGB"))).pdq[0]
    apart = {"full_decode_bits": from_hex(peer(data)[0]), "reduced_decode_bits": hashes_of_jpeg(data).pdq[0]}
    return {name: float(np.bitwise_count(code ^ full).sum()) for name, code in apart.items()}


def full_decode(data: bytes) -> Rgb:
    """The file's pixels, as a lane's decoder has them."""
    return np.asarray(cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def in_words(size: str, figures: Mapping[str, float], peers: Mapping[str, float]) -> str:
    """One size for people."""
    return (
        f"{size}: all hashes {figures[f'hashes_ms_{size}']:.3g} ms (reduced decode alone "
        f"{figures[f'reduced_decode_ms_{size}']:.3g}), peers: PDQ {peers[f'pytx_pdq_ms_{size}']:.3g}, "
        f"pHash {peers[f'imagehash_phash_ms_{size}']:.3g}, bare decode {peers[f'decode_ms_{size}']:.3g} ms; "
        f"{figures[f'ratio_pytx_{size}']:.3g} times the peer's speed"
    )
