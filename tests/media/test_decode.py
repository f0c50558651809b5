import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from moderation.domain.errors import UnavailableError
from moderation.domain.media import Refusal, RefusalReason
from moderation.media.decode import PREVIEW_SIDE, DecoderProcess
from moderation.media.subject import Picture
from tests.media.hostile import Deed, environment, misbehave, picture
from tests.media.images import LIMITS, animation, encoded, noise, png

QUICK = replace(LIMITS, seconds=2)
FINE = picture(Deed.NOTHING, level=42)


@pytest.fixture
def decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DecoderProcess]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with DecoderProcess(QUICK, {"mean": misbehave}) as opened:
        yield opened


def reasons(results: list[Picture | Refusal]) -> list[RefusalReason | None]:
    return [result.reason if isinstance(result, Refusal) else None for result in results]


def is_fine(result: Picture | Refusal) -> bool:
    return isinstance(result, Picture) and result.frames[0].reduced["mean"][0] == 42


def pid_of(decoder: DecoderProcess) -> int:
    assert decoder._child is not None
    return decoder._child._process.pid


def ended(pid: int) -> bool:
    """True once the process is gone, or a zombie that nobody reaps in this container."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_a_picture_comes_back_with_its_facts_preview_and_reductions(decoder: DecoderProcess) -> None:
    pixels = noise(48, 80)
    (result,) = decoder.decode([encoded(pixels, "PNG")])
    assert isinstance(result, Picture)
    assert (result.facts.format, result.facts.width, result.facts.height, result.facts.mode) == ("PNG", 80, 48, "RGB")
    np.testing.assert_array_equal(result.frames[0].rgb, pixels)
    assert result.frames[0].reduced["mean"] == pixels[1:].mean()


def test_frames_are_the_callers_own(decoder: DecoderProcess) -> None:
    first, second = (decoder.decode([encoded(noise(16, 16, seed), "PNG")])[0] for seed in (1, 2))
    assert isinstance(first, Picture)
    assert isinstance(second, Picture)
    np.testing.assert_array_equal(first.frames[0].rgb, noise(16, 16, 1))
    first.frames[0].rgb[:] = 0
    np.testing.assert_array_equal(second.frames[0].rgb, noise(16, 16, 2))


def test_reductions_see_the_full_size_and_signals_a_preview() -> None:
    with DecoderProcess(LIMITS, {"mean": misbehave}) as decoder:
        (result,) = decoder.decode([encoded(noise(1200, 2400), "PNG")])
    assert isinstance(result, Picture)
    assert result.frames[0].rgb.shape == (PREVIEW_SIDE // 2, PREVIEW_SIDE, 3)
    assert result.frames[0].reduced["mean"] == noise(1200, 2400)[1:].mean()


def test_an_animation_brings_at_most_the_limit_of_frames(decoder: DecoderProcess) -> None:
    (result,) = decoder.decode([animation("GIF", 9)])
    assert isinstance(result, Picture)
    assert (result.facts.frames, len(result.frames)) == (9, LIMITS.max_frames)


def test_the_frames_of_an_animation_share_one_previews_pixels(decoder: DecoderProcess) -> None:
    (result,) = decoder.decode([animation("GIF", 4, side=1400)])
    assert isinstance(result, Picture)
    assert [frame.rgb.shape for frame in result.frames] == [(PREVIEW_SIDE // 2, PREVIEW_SIDE // 2, 3)] * 4


def test_what_needs_no_decoding_is_refused(decoder: DecoderProcess) -> None:
    results = decoder.decode([b"", bytes(QUICK.max_bytes + 1), b"<svg/>", FINE])
    assert reasons(results) == [RefusalReason.EMPTY, RefusalReason.TOO_LARGE, RefusalReason.UNSUPPORTED, None]


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        (Deed.SEGFAULT, RefusalReason.DECODER_CRASHED),
        (Deed.EXIT, RefusalReason.DECODER_CRASHED),
        (Deed.HANG, RefusalReason.TIMEOUT),
        (Deed.HANG_HOLDING_THE_INTERPRETER, RefusalReason.TIMEOUT),
        (Deed.GARBAGE, RefusalReason.DECODER_CRASHED),
        (Deed.HUGE_LENGTH, RefusalReason.DECODER_CRASHED),
        (Deed.FORGED_ANSWER, RefusalReason.DECODER_CRASHED),
        (Deed.HOARD, RefusalReason.OUT_OF_MEMORY),
        (Deed.RAISE, RefusalReason.DECODER_CRASHED),
        (Deed.LARGE_RESULT, RefusalReason.OUT_OF_MEMORY),
        (Deed.OBJECTS, RefusalReason.DECODER_CRASHED),
        (Deed.WRITE_FILE, RefusalReason.DECODER_CRASHED),
        (Deed.SHRINK_MEMORY, RefusalReason.DECODER_CRASHED),
    ],
)
def test_a_picture_that_takes_its_decoder_down_goes_alone(
    decoder: DecoderProcess, deed: Deed, reason: RefusalReason
) -> None:
    before, culprit, after = decoder.decode([FINE, picture(deed), FINE])
    assert isinstance(culprit, Refusal)
    assert culprit.reason is reason
    assert culprit.detail.isprintable()
    assert is_fine(before)
    assert is_fine(after)


def test_the_refusal_says_how_the_decoder_ended(decoder: DecoderProcess) -> None:
    crashed, left = decoder.decode([picture(Deed.SEGFAULT), picture(Deed.EXIT)])
    assert isinstance(crashed, Refusal)
    assert isinstance(left, Refusal)
    assert "SIGSEGV" in crashed.detail
    assert "exited with 3" in left.detail


def test_no_file_is_written(decoder: DecoderProcess, tmp_path: Path) -> None:
    decoder.decode([picture(Deed.WRITE_FILE)])
    assert [path.stat().st_size for path in tmp_path.iterdir()] in ([], [0])


def test_a_decoder_that_somebody_kills_costs_no_picture(decoder: DecoderProcess) -> None:
    assert is_fine(decoder.decode([FINE])[0])
    os.kill(pid_of(decoder), signal.SIGKILL)
    assert is_fine(decoder.decode([FINE])[0])
    assert is_fine(decoder.decode([picture(Deed.NOTHING, 42)])[0])


def test_a_decoder_that_has_served_enough_is_replaced_and_costs_no_picture() -> None:
    with DecoderProcess(QUICK, {"mean": misbehave}, images_per_child=3) as decoder:
        assert all(map(is_fine, decoder.decode([FINE] * 3)))
        first = pid_of(decoder)
        assert all(map(is_fine, decoder.decode([FINE] * 2)))
        second = pid_of(decoder)
        assert all(map(is_fine, decoder.decode([FINE] * 4)))
        assert len({first, second, pid_of(decoder)}) == 3
        assert ended(first)
        assert ended(second)


def test_an_image_is_blamed_only_when_a_fresh_decoder_crashes_too(decoder: DecoderProcess, tmp_path: Path) -> None:
    (result,) = decoder.decode([picture(Deed.CRASH_ONCE, 42)])
    assert (tmp_path / "crashed").exists()
    assert is_fine(result)


def test_ctrl_c_and_sigterm_do_not_reach_it(decoder: DecoderProcess) -> None:
    decoder.decode([FINE])
    pid = pid_of(decoder)
    assert os.getpgid(pid) != os.getpgrp()
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    assert is_fine(decoder.decode([FINE])[0])
    assert pid_of(decoder) == pid


def test_threads_take_turns(decoder: DecoderProcess) -> None:
    wrong: list[int] = []

    def work(level: int) -> None:
        results = decoder.decode([picture(Deed.NOTHING, level)] * 20)
        means = [result.frames[0].reduced["mean"][0] for result in results if isinstance(result, Picture)]
        wrong.extend(set(means) ^ {level})

    threads = [threading.Thread(target=work, args=(level,)) for level in (10, 20, 30, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_decoder_started_in_a_thread_outlives_the_thread() -> None:
    opened: list[DecoderProcess] = []
    thread = threading.Thread(target=lambda: opened.append(DecoderProcess(QUICK, {"mean": misbehave})))
    thread.start()
    thread.join()
    with opened[0] as decoder:
        assert is_fine(decoder.decode([FINE])[0])
        pid = pid_of(decoder)
        assert is_fine(decoder.decode([FINE])[0])
        assert pid_of(decoder) == pid


def test_closing_ends_the_process_and_further_use_is_an_error() -> None:
    decoder = DecoderProcess(QUICK, {})
    decoder.decode([FINE])
    pid = pid_of(decoder)
    decoder.close()
    decoder.close()
    assert ended(pid)
    with pytest.raises(UnavailableError):
        decoder.decode([FINE])


def test_closing_does_not_wait_for_a_picture_that_hangs() -> None:
    decoder = DecoderProcess(replace(QUICK, seconds=600), {"mean": misbehave})
    assert is_fine(decoder.decode([FINE])[0])
    failures: list[Exception] = []

    def work() -> None:
        try:
            decoder.decode([picture(Deed.HANG)])
        except UnavailableError as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert eventually(decoder._turn.locked)
    time.sleep(0.1)
    decoder.close()
    thread.join(timeout=30)
    assert not thread.is_alive()
    assert len(failures) == 1


def test_a_reduction_that_the_child_cannot_find_is_reported() -> None:
    def local(rgb: np.ndarray) -> np.ndarray:
        return rgb

    with DecoderProcess(QUICK, {"local": local}) as decoder, pytest.raises(UnavailableError, match="did not start"):
        decoder.decode([FINE])


def test_nothing_secret_reaches_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODERATION_DATABASE_URL", "postgresql://user:hunter2@host/name")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter3")
    with DecoderProcess(QUICK, {"environment": environment}) as decoder:
        (result,) = decoder.decode([FINE])
    assert isinstance(result, Picture)
    seen = result.frames[0].reduced["environment"].tobytes().decode()
    assert "PYTHONPATH" in seen
    assert "hunter" not in seen


def test_the_kernel_holds_its_limits(decoder: DecoderProcess) -> None:
    decoder.decode([FINE])
    limits = Path(f"/proc/{pid_of(decoder)}/limits").read_text()
    rows = {line[:26].strip(): line[26:].split()[0] for line in limits.splitlines()[1:]}
    assert int(rows["Max address space"]) < 4 * 2**30
    assert (rows["Max core file size"], rows["Max file size"]) == ("0", "0")


def test_little_memory_refuses_a_large_picture_and_spares_the_next() -> None:
    wide = replace(LIMITS, max_pixels=40_000_000, max_side=8_000, memory_mb=64)
    with DecoderProcess(wide, {"mean": misbehave}) as decoder:
        results = decoder.decode([png(6_000, 6_000, rows=bytes(6_000 * (1 + 6_000 * 3))), FINE])
    assert reasons(results) == [RefusalReason.OUT_OF_MEMORY, None]


@pytest.mark.parametrize("deed", [Deed.NOTHING, Deed.HANG_HOLDING_THE_INTERPRETER])
def test_the_process_ends_when_its_lane_is_killed(deed: Deed) -> None:
    script = (
        "import sys\n"
        "from moderation.media.decode import DecodeLimits, DecoderProcess\n"
        "from tests.media.hostile import Deed, misbehave, picture\n"
        "decoder = DecoderProcess(DecodeLimits(2**20, 2**20, 2**12, 2, 1.0, 512), {'mean': misbehave})\n"
        "decoder.decode([picture(Deed.NOTHING)])\n"
        "print(decoder._child._process.pid, flush=True)\n"
        f"decoder.decode([picture(Deed({int(deed)}))])\n"
        "sys.stdin.read()\n"
    )
    lane = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert lane.stdout is not None
    assert lane.stdin is not None
    pid = int(lane.stdout.readline())
    time.sleep(0.2)
    lane.kill()
    lane.wait()
    lane.stdout.close()
    lane.stdin.close()
    assert eventually(lambda: ended(pid))
