import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.domain.verdict import Truth, Verdict
from moderation.policy.frame import measured
from moderation.review.job_facts import JOB_FACTS, SCRIPTS, grounds_of, job_facts, script
from tests.factories import a_hit, a_hold, a_post


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "none"),
        ("1234 !?", "none"),
        ("A quiet lake", "latin"),
        ("Тихое озеро", "cyrillic"),
        ("ήσυχη λίμνη", "greek"),
        ("بحيرة هادئة", "arabic"),
        ("אגם שקט", "hebrew"),
        ("शांत झील", "devanagari"),
        ("静かな湖", "kana"),
        ("安静的湖", "han"),
        ("조용한 호수", "hangul"),
        ("ทะเลสาบ", "thai"),
        ("\uff46\uff55\uff4c\uff4c \uff57\uff49\uff44\uff54\uff48", "latin"),
        ("lake озеро озеро", "cyrillic"),
        ("ᚠᚢᚦᚨᚱᚲ", "other"),
    ],
)
def test_the_script_of_most_letters(text: str, expected: str) -> None:
    assert script(text) == expected


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_a_script_that_the_column_lists(text: str) -> None:
    assert script(text) in SCRIPTS


@settings(deadline=None)
@given(st.text(max_size=100), st.text(max_size=100))
def test_facts_always_fit_their_columns(caption: str, prompt: str) -> None:
    facts = job_facts(a_post(caption=caption, prompt=prompt), grounds_of(a_hold()))
    batch = measured([[facts]], [JOB_FACTS], {column.name for column in JOB_FACTS.columns})
    assert batch.failures == ({},)


def test_grounds_are_those_of_the_verdicts_row() -> None:
    judgement = a_hold("adult")
    grounds = grounds_of(judgement)
    assert (grounds.queue, grounds.category, grounds.rule, grounds.complete) == ("adult", "adult", "adult-image", True)


def test_an_undecided_rule_is_a_ground_too() -> None:
    hit = a_hit("undecided", Verdict.HOLD, truth=Truth.UNKNOWN)
    judgement = a_hold(complete=False)
    grounds = grounds_of(type(judgement)(judgement.verdict, False, "signal-failure", "", "why", (hit,)))
    assert (grounds.rule, grounds.complete) == ("undecided", False)
