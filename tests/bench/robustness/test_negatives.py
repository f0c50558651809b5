"""Hard negatives: members of a family are pictures of their own, always the same ones."""

import numpy as np
import pytest

from moderation.bench.robustness.negatives import FAMILIES, Family, members
from moderation.bench.robustness.scenes import scene


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_members_differ_and_are_repeatable(family: Family) -> None:
    pictures = [scene(np.random.default_rng(seed), 120, 90) for seed in range(3)]
    made, again = members(family, pictures, 3), members(family, pictures, 3)
    assert all(np.array_equal(one, other) for one, other in zip(made, again, strict=True))
    assert not np.array_equal(made[0], made[1])
    assert not np.array_equal(made[1], made[2])
    assert family.said.endswith(".")


def test_only_other_captions_are_not_said_to_be_negatives() -> None:
    assert [family.name for family in FAMILIES if not family.negative] == ["other_captions"]


def test_every_member_shows_another_picture_also_where_there_are_too_few() -> None:
    pictures = [scene(np.random.default_rng(seed), 120, 90) for seed in range(2)]
    family = next(family for family in FAMILIES if family.name == "same_template")
    shown = [member[60:400, 60:400].tobytes() for member in members(family, pictures, 5)]
    assert len(set(shown)) == 5
