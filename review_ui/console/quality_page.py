"""How reliable decisions are: everybody sees their own, leads see everybody's, the disagreements and the gold items."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from moderation.domain.decision import Action
from moderation.domain.errors import InvalidInputError, ModerationError
from moderation.domain.ids import AccountId, PostId
from moderation.domain.job import JobKind
from moderation.domain.people import Capability, Person
from moderation.review.reviewers import (
    Measured,
    by_category,
    by_reviewer,
    category_quality,
    differing,
    other_label,
    reviewer_quality,
)
from review_ui.console.access import needs
from review_ui.console.answers import answer
from review_ui.console.charts import draw
from review_ui.console.desk import Desk, TheDesk
from review_ui.console.forms import Form, TheForm
from review_ui.console.quality_charts import category_chart, gold_chart, label_words, reviewer_chart
from review_ui.console.shell import render

QUALITY = "/console/quality"
PERIODS = {7: "7 days", 30: "30 days", 90: "90 days"}
DEFAULT_DAYS = 30
MAX_LOOKS = 2_000
"""Second reviews, audits and gold answers that are read, the newest of each."""
MAX_APPEALS = 500
"""Answered appeals that are read; the newest."""
MAX_GOLD_SHOWN = 200
FEEDBACK_SHOWN = 20

router = APIRouter(prefix=QUALITY)

Lead = Annotated[Person, needs(Capability.LEAD)]
DeciderOrLead = Annotated[Person, needs(Capability.DECIDE, Capability.LEAD)]
Days = Annotated[int, Query()]


@dataclass(frozen=True, slots=True)
class Differing:
    """A post about which somebody else said something else; the colleague is not named."""

    post_id: PostId
    category: str
    mine: str
    other: str


@router.get("")
async def own_quality(request: Request, person: DeciderOrLead, desk: TheDesk, days: Days = DEFAULT_DAYS) -> Response:
    """The person's own results, with what they can learn from; leads who decide nothing are led to everybody's."""
    if not person.may(Capability.DECIDE):
        return answer(request, f"{QUALITY}/team")
    return render(request, "console/quality.html", person, await run_in_threadpool(_own, desk, person, _period(days)))


@router.get("/team")
async def team_quality(request: Request, person: Lead, desk: TheDesk, days: Days = DEFAULT_DAYS) -> Response:
    """Agreement by category and by reviewer, with intervals."""
    values = await run_in_threadpool(_team, desk, person, _period(days))
    return render(request, "console/quality_team.html", person, values)


@router.get("/gold")
async def gold(
    request: Request,
    person: Lead,
    desk: TheDesk,
    post: Annotated[str, Query(max_length=36)] = "",
    retired: bool = False,  # noqa: FBT001, FBT002  # a query parameter
) -> Response:
    """The gold items, and the form for a new one; `post` fills it in."""
    values = await run_in_threadpool(_gold, desk, person, retired)
    return render(request, "console/gold.html", person, values | {"typed": {"post": post}, "problem": ""})


@router.post("/gold")
async def add_gold(request: Request, person: Lead, desk: TheDesk, form: TheForm) -> Response:
    """Make a post a gold item; what cannot be one is explained beside the form, which keeps what was typed."""

    def add() -> None:
        action, category = _answer_of(form)
        desk.gold_keeper.add(
            PostId(form.get("post", "").strip()),
            queue=form.get("queue", ""),
            action=action,
            category=category,
            note=form.get("note", ""),
            person=person,
            now=desk.clock(),
        )

    try:
        await run_in_threadpool(add)
    except ModerationError as error:
        values = await run_in_threadpool(_gold, desk, person, False)
        told = {"typed": form, "problem": f"{error.message} {error.hint}".strip()}
        return render(request, "console/gold.html", person, values | told, status=error.status)
    return answer(request, f"{QUALITY}/gold")


@router.post("/gold/{gold_id}/retire")
async def retire_gold(request: Request, gold_id: str, person: Lead, desk: TheDesk) -> Response:
    """Ask nobody about it any more."""
    await run_in_threadpool(lambda: desk.gold_keeper.retire(gold_id, person=person, now=desk.clock()))
    return answer(request, f"{QUALITY}/gold")


def measured_since(desk: Desk, account: AccountId | None, since: datetime) -> Measured:
    """What was measured since then: gold and appeals of `account` (None: of everybody), blind looks of everybody."""
    looks = [
        *desk.decisions.agreements(JobKind.SECOND, since=since, limit=MAX_LOOKS),
        *desk.decisions.agreements(JobKind.AUDIT, since=since, limit=MAX_LOOKS),
    ]
    return Measured(
        gold=tuple(desk.gold.results(account, since=since, limit=MAX_LOOKS)),
        looks=tuple(looks),
        appealed=tuple(desk.appealed.answered(account, since=since, limit=MAX_APPEALS)),
    )


def _own(desk: Desk, person: Person, days: int) -> dict[str, object]:
    measured = measured_since(desk, person.id, desk.clock() - timedelta(days=days))
    return {
        "plan": desk.plan(),
        "days": days,
        "periods": PERIODS,
        "quality": reviewer_quality(person.id, measured),
        "missed": [result for result in measured.gold if not result.agreed][:FEEDBACK_SHOWN],
        "differing": [
            Differing(unit.post_id, unit.category, unit.ratings[person.id], other_label(unit, person.id))
            for unit in differing(measured.looks, person.id)[:FEEDBACK_SHOWN]
        ],
        "overturned": [decision for decision in measured.appealed if decision.overturned][:FEEDBACK_SHOWN],
        "said": label_words,
    }


def _team(desk: Desk, person: Person, days: int) -> dict[str, object]:
    now, plan = desk.clock(), desk.plan()
    measured = measured_since(desk, None, now - timedelta(days=days))
    reviewers, categories = by_reviewer(measured), by_category(measured.looks)
    names = desk.people.names([one.account for one in reviewers])
    reviewers.sort(key=lambda one: names.get(one.account, ""))
    waiting = desk.queue.counts({plan.disagreement_queue(name) for name in plan.queues}, now)
    return {
        "plan": plan,
        "days": days,
        "periods": PERIODS,
        "person": person,
        "all": category_quality("", measured.looks),
        "categories": categories,
        "reviewers": reviewers,
        "names": names,
        "measured": measured,
        "waiting": [count for count in waiting if count.open],
        "charts": [
            draw(category_chart(categories, plan)),
            draw(reviewer_chart(reviewers, names)),
            draw(gold_chart(reviewers, names)),
        ],
        "most": MAX_LOOKS,
        "most_appeals": MAX_APPEALS,
    }


def _gold(desk: Desk, _person: Person, retired: bool) -> dict[str, object]:  # noqa: FBT001  # as the query has it
    items = desk.gold.list(retired=retired, limit=MAX_GOLD_SHOWN)
    plan = desk.plan()
    return {
        "plan": plan,
        "items": items,
        "retired": retired,
        "names": desk.people.names({item.added_by for item in items}),
        "queues": [queue for queue in plan.queues.values() if not queue.restricted],
        "categories": [category for category in plan.rejections if not category.gravest],
        "most": MAX_GOLD_SHOWN,
    }


def _answer_of(form: Mapping[str, str] | Form) -> tuple[Action, str]:
    """The right answer: "approve", or "reject:" and the category."""
    action, _, category = form.get("answer", "").partition(":")
    if action not in {Action.APPROVE, Action.REJECT}:
        raise InvalidInputError("Say what the right answer is.")
    return Action(action), category


def _period(days: int) -> int:
    return days if days in PERIODS else DEFAULT_DAYS
