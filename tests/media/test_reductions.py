import json

import numpy as np
import pytest

from moderation.media.decode import DecoderProcess
from moderation.media.preprocess import Resized, opennsfw_224
from moderation.media.reductions import describe_reduction, resolve_reduction
from moderation.media.subject import Picture, Reduction
from tests.media.images import LIMITS, encoded, noise

CLIP = Resized("bicubic", 24, 24, shortest=24)
VIT = Resized("bilinear", 32, 32, full_height=32, full_width=32)


@pytest.mark.parametrize("made", [opennsfw_224, CLIP, VIT])
def test_a_reduction_comes_back_from_its_description(made: Reduction) -> None:
    description = json.loads(json.dumps(describe_reduction(made)))
    assert resolve_reduction(description) == made


@pytest.mark.parametrize(
    "description",
    [{"make": 3, "with": {}}, {"make": "moderation.media.preprocess:Resized", "with": 3}, "moderation.media.nothing:x"],
)
def test_nonsense_is_an_error(description: str | dict[str, object]) -> None:
    with pytest.raises((TypeError, ImportError)):
        resolve_reduction(description)


def test_the_decoder_makes_it_from_the_full_size_pixels() -> None:
    rgb = noise(1500, 1200)
    with DecoderProcess(LIMITS, {CLIP.name: CLIP, VIT.name: VIT}) as decoder:
        (picture,) = decoder.decode([encoded(rgb, "png")])
    assert isinstance(picture, Picture)
    (frame,) = picture.frames
    for made in (CLIP, VIT):
        assert np.array_equal(frame.reduced[made.name], made(rgb))
