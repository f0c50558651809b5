import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from moderation.domain.errors import UnavailableError
from moderation.domain.media import Refusal
from moderation.media.subject import Picture
from moderation.settings import Settings
from review_ui.api.matching.opening import open_matching
from review_ui.api.matching.pictures import PictureReader
from review_ui.errors import UnreadablePictureError
from review_ui.site import Site
from tests.review_ui.api.matching.pictures import LocalDecoder, as_png, drawn


class SlowDecoder(LocalDecoder):
    """Decodes when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()

    def decode(self, images: Sequence[bytes]) -> list[Picture | Refusal]:
        self.entered.release()
        assert self.go_on.wait(10)
        return super().decode(images)


def test_the_decoder_is_started_when_it_is_needed_and_once() -> None:
    started: list[LocalDecoder] = []

    def start() -> LocalDecoder:
        started.append(LocalDecoder())
        return started[-1]

    reader = PictureReader(start)
    assert started == []
    for _ in range(2):
        assert reader.read(as_png(drawn(1))).frames[0].quality >= 50
    assert len(started) == 1
    reader.close()
    reader.close()
    assert started[0].closed
    with pytest.raises(UnavailableError):
        reader.read(as_png(drawn(1)))


def test_nothing_is_closed_that_was_not_started() -> None:
    def start() -> LocalDecoder:
        raise AssertionError("nobody needs it")

    PictureReader(start).close()


def test_too_many_at_once_are_sent_away_and_a_free_place_is_taken() -> None:
    decoder = SlowDecoder()
    reader = PictureReader(lambda: decoder, waiting=2)
    with ThreadPoolExecutor(2) as threads:
        busy = [threads.submit(reader.read, as_png(drawn(seed))) for seed in range(2)]
        for _ in busy:
            assert decoder.entered.acquire(timeout=10)
        with pytest.raises(UnavailableError, match="at once"):
            reader.read(as_png(drawn(3)))
        decoder.go_on.set()
        for future in busy:
            future.result(10)
    for _ in range(3):
        with pytest.raises(UnreadablePictureError):
            reader.read(b"nothing")
    assert reader.read(as_png(drawn(3))).width == 256


def test_the_real_decoder_hashes_and_ends(site: Site, settings: Settings) -> None:
    matching = open_matching(settings, site.database)
    try:
        hashed = matching.pictures.read(as_png(drawn(1)))
        (local,) = PictureReader(LocalDecoder).read(as_png(drawn(1))).frames
        assert (hashed.frames[0].pdq == local.pdq).all()
        assert (hashed.frames[0].phash, hashed.frames[0].dhash) == (local.phash, local.dhash)
        with pytest.raises(UnreadablePictureError, match="unsupported"):
            matching.pictures.read(b"GIF99")
        with pytest.raises(UnreadablePictureError, match="too_large"):
            matching.pictures.read(b"\xff\xd8\xff" + bytes(settings.max_image_bytes))
    finally:
        matching.pictures.close()
