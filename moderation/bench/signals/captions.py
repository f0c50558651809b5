"""Captions to time text models with: all different, and as long as ordinary ones of pictures (COCO: 14 tokens)."""

import random

SUBJECTS = (
    "a red fox",
    "two old friends",
    "an empty harbour",
    "my first oil painting",
    "a glass greenhouse",
    "the night train",
    "a market in spring",
    "a robot gardener",
    "an owl on a fence",
    "the village band",
)
PLACES = (
    "under a pale winter sun",
    "beside the river",
    "on top of a hill",
    "in soft morning fog",
    "at the fair",
    "behind the bakery",
    "over the rooftops",
    "in a quiet library",
    "far out at sea",
    "in the rain",
)
REMARKS = (
    "took me about three evenings",
    "trying a wider lens this time",
    "colours straight from the first attempt",
    "what do you think of the light",
    "inspired by a walk last week",
    "more of this series tomorrow",
    "the reflections were the hard part",
    "printed it for my sister",
    "no filter, only patience",
    "happy with how the shadows came out",
)

REMARKS_SHARES = (5, 4, 1)
"""How often a caption has no remark, one, or two."""


def captions(count: int, seed: int = 0) -> list[str]:
    """`count` different captions, the same for the same seed; at most 900 without an endless search."""
    rng = random.Random(seed)  # noqa: S311 - example texts, not a secret
    found: dict[str, None] = {}
    while len(found) < count:
        parts = [
            f"{rng.choice(SUBJECTS)} {rng.choice(PLACES)}",
            *rng.sample(REMARKS, rng.choices(range(3), REMARKS_SHARES)[0]),
        ]
        found[", ".join(parts)] = None
    return list(found)
