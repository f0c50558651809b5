"""The hashes of a JPEG file from a reduced decode: libjpeg makes means of squares of pixels at a fraction of the cost.

PDQ's full-size operator is folded onto those means, which leaves 0 to 2 bits of difference to the hash of the full
decode (10 at most, while the reduced picture keeps 240 samples a side); a naively reduced picture is 6 to 20 bits away.
Like every decoder this reads hostile bytes: for what strangers send, call it in a process that may die.
"""

from functools import lru_cache
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import JpegImagePlugin

from moderation.domain.errors import InvalidInputError
from moderation.matching.hashes.borders import NO_BORDER, box_of
from moderation.matching.hashes.frame_hashes import FrameHashes, frame_hashes, hashes_of
from moderation.matching.hashes.grid import Grid, averaged, folded
from moderation.matching.hashes.pdq import SIDE, Band, Luma64, across, bands_of, sampling
from moderation.matching.hashes.reductions import PDQ_LUMA64, SECONDARY_LUMA, TRIMMED_LUMA64
from moderation.matching.hashes.secondary import sampled
from moderation.media.decode_image import JPEG_MODES, RefusedError, decode_image
from moderation.media.decode_limits import DecodeLimits
from moderation.media.decode_pixels import orientation_of, oriented
from moderation.media.jpeg_header import plain_header
from moderation.media.sniff import JPEG_END, Format, is_cut_off, sniff

LIMITS = DecodeLimits(
    max_bytes=64 * 1024 * 1024,
    max_pixels=100_000_000,
    max_side=30_000,
    max_frames=1,
    seconds=30.0,
    memory_mb=2_048,
)
"""What a file may be, unless the caller says otherwise."""
REDUCED_SIDE = 240
"""Samples that a reduced decode leaves of the shorter side. With 240 to 255 the hashes of photographs differ by 8 bits
at most, with 256 by 6, with 192 by 10."""
BAND_ROWS = 8
"""Output rows computed together: of a grid so few that hardly a weight is zero, so many that calls do not count."""
REDUCED = (
    (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
    (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
    (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
)
"""Scales with the flag of OpenCV, coarsest first."""
UPRIGHT = 1
MIRRORED_ROWS, MIRRORED_COLUMNS = frozenset({3, 4, 7, 8}), frozenset({2, 3, 6, 7})
"""EXIF orientations after which the file's first row is the last, or first column the last, of the upright picture.

Of 5 to 8, which are transposed, the file's columns are the picture's rows."""


def hashes_of_jpeg(data: bytes, limits: DecodeLimits = LIMITS) -> FrameHashes:
    """The hashes of a JPEG file, upright by its EXIF orientation.

    Files that are not grey or RGB when decoded (CMYK), or too small to be reduced, are decoded in full. Raises
    `InvalidInputError` for bytes that are no JPEG file or one that cannot be decoded within `limits`.
    """
    try:
        grid = _grid(data, limits)
        if grid is None:
            return hashes_of(next(decode_image(data, limits).frames))
    except RefusedError as refused:
        raise InvalidInputError(f"The JPEG file cannot be decoded: {refused.reason.value}.") from refused
    return _hashes(grid)


def reduction_for(width: int, height: int) -> tuple[int, int]:
    """The coarsest scale (8, 4, 2) that leaves `REDUCED_SIDE` samples, with OpenCV's flag; 1 where none does."""
    return next(((by, flag) for by, flag in REDUCED if min(width, height) // by >= REDUCED_SIDE), (1, cv2.IMREAD_COLOR))


def _grid(data: bytes, limits: DecodeLimits) -> Grid | None:
    """The upright reduced picture; None for a file that is to be decoded in full. Raises `InvalidInputError`."""
    is_whole = data.endswith(JPEG_END) or not is_cut_off(Format.JPEG, data)
    if sniff(data) is not Format.JPEG or len(data) > limits.max_bytes or not is_whole:
        raise InvalidInputError("Not a whole JPEG file.", hint=f"At most {limits.max_bytes} bytes, to its end mark.")
    (width, height), is_plain, turn = _stated(data)
    scale, flag = reduction_for(width, height)
    within = max(width, height) <= limits.max_side and width * height <= limits.max_pixels
    if not is_plain or scale == 1 or not within:
        return None
    grey = _reduced(data, flag, (-(-height // scale), -(-width // scale)))
    grey, scale = averaged(grey, scale)
    upright = oriented(grey, turn)
    if turn >= 5:  # noqa: PLR2004 - see MIRRORED_ROWS
        height, width = width, height
    return Grid(upright, scale, height, width, turn in MIRRORED_ROWS, turn in MIRRORED_COLUMNS)


def _stated(data: bytes) -> tuple[tuple[int, int], bool, int]:
    """Size, whether it is grey or RGB when decoded, and the EXIF orientation. Raises `InvalidInputError`."""
    plain = plain_header(data)
    if plain is not None:
        return (plain.width, plain.height), plain.components in (1, 3), UPRIGHT
    try:
        header = JpegImagePlugin.JpegImageFile(BytesIO(data))
    except Exception as error:  # hostile bytes raise anything
        raise InvalidInputError("The JPEG file's header cannot be read.") from error
    return header.size, header.mode in JPEG_MODES, orientation_of(header)


def _reduced(data: bytes, flag: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The grey picture of a reduced decode, not turned. Raises `InvalidInputError`."""
    try:
        decoded = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise InvalidInputError("The JPEG file cannot be decoded.") from error
    if decoded is None or decoded.shape != shape:
        raise InvalidInputError("The JPEG file cannot be decoded to the size that its header states.")
    return np.asarray(decoded, dtype=np.uint8)


def _hashes(grid: Grid) -> FrameHashes:
    box, values = box_of(grid), grid.grey.astype(np.float32)
    whole = _luma64(grid, values, (0, grid.height), (0, grid.width))
    if box is None:
        trimmed = np.zeros(NO_BORDER, dtype=np.float32)
    else:
        trimmed = _luma64(grid, values, (box.top, box.bottom), (box.left, box.right))
    return frame_hashes([{PDQ_LUMA64: whole, TRIMMED_LUMA64: trimmed, SECONDARY_LUMA: sampled(grid)}])[0]


def _luma64(grid: Grid, values: NDArray[np.float32], rows: tuple[int, int], columns: tuple[int, int]) -> Luma64:
    """PDQ's smoothed luma of the full-size rows and columns from first to last, from the grid's values."""
    down = _folded_sampling(grid.height, rows, grid.scale, mirrored=grid.from_bottom)
    done = np.empty((SIDE, values.shape[1]), dtype=np.float32)
    for band in down:
        np.matmul(band.weights, values[band.first : band.last], out=done[band.start : band.end])
    return across(done, _folded_sampling(grid.width, columns, grid.scale, mirrored=grid.from_right))


@lru_cache(maxsize=128)
def _folded_sampling(size: int, part: tuple[int, int], scale: int, *, mirrored: bool) -> tuple[Band, ...]:
    """PDQ's operator for a part of a side of `size` pixels, folded onto the grid of the whole side."""
    first, last = part
    operator = np.zeros((SIDE, size))
    operator[:, first:last] = sampling(last - first)
    return bands_of(folded(operator, scale, mirrored=mirrored), BAND_ROWS)
