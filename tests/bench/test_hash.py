from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moderation.bench import hash as bench
from moderation.bench.hash import PEERS, TARGETS, bench_hash, bits, contenders, peer_hash, turns
from moderation.bench.hash_pictures import SIZES, drawn, encoded, jpegs
from moderation.bench.hash_plot import draw, page
from moderation.domain.errors import InvalidInputError, UnavailableError
from moderation.matching.hashes.frame_hashes import hashes_of


def test_every_size_is_measured_with_its_floor_and_its_peers(peers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SIZES", dict.fromkeys(SIZES, (512, 520)))
    told: list[str] = []
    result = bench_hash(rounds=3, pictures=1, images=None, tell=told.append)
    for size in SIZES:
        assert result.figures[f"hashes_ms_{size}"] > 0
        assert result.figures[f"ratio_decode_floor_{size}"] > 0
        expected = result.peers[f"pytx_pdq_ms_{size}"] / result.figures[f"hashes_ms_{size}"]
        assert result.figures[f"ratio_pytx_{size}"] == pytest.approx(expected)
        assert all(result.peers[f"{name}_ms_{size}"] > 0 for name in PEERS)
    assert {name for name, _, _ in TARGETS} <= set(result.figures)
    assert result.figures["full_decode_bits"] == 0
    assert result.figures["reduced_decode_bits"] <= 10
    assert "python-threatexchange" in told[0]
    text = page({**result.figures, **result.peers})
    assert all(f"<h2>{width} by {height}</h2>" in text for height, width in SIZES.values())


def test_the_peer_is_what_its_signal_type_does(peers: None) -> None:
    from threatexchange.signal_type.pdq.signal import PdqSignal  # noqa: PLC0415 - an extra

    (data,) = jpegs(500, 500, 1, None)
    assert peer_hash(lambda _: None)(data)[0] == PdqSignal.hash_from_bytes(data)


def test_without_the_peer_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "threatexchange.signal_type.pdq.pdq_hasher", None)
    with pytest.raises(UnavailableError, match="threatexchange"):
        bench_hash(rounds=3, pictures=1, images=None, tell=lambda _: None)


def test_a_hash_that_differs_is_told() -> None:
    (data,) = jpegs(512, 512, 1, None)
    wrong = "f" * 64
    assert bits(data, lambda _: (wrong, 100))["full_decode_bits"] > 60


def test_contenders_do_what_they_are_named_for(peers: None) -> None:
    data = encoded(drawn(512, 512, 1))
    calls = contenders(data, peer_hash(lambda _: None))
    assert set(PEERS) < set(calls)
    assert np.asarray(calls["reduced_decode"]()).shape == (256, 256)
    assert np.asarray(calls["decode"]()).shape == (512, 512, 3)


def test_turns_count_every_call_but_the_first() -> None:
    called: list[str] = []
    found = turns({"one": lambda: called.append("one"), "two": lambda: called.append("two")}, 3)
    assert called == ["one", "two"] * 4
    assert set(found) == {"one", "two"}


def test_drawn_pictures_have_the_detail_of_photographs() -> None:
    rgb = drawn(512, 512, 3)
    assert rgb.shape == (512, 512, 3)
    assert hashes_of(rgb).quality == 100
    assert 30_000 < len(encoded(rgb)) < 120_000
    assert np.array_equal(rgb, drawn(512, 512, 3))


def test_a_folders_pictures_are_used(tmp_path: Path) -> None:
    Image.fromarray(drawn(64, 90, 0)).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    (data,) = jpegs(500, 500, 3, tmp_path)
    assert data.startswith(b"\xff\xd8")
    with pytest.raises(InvalidInputError):
        jpegs(500, 500, 3, tmp_path / "empty")


def test_a_plot_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    draw({}, None)
    times = {f"{name}_ms_{size}": 1.0 for size in SIZES for name in ("hashes", "reduced_decode", *PEERS)}
    draw(times, tmp_path / "p.html")
    assert (tmp_path / "p.html").read_text().count("<svg") == len(SIZES)
    with pytest.raises(UnavailableError):
        draw(times, tmp_path / "missing" / "p.html")
