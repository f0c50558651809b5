"""What people are shown: re-encoded frames, previews that tell nothing, regions in which two pictures differ."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from moderation.domain.media import Refusal
from moderation.media.decode import DecoderProcess
from moderation.media.render import (
    CONCEALED_SIDE,
    RENDERINGS,
    SHOWN_SIDE,
    compared,
    concealed_png,
    differences,
    shown_jpeg,
)
from tests.media.images import LIMITS, animation, encoded, noise


def decoded(data: NDArray[np.uint8], flags: int = cv2.IMREAD_UNCHANGED) -> NDArray[np.uint8]:
    found = cv2.imdecode(data, flags)
    assert found is not None
    return np.asarray(found, dtype=np.uint8)


def test_a_shown_frame_is_a_jpeg_of_the_same_picture() -> None:
    rgb = cv2.GaussianBlur(noise(200, 300), (0, 0), 6).astype(np.uint8)
    shown = decoded(shown_jpeg(rgb))[:, :, ::-1]
    assert shown.shape == rgb.shape
    assert np.abs(shown.astype(int) - rgb).mean() < 3


def test_a_large_frame_is_shown_smaller() -> None:
    assert max(decoded(shown_jpeg(noise(1600, 2400))).shape) == SHOWN_SIDE


@pytest.mark.parametrize("shape", [(900, 600), (600, 900), (1, 4000), (3, 3)])
def test_a_concealed_frame_is_tiny_and_grey(shape: tuple[int, int]) -> None:
    concealed = decoded(concealed_png(noise(*shape)))
    assert concealed.ndim == 2
    assert max(concealed.shape) <= CONCEALED_SIDE


def test_a_concealed_frame_tells_no_detail() -> None:
    """Text, fine lines and faces are smaller than a cell: two pictures that differ only in such look alike."""
    plain = np.full((700, 700, 3), 90, np.uint8)
    written = plain.copy()
    cv2.putText(written, "SECRET", (60, 380), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
    apart = decoded(concealed_png(plain)).astype(int) - decoded(concealed_png(written))
    assert np.abs(apart).max() <= 24


def test_equal_pictures_do_not_differ() -> None:
    found = differences(compared(noise(300, 400)), compared(noise(300, 400)))
    assert found.regions == ()
    assert found.share == 0


def test_what_was_painted_over_is_found() -> None:
    one = noise(400, 400)
    other = one.copy()
    other[100:180, 200:320] = (255, 0, 0)
    (region, *_) = differences(compared(one), compared(other)).regions
    assert abs(region.left - 500) < 40
    assert abs(region.top - 250) < 40
    assert abs(region.width - 300) < 60
    assert abs(region.height - 200) < 60


def test_an_encoders_noise_is_no_difference() -> None:
    one = cv2.GaussianBlur(noise(400, 400), (0, 0), 6).astype(np.uint8)
    other = decoded(shown_jpeg(one))[:, :, ::-1]
    assert differences(compared(one), compared(other)).regions == ()


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_turned_copy_is_turned_back_before_it_is_compared(turns: int, mirrored: bool) -> None:
    one = noise(256, 256, seed=5)
    other = np.rot90(one[:, ::-1] if mirrored else one, -turns)
    found = differences(compared(one), compared(np.ascontiguousarray(other)))
    assert found.regions == ()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**16), height=st.integers(1, 300), width=st.integers(1, 300))
def test_regions_lie_on_the_picture(seed: int, height: int, width: int) -> None:
    found = differences(compared(noise(height, width, seed)), compared(noise(200, 200, seed + 1)))
    assert 0 <= found.share <= 1
    for region in found.regions:
        assert region.left >= 0
        assert region.left + region.width <= 1001
        assert region.top >= 0
        assert region.top + region.height <= 1001


def test_renderings_come_out_of_the_decoders_process() -> None:
    with DecoderProcess(LIMITS, RENDERINGS) as decoder:
        still, moving, broken = decoder.decode(
            [encoded(noise(64, 96), "PNG"), animation("GIF", 3), encoded(noise(64, 64), "PNG")[:80]]
        )
    assert not isinstance(still, Refusal)
    assert not isinstance(moving, Refusal)
    assert isinstance(broken, Refusal)
    assert len(moving.frames) == 3
    for frame in (*still.frames, *moving.frames):
        assert bytes(frame.reduced["shown"][:2]) == b"\xff\xd8"
        assert bytes(frame.reduced["concealed"][:4]) == b"\x89PNG"
