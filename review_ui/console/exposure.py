"""What browsers report of pictures that are shown: how long, and that they are concealed again."""

import re
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from moderation.domain.ids import PostId
from moderation.domain.people import Capability, Person
from moderation.review.plan import Plan
from moderation.storage.review.exposure import Report
from moderation.storage.review.standing import Standing
from review_ui.console.access import needs
from review_ui.console.desk import Desk, TheDesk

VIEW_ID = re.compile(r"[0-9a-f-]{36}")
MAX_CLAIM_SECONDS = 86_400.0

router = APIRouter(prefix="/console/exposure")

Reader = Annotated[Person, needs(Capability.READ_POSTS, active=False)]


class ShownReport(BaseModel):
    """One view of a picture: `id` is the one that the picture was fetched with (`view`).

    `seconds` is how long it was shown so far; `done`: it is concealed again. `job` and `post` are for the reader of a
    network log; the server goes by its own knowledge.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    id: Annotated[str, Field(pattern=VIEW_ID.pattern, max_length=36)]
    job: Annotated[str, Field(max_length=36)] = ""
    post: Annotated[str, Field(max_length=36)] = ""
    seconds: Annotated[float, Field(ge=0, le=MAX_CLAIM_SECONDS)] = 0.0
    done: bool = False


class Counted(BaseModel):
    """The answer. `known` is False for a view whose picture was never fetched. `spent` are categories that the person
    has seen enough of: their next job is of another one.
    """

    known: bool
    spent: list[str]


@router.post("")
async def report(sent: ShownReport, person: Reader, desk: TheDesk) -> Counted:
    """Count what a browser reports; the server's own clock bounds it. Sending it again changes nothing."""
    return await run_in_threadpool(_report, desk, person, sent)


def _report(desk: Desk, person: Person, sent: ShownReport) -> Counted:
    now = desk.clock()
    known = desk.wellbeing.reported(person.id, Report(sent.id, sent.seconds, sent.done), now)
    spent = sorted(desk.wellbeing.allowance(person.id, now).avoid) if sent.done else []
    return Counted(known=known, spent=spent)


def begin_exposure(desk: Desk, person: Person, post_id: PostId, view: str) -> None:
    """A picture is about to be sent. What cannot be counted is not shown: raises what the database raises."""
    name = view if VIEW_ID.fullmatch(view) else ""
    standing = desk.standings.of([post_id]).get(post_id, Standing())
    category = gravest_of(standing, desk.plan())
    desk.wellbeing.shown(name, account=person.id, post=post_id, category=category, now=desk.clock())


def gravest_of(standing: Standing, plan: Plan) -> str:
    """The severest of the categories that were named for a post, "" if none was."""
    return max(sorted(standing.categories), key=lambda name: plan.category(name).severity, default="")
