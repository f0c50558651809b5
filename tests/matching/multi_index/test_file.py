from pathlib import Path

import numpy as np
import pytest

from moderation.domain.errors import CorruptIndexError, UnavailableError
from moderation.matching.multi_index import build as building
from moderation.matching.multi_index.build import distinct
from moderation.matching.multi_index.file import (
    DIGEST_BYTES,
    HEADER,
    HEADER_BYTES,
    VERSION,
    Counts,
    Described,
    IndexFile,
    build,
    check_length,
)
from moderation.matching.multi_index.layout import FactColumns
from moderation.matching.multi_index.live import LiveIndex
from tests.matching.index_contract import codes, hits


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "an.mi"
    entries = codes(30)
    entries[20] = entries[3]
    build(entries, np.arange(100, 130), path, checkpoint=17)
    return path


def test_what_was_written_is_read(written: Path, tmp_path: Path) -> None:
    found = IndexFile.open(written)
    assert (found.checkpoint, len(found), len(found.arrays.codes)) == (17, 30, 29)
    assert found.keys.tolist() == list(range(100, 130))
    assert hits(LiveIndex(found).search(codes(30)[[3]], 0)) == [(0, 0, 103), (0, 0, 120)]
    assert [path.name for path in tmp_path.iterdir()] == ["an.mi"]
    assert written.stat().st_mode & 0o077 == 0


def test_the_same_entries_make_the_same_file(written: Path, tmp_path: Path) -> None:
    entries = codes(30)
    entries[20] = entries[3]
    order = np.random.default_rng(0).permutation(30)
    assert build(entries[order], order + 100, tmp_path / "b.mi", checkpoint=17) == IndexFile.open(written).digest
    assert (tmp_path / "b.mi").read_bytes() == written.read_bytes()


def test_no_byte_can_change_unseen(written: Path) -> None:
    whole = bytearray(written.read_bytes())
    places = [*range(64), *range(64, len(whole), len(whole) // 200), len(whole) - 1]
    for place in places:
        whole[place] ^= 1
        with pytest.raises(CorruptIndexError):
            IndexFile.of(bytes(whole), written)
        whole[place] ^= 1
    assert len(IndexFile.of(bytes(whole), written)) == 30


def some_facts(rows: int) -> FactColumns:
    """Columns in which every byte is set somewhere."""
    random, facts = np.random.default_rng(3), FactColumns.zeros(rows)
    for column in facts:
        column.view(np.uint8)[:] = random.integers(0, 2, column.nbytes, dtype=np.uint8)
    return facts


@pytest.fixture
def described(tmp_path: Path) -> Path:
    """A file with facts and a text, and codes that have several keys."""
    path = tmp_path / "described.mi"
    build(
        np.repeat(codes(15), 2, axis=0),
        np.arange(30),
        path,
        checkpoint=17,
        described=Described(some_facts(30), b"said"),
    )
    return path


def test_what_was_said_of_the_entries_is_read_and_cannot_be_written(described: Path) -> None:
    found = IndexFile.open(described).described
    assert found.text == b"said"
    for column, written in zip(found.facts, some_facts(30), strict=True):
        assert np.array_equal(column, written)
        assert not column.flags.writeable


def test_a_changed_byte_is_seen_in_every_part_of_a_file(described: Path) -> None:
    """The first and the last byte of each array, the padding behind it, every byte of the header and of the digest."""
    whole = bytearray(described.read_bytes())
    counts = Counts(15, 15, 15, 30, 4)
    places, end = counts.places()
    assert len(whole) == end + DIGEST_BYTES
    edges = {edge for place in (*places.values(), end) for edge in (place - 1, place)}
    assert len(counts.sections()) == len({*places.values()})
    for place in {*range(HEADER_BYTES), *edges, *range(end, len(whole))}:
        for bit in (1, 128):
            whole[place] ^= bit
            with pytest.raises(CorruptIndexError):
                IndexFile.of(bytes(whole), described)
            whole[place] ^= bit
    assert len(IndexFile.of(bytes(whole), described)) == 30


@pytest.mark.parametrize("version", [1, VERSION + 1])
def test_a_file_of_another_version_is_refused_as_such(written: Path, version: int) -> None:
    data = bytearray(written.read_bytes())
    magic, _, *others = HEADER.unpack_from(data)
    HEADER.pack_into(data, 0, magic, version, *others)
    written.write_bytes(bytes(data))
    for read in (IndexFile.open, check_length):
        with pytest.raises(CorruptIndexError, match=f"version {version}, not {VERSION}") as caught:
            read(written)
        assert "bank_index" in caught.value.hint


@pytest.mark.parametrize("kept", [0, 1, 63, 64, 100, 5000, -1, -32, -33])
def test_a_file_that_was_cut_off_is_refused(written: Path, kept: int) -> None:
    written.write_bytes(written.read_bytes()[:kept])
    with pytest.raises(CorruptIndexError):
        IndexFile.open(written)


def test_bytes_behind_the_end_are_refused(written: Path) -> None:
    written.write_bytes(written.read_bytes() + b"\0")
    with pytest.raises(CorruptIndexError, match="length"):
        IndexFile.open(written)


def test_a_whole_file_that_is_another_one_is_refused(written: Path) -> None:
    with pytest.raises(CorruptIndexError, match="not what was written"):
        IndexFile.open(written, digest="0" * 64)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptIndexError, match="cannot be read"):
        IndexFile.open(tmp_path / "none.mi")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be written"):
        build(codes(1), np.arange(1), tmp_path / "missing" / "an.mi", checkpoint=1)


def test_it_stays_readable_when_its_name_is_gone(written: Path) -> None:
    live = LiveIndex(IndexFile.open(written))
    written.unlink()
    assert hits(live.search(codes(30)[[5]], 31)) == [(0, 0, 105)]


@pytest.mark.parametrize(("keys", "problem"), [([1, 2, 1], "twice"), ([1, 2], "keys for 3 codes")])
def test_keys_that_do_not_fit_are_an_error(keys: list[int], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        distinct(codes(3), np.array(keys))


def test_different_codes_with_the_same_mix_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "MIX", np.zeros(4, dtype=np.uint64))
    entries = np.repeat(codes(10), 2, axis=0)
    found = distinct(entries, np.arange(20))
    assert len(found.codes) == 10
    assert found.first_keys.tolist() == list(range(0, 20, 2))
    assert found.more_keys.tolist() == list(range(1, 20, 2))
    assert found.more_codes.tolist() == list(range(10))


def test_wide_numbers_are_read_like_narrow_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Above 16.7 million codes a code's number has four bytes."""
    entries = codes(5000)
    for module in ("file", "layout"):
        monkeypatch.setattr(f"moderation.matching.multi_index.{module}.id_width", lambda _: 4)
    build(entries, np.arange(5000), tmp_path / "wide.mi", checkpoint=1)
    live = LiveIndex(IndexFile.open(tmp_path / "wide.mi"))
    assert hits(live.search(entries, 31)) == [(number, 0, number) for number in range(5000)]
