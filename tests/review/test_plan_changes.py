import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.assembly import signal_specs
from moderation.domain.ids import AccountId
from moderation.domain.people import Person, Role
from moderation.review.compile_plan import compile_plan
from moderation.review.plan import Plan
from moderation.review.plan_changes import DiffLine, difference, loosened, policy_gaps, unserved
from tests.factories import NOW
from tests.policy.signals import SPECS
from tests.review.plans import SHIPPED, rule, small, small_text


def changed(old: str, new: str, text: str = "") -> Plan:
    text = text or small_text()
    assert old in text
    return compile_plan(text.replace(old, new), SPECS, source="changed")


def a_person(
    name: str, role: Role = Role.MODERATOR, *, queues: str = "", languages: str = "", skills: str = ""
) -> Person:
    granted, spoken, known = (frozenset(words.split()) for words in (queues, languages, skills))
    return Person(AccountId(name), name, name, role, granted, spoken, known)


def test_a_difference_shows_what_changed_with_lines_around_it() -> None:
    before = "\n".join(f"line {number}" for number in range(20))
    found = difference(before, before.replace("line 9", "line nine"))
    assert found[0] == DiffLine("place", "@@ -7,7 +7,7 @@")
    assert DiffLine("remove", "line 9") in found
    assert DiffLine("add", "line nine") in found
    assert [line.kind for line in found].count("same") == 6


@settings(deadline=None)
@given(st.text(alphabet="ab-+@ \n", max_size=40), st.text(alphabet="ab-+@ \n", max_size=40))
def test_the_shown_lines_are_those_of_the_texts(before: str, after: str) -> None:
    found = difference(before, after)
    assert bool(found) == (before.splitlines() != after.splitlines())
    assert {line.text for line in found if line.kind in {"remove", "same"}} <= set(before.splitlines())
    assert {line.text for line in found if line.kind in {"add", "same"}} <= set(after.splitlines())


def test_nothing_is_loosened_by_the_same_plan_or_a_stricter_one() -> None:
    plan = small()
    assert loosened(plan, plan) == []
    assert loosened(plan, changed("service_minutes: 60}", "service_minutes: 60, restricted: true}")) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    double: true\n", "", "One person alone"),
        ("    warn: true\n    reasons:\n      - {code: depiction", "    reasons:\n      - {code: depiction", "warned"),
        ("    gravest: true\n    double: true\n    appeals_queue: child-safety\n", "", "gravest"),
    ],
)
def test_safeguards_that_go_are_named(old: str, new: str, words: str) -> None:
    shipped = SHIPPED.read_text(encoding="utf-8")
    assert old in shipped
    before, after = (compile_plan(text, signal_specs(), source="plan") for text in (shipped, shipped.replace(old, new)))
    assert any(words in line for line in loosened(before, after))


def test_a_queue_that_is_opened_is_named() -> None:
    text = small_text().replace(", escalates_to: vault", "")
    before = compile_plan(text, SPECS, source="before")
    after = changed("restricted: true, lead_only", "lead_only", text)
    assert loosened(before, after) == [
        "The queue vault would no longer be restricted: everybody who works in it would see its jobs."
    ]


def test_a_queue_that_is_dropped_is_not_loosened_for_it_stays_closed() -> None:
    before = small()
    after = changed(
        "  vault: {title: Vault, description: Words., service_minutes: 5, restricted: true, lead_only: true}\n",
        "",
        small_text().replace(", escalates_to: vault", ""),
    )
    assert loosened(before, after) == []
    assert after.queue("vault").restricted


def test_names_of_the_policy_that_the_plan_lacks() -> None:
    class Named:
        def __init__(self, queue: str, category: str) -> None:
            self.queue, self.category = queue, category

    rules = [Named("spam", "spam"), Named("new", "spam"), Named("", "odd"), Named("", "")]
    assert policy_gaps(small(), rules) == [
        "The policy holds posts in the queue new, which the plan does not have.",
        "The policy names the category odd, which the plan does not have.",
    ]


def test_queues_and_rules_for_which_there_is_nobody() -> None:
    plan = small(rule("russian", "caption_script = 'cyrillic'", language="ru", skill="slang", queue="adult"))
    everywhere = " ".join(plan.queues)
    assert "No senior moderator works in the queue vault." in unserved(plan, [a_person("a", queues=everywhere)])
    senior = a_person("b", Role.SENIOR, queues=everywhere)
    wanted = "somebody in the queue adult who speaks ru and has the skill slang"
    assert unserved(plan, [senior]) == [f"The routing rule russian wants {wanted}, and there is nobody."]
    speaker = a_person("c", queues="adult", languages="ru en", skills="slang")
    assert unserved(plan, [senior, speaker]) == []


def test_people_who_left_or_do_not_decide_serve_nobody() -> None:
    plan = small()
    gone = Person(AccountId("g"), "g", "g", Role.SENIOR, frozenset(plan.queues), disabled_at=NOW)
    reader = a_person("r", Role.AUDITOR, queues=" ".join(plan.queues))
    assert len(unserved(plan, [gone, reader])) == len(plan.queues)
