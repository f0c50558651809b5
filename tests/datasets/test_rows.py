from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from datasets.rows import Row, Split, TextSurface, plain_key, split_of


def row(group: str, text: str = "text") -> Row:
    return Row("id", text, {}, "source", TextSurface.POST, group)


@given(st.text(), st.text(), st.text())
def test_the_group_alone_decides_the_split(group: str, one: str, other: str) -> None:
    assert split_of(row(group, one)) is split_of(row(group, other))


def test_splits_are_eighty_ten_ten_and_never_change() -> None:
    counts = Counter(split_of(row(f"group {number}")) for number in range(10_000))
    assert 7_800 < counts[Split.TRAIN] < 8_200
    assert 850 < counts[Split.VALIDATION] < 1_150
    assert [split_of(row(group)).value for group in PINNED] == list(PINNED.values())


PINNED = {
    "frame 0": "train",
    "frame 1": "train",
    "frame 6": "validation",
    "frame 13": "test",
    "frame 20": "test",
    "frame 21": "validation",
}


def test_plain_key_is_equal_for_trivial_copies() -> None:
    assert plain_key("@user Look at THIS, 12 times! https://a.example/b") == plain_key("look at this: 3 times")
    assert plain_key("Grüße 8k") == "grüße k"
