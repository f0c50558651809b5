"""The decoder over every file of the shared corpora, with the reductions that screening uses."""

from pathlib import Path

import pytest

from moderation.matching.hashes.reductions import REDUCTIONS as MATCHING_REDUCTIONS
from moderation.media.codes import PICTURE_CODES, picture_codes
from moderation.media.decode import DecodeLimits, DecoderProcess
from moderation.media.preprocess import opennsfw_224
from moderation.media.subject import Picture
from tests.media.images import LIMITS, encoded, noise

FINE = encoded(noise(16, 16), "PNG")
REDUCTIONS = {**MATCHING_REDUCTIONS, "opennsfw_224": opennsfw_224, PICTURE_CODES: picture_codes}


def pid_of(decoder: DecoderProcess) -> int:
    assert decoder._child is not None
    return decoder._child._process.pid


@pytest.mark.parametrize(
    ("folder", "decoded", "count"),
    [("malformed", 10, 300), ("formats", 173, 186), ("photos", 160, 160), ("large", 12, 12)],
)
def test_every_file_of_the_corpora_ends_in_a_picture_or_a_reason(
    shared: Path, folder: str, decoded: int, count: int
) -> None:
    limits = DecodeLimits(20 * 2**20, 50_000_000, 16_384, 8, 10.0, 1_536)
    files = sorted((shared / "corpora" / folder).iterdir())
    with DecoderProcess(limits, REDUCTIONS) as decoder:
        decoder.decode([FINE])
        pid = pid_of(decoder)
        results = decoder.decode([path.read_bytes() for path in files])
        assert pid_of(decoder) == pid
        peak = int(Path(f"/proc/{pid}/status").read_text().split("VmHWM:")[1].split()[0])
    assert len(results) == len(files) == count
    assert sum(isinstance(result, Picture) for result in results) == decoded
    assert peak < 400 * 1024


def test_the_broken_files_of_the_png_suite_are_refused(shared: Path) -> None:
    """All but one: a wrong checksum of pixel data alone does not keep the pixels from being shown."""
    files = sorted((shared / "corpora/formats").glob("pngsuite-x*.png"))
    with DecoderProcess(LIMITS, {}) as decoder:
        results = decoder.decode([path.read_bytes() for path in files])
    accepted = [path.name for path, result in zip(files, results, strict=True) if isinstance(result, Picture)]
    assert accepted == ["pngsuite-xcsn0g01.png"]
