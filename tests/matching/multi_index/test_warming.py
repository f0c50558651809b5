import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from moderation.domain.errors import UnavailableError
from moderation.matching.multi_index import compiled
from moderation.matching.multi_index.layout import Hits
from moderation.matching.multi_index.warming import warm_up

WARM = "from moderation.matching.multi_index.warming import warm_up; warm_up()"
SORT = """
import numpy as np
from moderation.matching.multi_index import compiled
assert compiled.sorted_slot(np.zeros((2, 4), dtype=np.uint64), 0)[1].tolist() == [0, 1]
"""
NOWHERE = "from numba.core.caching import CompileResultCacheImpl as c; c._locator_classes = []"
ONE_SIGNATURE = """
from moderation.matching.multi_index import kernels
entries = [kernels.order, kernels.scan_rows, kernels.scan_codes, kernels.search, kernels.sort_slot]
assert [len(one.signatures) for one in entries] == [1] * 5, [one.signatures for one in entries]
"""


def python(code: str, cache: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True)


def ended_well(process: "subprocess.Popen[str]") -> bool:
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 0, told
    return True


@pytest.mark.long
def test_two_processes_compile_at_once_and_a_broken_cache_is_only_slower(tmp_path: Path) -> None:
    assert all(map(ended_well, [python(WARM + ONE_SIGNATURE, tmp_path), python(WARM, tmp_path)]))
    kept = list(tmp_path.rglob("*.nb?"))
    assert {path.suffix for path in kept} == {".nbi", ".nbc"}
    for number, path in enumerate(sorted(kept)):
        path.write_bytes(b"" if number % 3 == 0 else path.read_bytes()[: path.stat().st_size // 2])
    assert ended_well(python(WARM, tmp_path))
    assert min(path.stat().st_size for path in tmp_path.rglob("*.nbi")) > 0


def test_without_a_place_for_the_cache_it_compiles(tmp_path: Path) -> None:
    assert ended_well(python(NOWHERE + SORT, tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_kernels_that_find_something_else_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(_arrays: object, _removed: object, _queries: object, _radius: int, hits: Hits) -> None:
        assert np.all(hits.sizes == 0)

    monkeypatch.setattr(compiled, "search_arrays", lose)
    with pytest.raises(UnavailableError, match="does not find"):
        warm_up()
    monkeypatch.undo()
    warm_up()
