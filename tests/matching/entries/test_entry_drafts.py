import numpy as np
import pytest
from numpy.typing import NDArray

from moderation.domain.bank import MIN_INLIERS
from moderation.domain.errors import InvalidInputError
from moderation.domain.media import ImageFacts
from moderation.matching.entries.entry_drafts import drafts_of
from moderation.matching.geometry.keypoints import inliers, keypoints_of, unpack
from moderation.matching.hashes.frame_hashes import hashes_of
from moderation.matching.hashes.pdq import to_hex
from moderation.matching.hashes.reductions import REDUCTIONS
from moderation.media.subject import Frame, Picture, Rgb


def drawn(seed: int, side: int = 192) -> Rgb:
    """Blocks of colour: much for a hash and for keypoints to hold on to."""
    blocks = np.random.default_rng(seed).integers(0, 256, (side // 16, side // 16, 3), dtype=np.uint8)
    return np.ascontiguousarray(blocks.repeat(16, axis=0).repeat(16, axis=1))


def flat() -> NDArray[np.uint8]:
    return np.full((192, 192, 3), 128, dtype=np.uint8)


def picture_of(*frames: Rgb) -> Picture:
    facts = ImageFacts("GIF", 192, 192, len(frames), "RGB")
    reduced = [{name: reduce(rgb) for name, reduce in REDUCTIONS.items()} for rgb in frames]
    return Picture(facts, tuple(Frame(rgb, found) for rgb, found in zip(frames, reduced, strict=True)))


def test_a_draft_has_every_hash_and_the_keypoints_of_its_frame() -> None:
    [draft] = drafts_of(picture_of(drawn(1)))
    hashes = hashes_of(drawn(1))
    assert draft.pdq == to_hex(hashes.pdq[0])
    assert draft.quality == hashes.quality
    assert (int(draft.phash, 16), int(draft.dhash, 16)) == (hashes.phash, hashes.dhash)
    assert draft.keypoints is not None
    assert inliers(keypoints_of(drawn(1)), unpack(draft.keypoints)) >= MIN_INLIERS


def test_an_animation_has_a_draft_for_each_frame_that_is_new_and_usable() -> None:
    drafts = drafts_of(picture_of(drawn(1), flat(), drawn(2), drawn(1)))
    assert [draft.pdq for draft in drafts] == [to_hex(hashes_of(drawn(seed)).pdq[0]) for seed in (1, 2)]


def test_a_flat_picture_has_none_unless_the_bank_takes_any_quality() -> None:
    with pytest.raises(InvalidInputError, match="flat"):
        drafts_of(picture_of(flat()))
    [draft] = drafts_of(picture_of(flat()), min_quality=0)
    assert draft.keypoints is None
