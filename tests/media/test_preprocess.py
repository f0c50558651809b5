from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from moderation.media.preprocess import opennsfw_224


def a_texture(width: int, height: int, seed: int = 3) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)
    fine = rng.integers(0, 40, (height, width, 3), dtype=np.uint8)
    large = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    return Image.fromarray((large // 2 + fine).astype(np.uint8))


@pytest.mark.parametrize("size", [(640, 480), (224, 224), (1, 1), (3, 900), (256, 256)])
def test_it_is_the_publishers_preprocessing(size: tuple[int, int]) -> None:
    picture = a_texture(*size)
    buffer = BytesIO()
    picture.resize((256, 256), Image.Resampling.BILINEAR).save(buffer, format="JPEG")
    expected = np.array(Image.open(BytesIO(buffer.getvalue())).crop((16, 16, 240, 240)))[:, :, ::-1]
    np.testing.assert_array_equal(opennsfw_224(np.asarray(picture)), expected)


def test_blue_comes_first() -> None:
    red = np.zeros((300, 300, 3), np.uint8)
    red[:, :, 0] = 255
    pixels = opennsfw_224(red)
    assert pixels.shape == (224, 224, 3)
    assert pixels.dtype == np.uint8
    assert pixels[..., 2].min() > 240
    assert pixels[..., 0].max() < 15
