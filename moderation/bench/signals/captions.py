"""Captions to time text models with: ordinary ones, all different, 5 to 40 words long."""

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


def captions(count: int, seed: int = 0) -> list[str]:
    """`count` different captions, the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - example texts, not a secret
    found: dict[str, None] = {}
    while len(found) < count:
        parts = [f"{rng.choice(SUBJECTS)} {rng.choice(PLACES)}", *rng.sample(REMARKS, rng.randint(0, 5))]
        found[", ".join(parts)] = None
    return list(found)
