"""`bench index`: exact lookup within 31 bits, single adds and removes, size and build, beside other exact indexes."""

import gc
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from moderation.bench.index_cases import Cases, hexadecimal, random_cases, viral_cases
from moderation.bench.index_contenders import Contender, Faiss, Ours, Threatexchange, one_thread
from moderation.bench.result import BenchResult
from moderation.matching.multi_index.file import IndexFile
from moderation.matching.multi_index.warming import warm_up

BATCH = 256
MOST = {"pytx": 1_000_000, "faiss_multihash": 2_000_000, "faiss_flat": 10_000_000}
"""Sizes up to which a peer is measured: above, its build takes many minutes or several gigabytes."""
VIRAL_AMONG = 100_000
"""Random hashes beside the near-copies, at most."""
CHANGES = 200
SLOW_CHANGES = 3
"""Changes to a peer: one takes python-threatexchange most of a second."""
MEGABYTE = 1e6

Tell = Callable[[str], None]


def bench_index(*, size: int, rounds: int, tell: Tell) -> BenchResult:
    """Milliseconds a query, alone and in batches of 256, of ours and of the peers in turns, one thread for everybody.

    Medians over the queries: 7 planted at each distance from 0 to 31 bits, and 32 random ones. `recall` is the share of
    planted originals found. `add_ms` and `remove_ms` are of one entry, `build_s` from hashes to a published and checked
    file of `index_mb` (10**6 bytes), `open_s` another process's opening it, digest included. `viral_*` is the same
    with 20,000 near-copies of the picture that is asked for. Raises `UnavailableError` without the peers.
    """
    one_thread()
    warm_up()
    with tempfile.TemporaryDirectory() as place:
        cases = random_cases(size)
        figures, ours = built(cases, Path(place) / "index", tell)
        peers, others = peers_of(cases, tell)
        measured = in_turns([ours, *others], cases, rounds, tell)
        figures.update(_without_name("ours", measured))
        peers.update({name: value for name, value in measured.items() if not name.startswith("ours_")})
        figures.update(changed(ours, cases, CHANGES))
        for other in others:
            peers.update({f"{other.name}_{name}": value for name, value in changed(other, cases, SLOW_CHANGES).items()})
        if "pytx_query_ms" in peers:
            figures["ratio_pytx"] = peers["pytx_query_ms"] / figures["query_ms"]
            figures["ratio_pytx_batch"] = peers["pytx_batch_query_ms"] / figures["batch_query_ms"]
        del others, cases
        gc.collect()
        viral_figures, viral_peers = viral(min(size, VIRAL_AMONG), Path(place) / "viral", rounds, tell)
    return BenchResult("index", {**figures, **viral_figures}, {**peers, **viral_peers}, targets(size))


def targets(size: int) -> tuple[tuple[str, str, float], ...]:
    """The design's bars for so many hashes."""
    always = (("recall", ">=", 1.0), ("add_ms", "<=", 1.0), ("remove_ms", "<=", 1.0))
    faster = (("ratio_pytx", ">=", 10.0),) if size == MOST["pytx"] else ()
    large = (("query_ms", "<=", 2.0), ("index_mb", "<=", 1000.0)) if size == 10 * MOST["pytx"] else ()
    return (*always, *faster, *large)


def built(cases: Cases, folder: Path, tell: Tell) -> tuple[dict[str, float], Ours]:
    """Our index, and what building it took."""
    begun = time.perf_counter()
    ours = Ours(cases.codes, folder, datetime.now(UTC))
    seconds = time.perf_counter() - begun
    size = ours.file.path.stat().st_size / MEGABYTE
    begun = time.perf_counter()
    IndexFile.open(ours.file.path, digest=ours.file.digest)
    opened = time.perf_counter() - begun
    tell(f"ours: {len(cases.codes):,} hashes, {size:.0f} MB, built in {seconds:.1f} s, opened in {opened:.2f} s")
    return {"size": float(len(cases.codes)), "index_mb": size, "build_s": seconds, "open_s": opened}, ours


def peers_of(cases: Cases, tell: Tell) -> tuple[dict[str, float], list[Contender]]:
    """The peers that are measured at this size, and what building them took; `mb` is by how much the process grew."""
    makers: dict[str, Callable[[], Contender]] = {
        "pytx": partial(Threatexchange, cases.codes),
        "faiss_multihash": partial(Faiss, "faiss_multihash", cases.codes),
        "faiss_flat": partial(Faiss, "faiss_flat", cases.codes),
    }
    peers: dict[str, float] = {}
    made = []
    for name, make in makers.items():
        if len(cases.codes) > MOST[name]:
            tell(f"{name}: left out above {MOST[name]:,} hashes")
            continue
        before, begun = resident_mb(), time.perf_counter()
        made.append(make())
        peers[f"{name}_build_s"] = time.perf_counter() - begun
        peers[f"{name}_mb"] = max(0.0, resident_mb() - before)
        tell(f"{name}: built in {peers[f'{name}_build_s']:.1f} s, {peers[f'{name}_mb']:.0f} MB")
    return peers, made


def in_turns(contenders: Sequence[Contender], cases: Cases, rounds: int, tell: Tell) -> dict[str, float]:
    """Each contender's times and recall; in each round each has its turn."""
    queries = hexadecimal(cases.queries)
    single: dict[str, list[float]] = {one.name: [] for one in contenders}
    batches: dict[str, list[float]] = {one.name: [] for one in contenders}
    recall = {one.name: cases.recall([one.query(query) for query in queries]) for one in contenders}
    for _ in range(rounds):
        for one in contenders:
            single[one.name] += [timed_ms(partial(one.query, query)) for query in queries]
            batches[one.name].append(timed_ms(partial(one.batch, queries)) / len(queries))
    found: dict[str, float] = {}
    for one in contenders:
        found[f"{one.name}_query_ms"] = median(single[one.name])
        found[f"{one.name}_query_p99_ms"] = float(np.quantile(single[one.name], 0.99))
        found[f"{one.name}_batch_query_ms"] = median(batches[one.name])
        found[f"{one.name}_recall"] = recall[one.name]
        tell(
            f"{one.name}: {found[f'{one.name}_query_ms']:.3f} ms a query, "
            f"{found[f'{one.name}_batch_query_ms']:.3f} ms in a batch of {len(queries)}, recall {recall[one.name]:.4f}"
        )
    return found


def changed(one: Contender, cases: Cases, count: int) -> dict[str, float]:
    """The median milliseconds of one add and, where it can, of one remove; they are seen by the next query."""
    codes = hexadecimal(np.invert(cases.codes[:count]))
    keys = range(len(cases.codes), len(cases.codes) + len(codes))
    adds = [timed_ms(partial(one.add, key, code)) for key, code in zip(keys, codes, strict=True)]
    seen = keys[0] in one.query(codes[0])
    found = {"add_ms": median(adds) if seen else float("nan")}
    try:
        removes = [timed_ms(partial(one.remove, key)) for key in keys]
    except NotImplementedError:
        return found
    gone = keys[0] not in one.query(codes[0])
    return {**found, "remove_ms": median(removes) if gone else float("nan")}


def viral(size: int, folder: Path, rounds: int, tell: Tell) -> tuple[dict[str, float], dict[str, float]]:
    """The query times where 20,000 near-copies of the picture are banked. Ours answers with the 100 nearest."""
    cases = viral_cases(size)
    tell(f"viral: {len(cases.codes) - size:,} near-copies among {size:,}")
    _, ours = built(cases, folder, tell)
    _, others = peers_of(cases, tell)
    times = in_turns([ours, *others], cases, rounds, tell)
    kept = {name: value for name, value in times.items() if name.endswith(("_query_ms", "_p99_ms"))}
    peers = {f"viral_{name}": value for name, value in kept.items() if not name.startswith("ours_")}
    return {f"viral_{name}": value for name, value in _without_name("ours", kept).items()}, peers


def resident_mb() -> float:
    """The memory of this process, in 10**6 bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MEGABYTE


def timed_ms(work: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def _without_name(name: str, found: Mapping[str, float]) -> dict[str, float]:
    return {key.removeprefix(f"{name}_"): value for key, value in found.items() if key.startswith(f"{name}_")}
