"""Renderings kept in memory, and their end."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from moderation.domain.errors import NotFoundError, UnavailableError
from moderation.domain.ids import Digest
from moderation.domain.media import Refusal, RefusalReason
from moderation.media.decode import DecoderProcess
from moderation.media.store import BlobStore
from review_ui.console.pictures import BROUGHT_AT_ONCE, Pictures, Rendered
from tests.media.images import LIMITS, animation, encoded, noise


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(f"file://{tmp_path}")


@pytest.fixture
def pictures(blobs: BlobStore) -> Iterator[Pictures]:
    made = Pictures(blobs, LIMITS)
    yield made
    made.close()


def rendered(pictures: Pictures, digest: Digest) -> Rendered:
    found = pictures.get(digest)
    assert isinstance(found, Rendered)
    return found


def test_people_see_more_frames_than_signals_do(blobs: BlobStore, pictures: Pictures) -> None:
    found = rendered(pictures, blobs.write(animation("GIF", 12)))
    assert LIMITS.max_frames < len(found.shown) == len(found.concealed) == 12


def test_a_picture_is_decoded_once_as_long_as_there_is_room(blobs: BlobStore, pictures: Pictures) -> None:
    digest = blobs.write(encoded(noise(64, 64), "PNG"))
    assert rendered(pictures, digest) is rendered(pictures, digest)
    small = Pictures(blobs, LIMITS, kept_bytes=1)
    assert rendered(small, digest) is not rendered(small, digest)
    small.close()


def test_files_that_people_bring_do_not_queue_up(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, begun = threading.Event(), threading.Semaphore(0)

    def slow(_decoder: object, data: list[bytes]) -> list[Refusal]:
        begun.release()
        assert go_on.wait(30)
        return [Refusal(RefusalReason.CORRUPT, "") for _ in data]

    monkeypatch.setattr(DecoderProcess, "decode", slow)
    with ThreadPoolExecutor(BROUGHT_AT_ONCE) as pool:
        busy = [pool.submit(pictures.hashes, b"x") for _ in range(BROUGHT_AT_ONCE)]
        for _ in busy:
            begun.acquire()
        with pytest.raises(UnavailableError):
            pictures.hashes(b"x")
        go_on.set()
    assert isinstance(pictures.hashes(b"x"), Refusal)


def test_the_oldest_goes_first(blobs: BlobStore) -> None:
    digests = [blobs.write(encoded(noise(64, 64, seed), "PNG")) for seed in range(3)]
    probe = Pictures(blobs, LIMITS)
    room = rendered(probe, digests[0]).size * 5 // 2
    probe.close()
    pictures = Pictures(blobs, LIMITS, kept_bytes=room)
    first, second = rendered(pictures, digests[0]), rendered(pictures, digests[1])
    assert rendered(pictures, digests[0]) is first
    rendered(pictures, digests[2])
    assert rendered(pictures, digests[0]) is first
    assert rendered(pictures, digests[1]) is not second
    pictures.close()


def test_what_cannot_be_read_is_refused_and_compared_with_nothing(blobs: BlobStore, pictures: Pictures) -> None:
    good, broken = blobs.write(encoded(noise(64, 64), "PNG")), blobs.write(b"no picture")
    assert isinstance(pictures.get(broken), Refusal)
    assert pictures.compare(good, broken) is None
    found = pictures.compare(good, good)
    assert found is not None
    assert found.regions == ()
    with pytest.raises(NotFoundError):
        pictures.get(Digest("0" * 64))


def test_closing_twice_is_closing(pictures: Pictures) -> None:
    pictures.close()
    pictures.close()
