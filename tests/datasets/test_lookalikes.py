from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from datasets.lookalikes import ALIKE, groups

KEYS = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=6).map(" ".join), max_size=25)


def every_pair(keys: Sequence[str], alike: float) -> list[str]:
    """The slow obvious way: joins every pair that is alike until nothing changes."""
    names = sorted(set(keys))
    group = {name: name for name in names}
    changed = True
    while changed:
        changed = False
        for one in names:
            for other in names:
                first, second = set(one.split()), set(other.split())
                shared = len(first & second) / (len(first | second) or 1)
                if shared >= alike and group[one] != group[other]:
                    group[one] = group[other] = min(group[one], group[other])
                    changed = True
    return [group[key] for key in keys]


@given(KEYS, st.sampled_from([0.3, 0.5, ALIKE, 1.0]))
def test_groups_are_those_of_every_pair_compared(keys: list[str], alike: float) -> None:
    assert groups(keys, alike) == every_pair(keys, alike)


def test_copies_with_one_word_changed_are_one_group() -> None:
    one, other, third = groups(["a red fox on a green hill", "a red cat on a green hill", "nothing of the kind"])
    assert one == other != third
