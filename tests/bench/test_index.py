import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from moderation.bench import index, index_cases, index_plot
from moderation.bench.index_cases import Cases, random_cases, viral_cases
from moderation.bench.index_contenders import Faiss
from moderation.domain.errors import UnavailableError

RELIED_ON = {
    "query_ms", "batch_query_ms", "ratio_pytx", "add_ms", "remove_ms", "index_mb", "build_s", "recall",
}  # fmt: skip


def distance(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    return int(np.bitwise_count(one ^ other).sum())


def test_queries_are_planted_at_every_distance() -> None:
    cases = random_cases(2000)
    planted = [(query, original) for query, original in enumerate(cases.planted.tolist()) if original >= 0]
    distances = [distance(cases.queries[query], cases.codes[original]) for query, original in planted]
    assert sorted(distances) == sorted(list(range(32)) * 7)
    assert len(cases.queries) == index.BATCH


def test_viral_copies_are_near_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_cases, "NEAR_COPIES", 100)
    cases = viral_cases(50)
    assert len(cases.codes) == 150
    assert max(distance(cases.codes[0], code) for code in cases.codes[50:]) == 31
    assert min(distance(cases.codes[0], code) for code in cases.codes[50:]) == 1


def test_recall_counts_planted_queries_only() -> None:
    nothing = np.empty((0, 32), dtype=np.uint8)
    cases = Cases(nothing, nothing, np.array([4, -1, 9]))
    assert cases.recall([[1, 4], [2], [8]]) == 0.5


def test_the_bench_measures_what_is_relied_on(peers: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(index_cases, "NEAR_COPIES", 300)
    monkeypatch.setitem(index.MOST, "faiss_multihash", 1000)
    told: list[str] = []
    result = index.bench_index(size=3000, rounds=1, tell=told.append)
    assert result.figures.keys() >= RELIED_ON
    assert (result.figures["recall"], result.peers["pytx_recall"], result.peers["faiss_flat_recall"]) == (1, 1, 1)
    assert all(value > 0 for value in result.figures.values())
    assert "faiss_multihash: left out above 1,000 hashes" in told
    assert not any("multihash" in name for name in result.peers if not name.startswith("viral"))
    index_plot.draw({**result.peers, **result.figures}, tmp_path / "plot.html")
    page = (tmp_path / "plot.html").read_text()
    assert "3,000 hashes" in page
    assert page.count("python-threatexchange") == 4


def test_an_answer_without_the_entry_that_was_added_counts_as_not_measured() -> None:
    class Deaf:
        name = "deaf"

        def query(self, code: str) -> list[int]:
            return []

        def batch(self, codes: list[str]) -> object:
            return codes

        def add(self, key: int, code: str) -> None: ...

        def remove(self, key: int) -> None:
            raise NotImplementedError

    found = index.changed(Deaf(), random_cases(100), 3)
    assert np.isnan(found["add_ms"])
    assert found.keys() == {"add_ms"}


def test_targets_follow_the_size() -> None:
    assert {name for name, _, _ in index.targets(1000)} == {"recall", "add_ms", "remove_ms"}
    assert ("ratio_pytx", ">=", 10.0) in index.targets(1_000_000)
    assert ("query_ms", "<=", 2.0) in index.targets(10_000_000)


def test_without_the_peers_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(UnavailableError, match="faiss is not installed"):
        Faiss("faiss_flat", random_cases(100).codes)
