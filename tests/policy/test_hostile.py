"""Whatever a document contains, compiling it ends with a policy or with its problems, soon."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.errors import PolicyError
from moderation.policy.compile import compile_policy
from moderation.policy.grammar import MAX_TOKENS, Scope, parse_condition
from moderation.policy.source import MAX_CHARS, MAX_DEPTH
from tests.policy.signals import SPECS, document

SCOPE = Scope({column.name: column for spec in SPECS for column in spec.columns}, {"adult_image": 0.9})
WORDS = st.sampled_from(
    [
        *("image_nsfw", "adult_image", "caption_adult", "image_status", "caption_link_shortener", "nothing", "'text'"),
        *("0.5", "-1", "1e9", "0x1", "NULL", "TRUE", "AND", "OR", "NOT", "IN", "BETWEEN", "IS", "LIKE", "CASE", "WHEN"),
        *("(", ")", ",", "=", "<", ">=", "<>", "+", "-", "*", "/", "%", "||", "&&", "::", ".", ";", "--", "/*", "*/"),
        *(
            "'",
            '"',
            "$1",
            "?",
            "@",
            "[",
            "]",
            "{",
            "}",
            "SELECT",
            "lower",
            "coalesce(",
            "abs(",
            "\n",
            "interval",
            "date",
        ),
    ]
)
SHIPPED = (Path(__file__).parents[2] / "policies" / "feed.yaml").read_text(encoding="utf-8")


def refused(text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        compile_policy(text, SPECS, source="test.yaml")
    return caught.value.message


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=40))
def test_any_condition_ends_as_a_tree_or_as_problems_inside_the_text(text: str) -> None:
    predicate, problems = parse_condition(text, SCOPE)

    assert (predicate is None) == bool(problems)
    assert all(0 <= problem.start <= problem.end <= len(text) or not text for problem in problems)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_damage_to_a_document_is_reported_as_problems(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SHIPPED)))
    length = data.draw(st.integers(0, 40))
    wrong = data.draw(st.text("ab:-'\"{}[]#&*!|>%@\n\t \x00\u2028é", max_size=6))
    damaged = SHIPPED[:start] + wrong + SHIPPED[start + length :]

    assert "problem" in refused(damaged[: start + 400])


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_refused(text: str) -> None:
    assert "test.yaml" in refused(text)


def test_an_alias_bomb_is_refused_before_it_is_built() -> None:
    levels = "\n".join(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]" for level in range(1, 30))
    assert "aliases (*name) are not allowed" in refused(f"l0: &l0 [lol]\n{levels}\n")


def test_deep_nesting_is_refused() -> None:
    assert f"nested more than {MAX_DEPTH} levels" in refused("[" * 5_000)


def test_a_large_document_is_refused_unread() -> None:
    assert "longer than" in refused("#" * (MAX_CHARS + 1))


@pytest.mark.parametrize(
    "condition",
    ["(" * 400 + "image_nsfw > 0.5" + ")" * 400, "NOT " * 900 + "image_nsfw > 0.5", "image_nsfw > " + "- " * 900 + "1"],
)
def test_a_deeply_nested_condition_is_refused_or_compiled(condition: str) -> None:
    predicate, problems = parse_condition(condition, SCOPE)
    assert (predicate is None) == bool(problems)


def test_a_condition_with_too_many_words_is_refused() -> None:
    _, problems = parse_condition(" OR ".join(["image_nsfw > 0.5"] * MAX_TOKENS), SCOPE)
    assert "more than" in problems[0].message


def test_a_long_condition_is_compiled_and_judged() -> None:
    condition = " OR ".join(f"caption_links = {number}" for number in range(1, 150))
    policy = compile_policy(document(f"long: {condition} -> hold"), SPECS, source="test.yaml")
    assert len(policy.columns) == 1
