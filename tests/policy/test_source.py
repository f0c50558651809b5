import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.policy.problems import SourceText
from moderation.policy.source import Located, Plain, offsets, read_yaml


def read(text: str) -> Located:
    return read_yaml(SourceText(text, "test.yaml"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ("012", 12),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("0x10", "0x10"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("", None),
    ],
)
def test_plain_words_are_what_they_look_like(text: str, value: Plain) -> None:
    located = read(f"key: {text}\n")
    assert not located.problems
    assert located.value == {"key": value}
    assert type(located.value["key"]) is type(value)


def test_every_value_and_key_knows_its_place() -> None:
    text = "rules:\n  - name: first\n    when: a > 1\n"
    located = read(text)

    when = located.values["rules", 0, "when"]
    assert text[when.start : when.end] == "a > 1"
    key = located.key(("rules", 0, "name"))
    assert text[key.start : key.end] == "name"
    assert located.at(("rules", 0, "no_such_key")) == located.values["rules", 0]


@pytest.mark.parametrize(
    "text",
    [
        "when: a > 1 AND b < 2",
        "when: 'a = ''x'' AND b < 2'",
        'when: "a = \\"x\\" AND b"',
        "when: a > 1\n  AND b < 2",
        "when: >-\n  a > 1\n    AND b < 2\n\n  OR c\nother: 1",
        "when: |\n  a > 1\n  AND b > 2\nother: 1",
        "when: |-  # a remark\n    a > 1\n    AND b\n",
        "{when: a > 1 AND b < 2, other: 1}",
    ],
)
def test_characters_of_a_scalar_are_found_in_the_document(text: str) -> None:
    located = read(text)
    node = located.scalars["when",]

    found = offsets(SourceText(text, "test.yaml"), node)

    assert len(found) == len(node.value) + 1
    assert found == sorted(found)
    for char, offset in zip(node.value, found, strict=False):
        assert char.isspace() or text[offset] == char


@given(st.text(max_size=30))
def test_offsets_stay_inside_the_scalar_whatever_it_escapes(value: str) -> None:
    text = f'{{"key": {json.dumps(value)}}}'
    located = read(text)
    if located.problems:
        return
    node = located.scalars["key",]

    found = offsets(SourceText(text, "test.yaml"), node)

    assert len(found) == len(node.value) + 1
    assert all(node.start_mark.index <= offset <= node.end_mark.index for offset in found)


@given(st.text("ab\n\té", max_size=40), st.integers(0, 50))
def test_places_count_lines_and_columns_from_one(text: str, offset: int) -> None:
    place = SourceText(text, "test.yaml").place(offset)

    before = text[: min(offset, len(text))]
    assert place.line == before.count("\n") + 1
    assert place.column == len(before) - before.rfind("\n")
