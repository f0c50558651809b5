import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from moderation.bench.hash_pictures import drawn
from moderation.matching.hashes.grid import GRID_SIDE, folded, grid_of
from moderation.matching.hashes.pdq import sampling
from tests.media.images import noise


def means(values: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
    """Means of squares of `scale` along the rows, the last one of a repeated last value."""
    padded = np.pad(values, ((0, 0), (0, -values.shape[1] % scale)), mode="edge")
    return np.asarray(padded.reshape(len(values), -1, scale).mean(axis=2))


@given(size=st.integers(64, 900), scale=st.sampled_from([1, 2, 4, 8]))
@settings(deadline=None, max_examples=40)
def test_a_folded_operator_keeps_every_level_and_slope(size: int, scale: int) -> None:
    operator = sampling(size)
    weights = folded(operator, scale)
    assert weights.shape == (64, -(-size // scale))
    np.testing.assert_allclose(weights.sum(axis=1), operator.sum(axis=1), atol=1e-5)
    slope = np.arange(size, dtype=np.float64)[np.newaxis]
    inner = slice(4, -4) if size // scale > 80 else slice(0, 0)
    np.testing.assert_allclose((means(slope, scale) @ weights.T)[0, inner], (slope @ operator.T)[0, inner], rtol=1e-3)


def test_folding_by_one_changes_nothing() -> None:
    np.testing.assert_allclose(folded(sampling(300), 1), sampling(300), atol=1e-7)


@given(size=st.integers(400, 900), scale=st.sampled_from([2, 4]))
@settings(deadline=None, max_examples=20)
def test_a_mirrored_side_begins_with_the_part_of_a_square(size: int, scale: int) -> None:
    operator, slope = sampling(size), np.arange(size, dtype=np.float64)[np.newaxis]
    from_the_end = means(slope[:, ::-1], scale)[:, ::-1]
    weights = folded(operator, scale, mirrored=True)
    inner = slice(4, -4)
    np.testing.assert_allclose((from_the_end @ weights.T)[0, inner], (slope @ operator.T)[0, inner], rtol=1e-3)


@pytest.mark.parametrize(
    ("shape", "scale"),
    [((40, 60), 1), ((511, 900), 1), ((512, 512), 2), ((1021, 1200), 2), ((1025, 1023), 4), ((3000, 4000), 8)],
)
def test_a_grid_keeps_256_samples_of_the_shorter_side(shape: tuple[int, int], scale: int) -> None:
    rgb = noise(*shape)
    grid = grid_of(rgb)
    assert (grid.scale, grid.height, grid.width) == (scale, *shape)
    assert grid.grey.shape == tuple(-(-side // scale) for side in shape)
    assert scale == 1 or GRID_SIDE <= min(grid.grey.shape) < 2 * GRID_SIDE + 1


def test_samples_are_means_of_squares_also_at_the_end() -> None:
    rgb = drawn(1027, 1030, 3)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(float)
    grid = grid_of(rgb)
    expected = means(means(grey, grid.scale).T, grid.scale).T
    assert np.abs(grid.grey - expected).max() <= 1.5
