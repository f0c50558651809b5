from datetime import timedelta

import pytest

from moderation.cli.up.outcomes import NO_RULE, Outcome, deciding_rule, outcome, outcomes, settled, summarise
from moderation.domain.post import PostState
from moderation.domain.verdict import Verdict
from moderation.storage.engine import Database
from moderation.storage.posts import PostStore
from moderation.storage.screenings import ScreeningStore
from tests.factories import NOW, a_hold, a_post, a_rejection, a_screening, accept, after, an_approval, judge_all


def an_outcome(state: PostState, rule: str, queue: str = "", *, finished: float | None = 1.0) -> Outcome:
    times = (None, None, None) if finished is None else (finished, after(0.5), after(finished))
    return Outcome(a_post(state=state), rule, queue, *times)


def test_the_deciding_rule() -> None:
    assert deciding_rule(a_screening(judgement=an_approval())) == NO_RULE
    rejection, hold = a_rejection(), a_hold()
    assert deciding_rule(a_screening(judgement=rejection)) == rejection.hits[0].rule
    assert deciding_rule(a_screening(judgement=hold)) == hold.hits[0].rule


def test_a_hold_that_no_rule_decided_is_named_after_its_queue() -> None:
    judgement = a_hold(queue="signal-failure", complete=False)
    bare = type(judgement)(judgement.verdict, complete=False, queue="signal-failure", category="", reason="", hits=())
    assert deciding_rule(a_screening(judgement=bare)) == "signal-failure"


def test_a_post_that_was_not_judged_in_time() -> None:
    found = outcome(a_post(state=PostState.HELD), None)
    assert (found.rule, found.queue, found.seconds) == ("deadline passed", "stalled", None)


def test_numbers_are_of_what_was_screened_now() -> None:
    earlier = Outcome(a_post(state=PostState.PUBLISHED), NO_RULE, "", 60.0, after(-100), after(-99))
    now = [
        Outcome(a_post(state=PostState.PUBLISHED), NO_RULE, "", seconds, after(start), after(end))
        for seconds, start, end in ((1.0, 0.0, 1.0), (2.0, 0.5, 2.0), (3.0, 1.0, 4.0))
    ]
    summary = summarise([earlier, *now], since=NOW)
    assert (summary.posts, summary.screened_now) == (4, 3)
    assert summary.posts_per_s == pytest.approx(3 / 4.0)
    assert summary.p50_s == pytest.approx(2.0, abs=0.01)
    assert summary.rows == (("published", NO_RULE, "", 4),)


def test_when_nothing_is_new_the_stored_latencies_are_shown() -> None:
    earlier = Outcome(a_post(state=PostState.PUBLISHED), NO_RULE, "", 60.0, after(-100), after(-99))
    summary = summarise([earlier], since=NOW)
    assert (summary.screened_now, summary.posts_per_s, summary.p50_s) == (0, 0.0, 60.0)


def test_no_posts_at_all() -> None:
    summary = summarise([], since=NOW)
    assert (summary.rows, summary.posts, summary.posts_per_s, summary.p99_s) == ((), 0, 0.0, 0.0)


def test_rows_are_grouped_published_first() -> None:
    found = [
        an_outcome(PostState.HELD, "spam_text", "spam"),
        an_outcome(PostState.REJECTED, "adult_image"),
        an_outcome(PostState.PUBLISHED, NO_RULE),
        an_outcome(PostState.HELD, "spam_text", "spam"),
        an_outcome(PostState.HELD, "deadline passed", "stalled", finished=None),
    ]
    states = [row[0] for row in summarise(found, since=NOW - timedelta(hours=1)).rows]
    assert states == ["published", "rejected", "held", "held"]
    assert ("held", "spam_text", "spam", 2) in summarise(found, since=NOW).rows


def test_outcomes_come_from_storage(sqlite_database: Database) -> None:
    store = PostStore(sqlite_database)
    first = accept(store, key="1", now=NOW)
    judge_all(store, Verdict.HOLD)
    second = accept(store, key="2", now=NOW)
    found = outcomes([second.id, first.id], store, ScreeningStore(sqlite_database))
    assert [item.post.id for item in found] == [second.id, first.id]
    assert found[0].rule == ""
    assert found[1].queue == a_hold().queue
    assert settled({item.post.id: item.post for item in found}) == 1
