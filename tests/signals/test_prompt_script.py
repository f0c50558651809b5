from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moderation.domain.media import Refusal, RefusalReason
from moderation.domain.signal import values_of
from moderation.media.subject import Subject
from moderation.signals.prompt_script import PROMPT_SCRIPT, PromptScript, values
from tests.factories import a_post


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "1girl, solo, (masterpiece:1.2), 8k, --ar 16:9",
        "portrait of a fisherman, oil on canvas, Rembrandt lighting",
        "ein Haus am See, Aquarell",
        "a sign that says 東京, city at night, neon, rain",
    ],
)
def test_latin_prompts_are_covered(prompt: str) -> None:
    assert values(prompt)["prompt_script_covered"] is True


@pytest.mark.parametrize(
    "prompt",
    [
        "женщина на пляже, закат",
        "一个在海边的女孩 日落",
        "海辺の少女、夕焼け、masterpiece",
        "امرأة على الشاطئ عند الغروب",
        "a photo of женщина на пляже закат",
    ],
)
def test_prompts_in_another_script_are_not_covered(prompt: str) -> None:
    assert values(prompt)["prompt_script_covered"] is False


def test_the_share_counts_words() -> None:
    assert values("dog cat женщина horse")["prompt_latin_share"] == 0.75


@given(st.text(max_size=300))
def test_any_prompt_has_values_within_the_range(prompt: str) -> None:
    share = values(prompt)["prompt_latin_share"]
    assert isinstance(share, float)
    assert 0 <= share <= 1


def test_every_post_has_a_score() -> None:
    no_picture = Refusal(RefusalReason.TRUNCATED, "")
    batch = [Subject(replace(a_post(), prompt=prompt), no_picture) for prompt in ("дом", "a house")]
    results = PromptScript().measure(batch)
    assert [values_of(result, PROMPT_SCRIPT)["prompt_script_covered"] for result in results] == [False, True]
