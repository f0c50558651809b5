"""The rows of the bench's jobs, decisions and everything that dashboards add up."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from moderation.bench.review.layout import Course, Layout, pdq_of, row_id
from moderation.bench.review.rows import (
    BATCH,
    DECISION,
    DECISION_S,
    SETTLED_S,
    VERDICT_S,
    Held,
    Row,
    Story,
    held_posts,
    hours,
)
from moderation.domain.cluster import bands
from moderation.domain.people import Person
from moderation.domain.priority import Urgency, rank
from moderation.review.plan import Plan

GOLD, EXPOSURE, SHIFT, BREAK = 6, 7, 8, 9
"""Kinds of ids, after those of `rows`."""
LANGUAGES = ("", "", "", "", "de")
SECONDS_PER_DECISION = 14.5
LOOK_EVERY_S, LOOK_S = 60.0, 1.5
GOLD_ITEMS = 60

JOB_COLUMNS = (
    "id",
    "post_id",
    "queue",
    "category",
    "reason",
    "opened_at",
    "closed_at",
    "kind",
    "state",
    "severity",
    "reach",
    "language",
    "due_at",
    "rank",
    "posts",
    "basis",
    "pdq",
    "decided_at",
)


def jobs(story: Story, plan: Plan) -> Iterator[Row]:
    """Rows of `JOB_COLUMNS`: one for every first post."""
    layout = story.layout
    sizes = _sizes(layout)
    for held in held_posts(layout):
        if held.member:
            continue
        template = story.template(held.post, held.job)
        severity, reach = plan.category(template.category).severity, held.post % 1_500
        opened_at = layout.at(held.post, VERDICT_S)
        due_at = opened_at + timedelta(seconds=plan.queue(template.queue).service_seconds)
        decided = layout.course[held.post] != Course.WAITING
        yield (
            story.job_id(held.post, held.job),
            story.post_id(held.post),
            template.queue,
            template.category,
            template.reason,
            opened_at,
            layout.at(held.post, SETTLED_S) if decided else None,
            "review",
            "closed" if decided else "open",
            severity,
            reach,
            "" if decided else LANGUAGES[held.job % len(LANGUAGES)],
            due_at,
            rank(Urgency(severity, reach, appeal=False, opened_at=opened_at, due_at=due_at)),
            sizes.get(held.job, 1),
            _basis(held) if template.clusters else "",
            pdq_of(held.first) if template.clusters else None,
            layout.at(held.post, DECISION_S) if decided else None,
        )


def _basis(held: Held) -> str:
    return f"{held.job:064x}"


def _sizes(layout: Layout) -> dict[int, int]:
    sizes: dict[int, int] = {}
    for held in held_posts(layout):
        sizes[held.job] = sizes.get(held.job, 0) + 1
    return {job: size for job, size in sizes.items() if size > 1}


MEMBER_COLUMNS = ("job_id", "post_id", "joined_at")


def members(story: Story) -> Iterator[Row]:
    """Rows of `MEMBER_COLUMNS`."""
    for held in held_posts(story.layout):
        yield story.job_id(held.first, held.job), story.post_id(held.post), story.layout.at(held.post, VERDICT_S)


BAND_COLUMNS = ("job_id", "band", "value")


def band_rows(story: Story) -> Iterator[Row]:
    """Rows of `BAND_COLUMNS`: of the open jobs that later posts may join."""
    layout = story.layout
    for held in held_posts(layout):
        if held.member or layout.course[held.post] != Course.WAITING:
            continue
        if story.template(held.post, held.job).clusters:
            for band, value in enumerate(bands(pdq_of(held.first))):
                yield story.job_id(held.post, held.job), band, value


DECISION_COLUMNS = (
    "number",
    "id",
    "batch",
    "job_id",
    "post_id",
    "account_id",
    "source",
    "kind",
    "queue",
    "action",
    "category",
    "reasons",
    "note",
    "seconds",
    "decided_at",
    "effective_at",
    "binding",
)


def decisions(story: Story) -> Iterator[Row]:
    """Rows of `DECISION_COLUMNS`: one for every decided job."""
    layout = story.layout
    for held in _decided(layout):
        action, category, reasons = story.answer(held.post, held.job)
        made_at = layout.at(held.post, DECISION_S)
        yield (
            int(layout.event[held.post]) + 2,
            row_id(DECISION, held.job, made_at),
            row_id(BATCH, held.job, made_at),
            story.job_id(held.post, held.job),
            story.post_id(held.post),
            story.decider(held.job).id,
            "person",
            "review",
            story.template(held.post, held.job).queue,
            action,
            category,
            json.dumps(reasons),
            "",
            SECONDS_PER_DECISION,
            made_at,
            layout.at(held.post, SETTLED_S),
            True,
        )


FATE_COLUMNS = ("decision_id", "fate", "number", "at")


def fates(story: Story) -> Iterator[Row]:
    """Rows of `FATE_COLUMNS`."""
    layout = story.layout
    for held in _decided(layout):
        at = layout.at(held.post, SETTLED_S)
        decision = row_id(DECISION, held.job, layout.at(held.post, DECISION_S))
        yield decision, "settled", int(layout.event[held.post]) + 3, at


def _decided(layout: Layout) -> Iterator[Held]:
    return (held for held in held_posts(layout) if layout.course[held.post] != Course.WAITING)


COUNTER_COLUMNS = ("hour", "name", "label", "detail", "value")


def counters(story: Story, plan: Plan, now: datetime) -> Iterator[Row]:
    """Rows of `COUNTER_COLUMNS`, for every queue, category and rule in every hour."""
    pairs = sorted({(one.queue, one.category) for one in story.held})
    queues = sorted({queue for queue, _ in pairs})
    rules = sorted({one.rule for one in story.held if one.rule})
    for number, hour in enumerate(hours(story.layout, now)):
        amount = float(20 + number * 7 % 31)
        for queue, category in pairs:
            yield hour, "opened", queue, category, amount
        for queue in queues:
            yield hour, "decided", queue, "approve", amount / 3
            yield hour, "decided", queue, "reject", amount / 2
            yield hour, "handling_s", queue, "", amount * SECONDS_PER_DECISION
            yield hour, "breached", queue, "", amount / 10
        for rule in rules:
            yield hour, "verdict", "hold", rule, amount
        yield hour, "verdict", "approve", "", amount * 40
        for category in plan.categories:
            yield hour, "reviewed", "second agreed", category, amount / 5
            yield hour, "reviewed", "second disagreed", category, amount / 50


SHIFT_COLUMNS = ("id", "account_id", "started_at", "seen_at", "working_since")


def shifts(story: Story, now: datetime) -> Iterator[Row]:
    """Rows of `SHIFT_COLUMNS`: everybody worked yesterday, and began again a moment ago."""
    for person, shift, begin, end in _shifts(story, now):
        yield shift, person.id, begin, end, begin


EXPOSURE_COLUMNS = (
    "id",
    "view",
    "shift_id",
    "account_id",
    "job_id",
    "post_id",
    "category",
    "started_at",
    "seconds",
    "ended_at",
)


def exposures(story: Story, now: datetime) -> Iterator[Row]:
    """Rows of `EXPOSURE_COLUMNS`: what everybody saw in their shifts, within every budget."""
    waiting, key = story.layout.waiting.tolist(), 0
    for person, shift, begin, end in _shifts(story, now):
        at = begin
        while at < end:
            post = waiting[key % len(waiting)]
            category, over = story.template(post).category or "adult", at + timedelta(seconds=LOOK_S)
            view, post_id = row_id(EXPOSURE, key, at), story.post_id(post)
            yield view, view, shift, person.id, None, post_id, category, at, LOOK_S, over
            at, key = at + timedelta(seconds=LOOK_EVERY_S), key + 1


def _shifts(story: Story, now: datetime) -> Iterator[tuple[Person, str, datetime, datetime]]:
    """Person, id, begin and end."""
    for number, person in enumerate(story.deciders):
        for hours_ago, minutes in ((20, 480), (0.2, 10)):
            begin = now - timedelta(hours=hours_ago)
            yield person, row_id(SHIFT, number, begin), begin, begin + timedelta(minutes=minutes)


BREAK_COLUMNS = ("id", "account_id", "reason", "started_at", "ends_at")


def breaks(story: Story, now: datetime) -> Iterator[Row]:
    """Rows of `BREAK_COLUMNS`: the last of the team has one."""
    begin = now - timedelta(minutes=1)
    yield row_id(BREAK, 0, begin), story.deciders[-1].id, "work", begin, now + timedelta(hours=1)


GOLD_COLUMNS = ("id", "post_id", "queue", "action", "category", "note", "added_by", "added_at", "retired_at")


def gold(story: Story) -> Iterator[Row]:
    """Rows of `GOLD_COLUMNS`: decided posts whose answer is taken for right."""
    layout = story.layout
    for held in list(_decided(layout))[:GOLD_ITEMS]:
        template, at = story.template(held.post, held.job), layout.at(held.post, SETTLED_S)
        approved = layout.course[held.post] == Course.APPROVED or not template.category
        answer = ("approve", "") if approved else ("reject", template.category)
        added_by = story.deciders[0].id
        yield row_id(GOLD, held.job, at), story.post_id(held.post), template.queue, *answer, "", added_by, at, None
